"""Toy shops with answers worked by hand: the sources of this house find them."""

from __future__ import annotations

import numpy as np
import pytest

from aisle.core.events import Dataset
from aisle.core.request import Request
from aisle.core.stage import Allowed, Block, Source
from aisle.filters.seen import Seen
from aisle.retrieval.als import Als
from aisle.retrieval.ease import Ease
from aisle.retrieval.item_knn import ItemKnn
from aisle.retrieval.lexical import Lexical
from aisle.retrieval.markov import Markov
from aisle.retrieval.popularity import Popularity
from aisle.retrieval.repeat import Repeat
from aisle.testing.blocks import answers, ask, block
from aisle.testing.toys import DAY, QUERIES, START, bilingual, catalogue, checkerboard, refills, sequential


def first(source: Source, data: Dataset, request: Request, unseen: bool = False) -> str:
    asked: Block = block(data, [request])
    allowed = Allowed.everything(len(data.catalogue), 1)
    found = source.retrieve(asked, allowed & Seen(data.catalogue).allowed(asked) if unseen else allowed, 3)
    return answers(data.catalogue, found)[0][0][0]


@pytest.mark.parametrize("source", [ItemKnn(), Ease(regularization=5.0), Als(embedding_size=4)], ids=lambda source: source.name)
def test_on_the_checkerboard_the_answer_is_the_diagonal(source: Source) -> None:
    data = checkerboard()
    source.fit(data)
    assert [first(source, data, ask("home", f"u{user}"), unseen=True) for user in range(20)] == [f"i{user}" for user in range(20)]


def test_popularity_does_not_know_parity() -> None:
    data = checkerboard()
    source = Popularity().fit(data)
    right = sum(first(source, data, ask("home", f"u{user}"), unseen=True) == f"i{user}" for user in range(20))
    assert right < 10


def test_after_a_comes_b_and_after_b_comes_c() -> None:
    data = sequential()
    source = Markov().fit(data)
    assert first(source, data, ask("item", items=["a"])) == "b"
    assert first(source, data, ask("item", items=["b"])) == "c"


def test_a_refill_is_the_users_own() -> None:
    data = refills()
    source = Repeat().fit(data)
    assert [first(source, data, ask("home", f"u{user}")) for user in range(12)] == [f"own{user}" for user in range(12)]


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_in_either_language_finds_its_item_first(query: str) -> None:
    data = bilingual()
    assert first(Lexical().fit(data), data, ask("search", query=query)) == QUERIES[query]


def test_in_the_bilingual_shop_even_users_buy_even_places() -> None:
    data = bilingual()
    assert (data.events.item % 2 == np.array([int(data.events.users[user][1:]) % 2 for user in data.events.user])).all()


def test_time_runs_forward_and_starts_with_the_shop() -> None:
    for data in (bilingual(), checkerboard(), sequential(), refills()):
        assert (np.diff(data.events.time) >= 0).all()
        assert START <= data.events.time[0] < START + 40 * DAY
    assert checkerboard(clock=False).events.time.max() < 20


def test_what_an_item_lacks_is_missing_and_not_zero() -> None:
    items = catalogue({"a": {"title": "A", "price": 0.0}, "b": {"title": "B"}})
    assert items.number("price")[0] == 0.0
    assert np.isnan(items.number("price")[1])
