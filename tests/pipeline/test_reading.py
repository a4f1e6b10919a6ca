"""The queries of a block are read before retrieval: what was read is in the answer, and a reader that fails costs no answer."""

from __future__ import annotations

from dataclasses import replace

from aisle.core.answer import Intent, to_json
from aisle.core.runner import Runner
from aisle.core.stage import Query
from aisle.query.reader import Encode, Reader
from aisle.shop import Shop
from tests.pipeline.toy import pipeline, request, shop


class Knowing(Reader):
    """Says of every query that it wants to buy something red."""

    def __call__(self, query: Query, encode: Encode | None) -> Query:
        return replace(query, intent=Intent("buy", 0.9, True), attributes={"colour": "red"})


class Broken(Reader):
    """Fails, with something secret in its message."""

    def __call__(self, query: Query, encode: Encode | None) -> Query:
        raise ZeroDivisionError("secret of user 42")


def reading(reader: Reader) -> Shop:
    made = shop()
    return Shop(made.bundle_id, replace(made.pipeline, reader=reader), made.completer, made.matching)


def test_what_was_read_is_in_the_answer_wherever_there_is_a_query() -> None:
    found = reading(Knowing()).answer([request("search", query="red lamp"), request(user_id="u0"), request("search", query="desk")])
    said = [to_json(one)["understanding"] for one in found]
    read = {"intent": {"name": "buy", "score": 0.9, "in_scope": True}, "attributes": {"colour": "red"}, "correction": None}
    assert said == [read, {"intent": None, "attributes": {}, "correction": None}, read]


def test_a_reader_that_fails_is_named_and_the_page_is_the_same() -> None:
    asked = [request("search", query="red lamp")]
    whole, less = shop().answer(asked)[0], reading(Broken()).answer(asked)[0]
    assert [item.item_id for item in less.items] == [item.item_id for item in whole.items]
    assert less.degraded
    assert tuple(less.skipped) == ("read",)
    assert less.understanding.intent is None


def test_a_block_without_queries_is_not_read() -> None:
    runner = Runner()
    replace(pipeline(), reader=Broken()).answer([request(user_id="u0")], runner)
    assert not runner.trace.skipped
