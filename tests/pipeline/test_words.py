"""Sorted by price or age, a search shows what has all its words, else most of them; by relevance nothing changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aisle.core.answer import Answer
from aisle.core.candidates import Candidates
from aisle.core.errors import StageError
from aisle.core.request import Condition
from aisle.core.stage import Allowed, Block
from aisle.retrieval.lexical import Lexical
from aisle.shop import Shop
from aisle.testing import toys
from tests.pipeline.toy import pipeline, request
from tests.pipeline.toy import shop as opened

GOODS = {
    "note_red": ("Red notebook", "红色笔记本", "Ink", 2.0), "note_blue": ("Blue notebook", "蓝色笔记本", "Ink", 3.0),
    "pen_red": ("Red pen", "红色钢笔", "Ink", 1.0), "dress_red": ("Red dress", "红色连衣裙", "Fen", 40.0),
    "dress_silk": ("Dress of red silk", "红色真丝连衣裙", "Koha", 90.0), "dress_blue": ("Blue dress", "蓝色连衣裙", "Fen", 30.0),
    "dress_green": ("Green dress", "绿色连衣裙", "Koha", 20.0), "scarf_silk": ("Silk scarf", "真丝围巾", "Koha", 15.0),
}  # fmt: skip
REST = {f"bolt{size}": (f"Bolt number{size}", f"螺栓{size}", "Ink", 0.5) for size in range(12)}
NAMES = ("title", "title_zh", "brand", "price")


@pytest.fixture(scope="module")
def shop() -> Shop:
    items = toys.catalogue({item: dict(zip(NAMES, facts, strict=True)) for item, facts in (GOODS | REST).items()})
    return opened(pipeline(toys.shop(items, [("u", "note_red", 1.0, "click")])))


def ask(shop: Shop, query: str, sort: str = "price", **fields: object) -> Answer:
    return shop.answer([request("search", query=query, sort=sort, **fields)])[0]


def ids(answer: Answer) -> list[str]:
    return [item.item_id for item in answer.items]


@pytest.mark.parametrize(
    ("typed", "by_price"),
    [
        ("red dress", ["dress_red", "dress_silk"]), ("dresses with red", ["dress_red", "dress_silk"]),
        ("red silk dress", ["dress_silk"]), ("red drress", ["dress_red", "dress_silk"]), ("红色连衣裙", ["dress_red", "dress_silk"]),
        ("红色的 真丝", ["dress_silk"]), ("red 连衣裙", ["dress_red", "dress_silk"]), ("blue silk notebook", ["note_blue"]),
        ("green silk dress", ["dress_green", "dress_silk"]), ("koha dress", ["dress_green", "dress_silk"]),
    ],
)  # fmt: skip
def test_by_price_stands_what_has_all_words_else_what_has_most_and_it_alone_is_counted(shop: Shop, typed: str, by_price: list[str]) -> None:
    for sort, wanted in (("price", by_price), ("-price", by_price[::-1])):
        answer = ask(shop, typed, sort, facets=("brand",))
        assert ids(answer) == wanted
        assert answer.total == sum(answer.facets["brand"].values()) == len(wanted)


@pytest.mark.parametrize("typed", ["red", "silk", "连衣裙", "unknown", "red unknown", "silk notebook"])
def test_one_word_and_words_that_no_item_has_together_are_answered_as_before(shop: Shop, typed: str) -> None:
    assert shop.matching is not None
    query = shop.pipeline.understand(typed)
    matching = {shop.pipeline.catalogue.ids[int(row)] for row in shop.matching.matches(query)}
    answer = ask(shop, typed)
    assert set(ids(answer)) == matching or not matching
    assert answer.total == len(matching)


def test_by_relevance_whatever_has_one_of_the_words_is_found_and_counted(shop: Shop) -> None:
    answer = ask(shop, "red dress", "relevance", facets=("brand",))
    assert ids(answer)[:2] == ["dress_red", "dress_silk"]
    assert {"note_red", "pen_red"} <= set(ids(answer))
    assert answer.total == sum(answer.facets["brand"].values()) > 2
    alone = shop.answer([request("search", query="red dress"), request("search", query="red dress", sort="price")])
    assert ids(alone[0]) == ids(answer)
    assert ids(alone[1]) == ["dress_red", "dress_silk"]


def test_a_filter_is_kept_and_within_it_what_has_most_words_is_shown(shop: Shop) -> None:
    counted = ask(shop, "red dress", facets=("brand",)).facets["brand"]
    assert counted == {"Fen": 1, "Koha": 1}
    for brand in ("Fen", "Koha"):
        assert ask(shop, "red dress", filters={"brand": Condition(any_of=(brand,))}).total == counted[brand]
    cheap = ask(shop, "red dress", filters={"price": Condition(lt=10.0)})
    assert ids(cheap) == ["pen_red", "note_red"]


def test_pages_put_together_are_the_one_long_page() -> None:
    words = ("red", "dress", "red dress", "dress of red")
    items = toys.catalogue({f"i{n}": {"title": f"{words[n % 4]} x{n}", "price": float(n * 7 % 90)} for n in range(700)})
    made = opened(pipeline(toys.shop(items, [("u", "i0", 1.0, "click")])))
    whole = ask(made, "red dress", limit=500)
    assert whole.total == 350
    assert all("red" in str(one.attributes["title"]) and "dress" in str(one.attributes["title"]) for one in whole.items)
    parts = [ids(ask(made, "red dress", limit=30, offset=start)) for start in range(0, 510, 30)]
    assert [item for part in parts for item in part] == ids(whole)
    assert len(set(ids(whole))) == len(whole.items) >= 200


def test_why_says_how_many_of_the_words_an_item_has(shop: Shop) -> None:
    why = ask(shop, "red silk dress", why=("pen_red", "scarf_silk", "dress_blue", "bolt3", "dress_red"), language="en").why
    assert {item: (one.stage, one.details["words"]) for item, one in why.items()} == {
        "pen_red": ("words", 1), "scarf_silk": ("words", 1), "dress_blue": ("words", 1), "bolt3": ("words", 0), "dress_red": ("words", 2),
    }  # fmt: skip
    assert why["dress_red"].reason.startswith("has 2 of the query's 3 words, and what has 3 is all that is sorted")
    assert ask(shop, "红色连衣裙", why=("pen_red",)).why["pen_red"].reason == "只含2个搜索词中的1个；非综合排序只列出含2个的商品"
    assert ask(shop, "red", why=("dress_blue",)).why["dress_blue"].stage != "words"
    lost = ask(shop, "red dress", why=("pen_red",), filters={"price": Condition(gte=10.0)}).why["pen_red"]
    assert lost.stage == "filter"


class Meaning(Lexical):
    """Proposes everything, as a source by meaning does."""

    name = "dense"

    def retrieve(self, block: Block, allowed: Allowed, limit: int) -> Candidates:
        rows = [np.flatnonzero(allowed.mask(number)).astype(np.int32)[:limit] for number in range(len(block))]
        return Candidates.of(rows, score=[np.ones(len(found), np.float32) for found in rows])

    def score(self, block: Block, candidates: Candidates) -> np.ndarray:
        return np.ones(len(candidates), np.float32)


def test_what_is_found_by_meaning_alone_is_sorted_only_where_no_item_has_a_word(shop: Shop) -> None:
    from aisle.training.job import plain_stacks

    made = replace(shop.pipeline, sources={**shop.pipeline.sources, "dense": Meaning()}, stacks=plain_stacks(["lexical", "dense"]))
    with_meaning = opened(made)
    assert ids(ask(with_meaning, "red dress")) == ["dress_red", "dress_silk"]
    assert "bolt3" in ids(ask(with_meaning, "red dress", "relevance"))
    assert len(ids(ask(with_meaning, "frobnicate"))) == 12


def test_where_counting_words_fails_the_search_is_answered_and_says_so(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise StageError("no words today")

    monkeypatch.setattr(Lexical, "held", broken)
    answer = ask(shop, "red dress")
    assert ids(answer)[0] == "pen_red"
    assert (answer.degraded, answer.skipped) == (True, ("words",))
