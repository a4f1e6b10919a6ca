"""Popularity, trends, new items and repeats in shops small enough to say what is right."""

from __future__ import annotations

import numpy as np
import pytest

from aisle.core.events import Dataset
from aisle.core.profiles import Profiles, Slices
from aisle.core.stage import Allowed, Block
from aisle.retrieval.new_items import NewItems
from aisle.retrieval.popularity import Popularity
from aisle.retrieval.repeat import Repeat
from aisle.retrieval.trending import Trending
from tests.retrieval.shop import DAY, START, block, catalogue, log, owned, shop

NOW = START + 100 * DAY


def proposed(source: Popularity | Trending | NewItems | Repeat, asked: Block, items: int) -> list[int]:
    return source.retrieve(asked, Allowed.everything(items, len(asked)), 10).item.tolist()


def test_popularity_forgets() -> None:
    rows = [(user, 0, START + user * 3_600.0) for user in range(20)] + [(user, 1, NOW - DAY) for user in range(5)]
    source = Popularity().fit(shop(rows, 3))
    assert proposed(source, block([[]], NOW), 3) == [1, 0]
    assert proposed(source, block([[]], START + 2 * DAY), 3) == [0]


def test_popularity_without_a_clock_is_a_count() -> None:
    source = Popularity().fit(shop([(user, user % 3 // 2, 0.0) for user in range(9)], 2, clock=False))
    assert proposed(source, block([[]], clock=False), 2) == [0, 1]


def test_two_requests_of_one_block_each_get_their_own_time() -> None:
    source = Popularity().fit(shop([(0, 0, START), (0, 1, NOW - DAY), (1, 1, NOW - DAY)], 2))
    asked = block([[], []], NOW)
    asked.as_of[0] = START + DAY
    found = source.retrieve(asked, Allowed.everything(2, 2), 5)
    assert found.item.tolist() == [0, 1, 0]


def test_what_grows_is_trending_and_what_is_merely_big_is_not() -> None:
    steady = [(day, 0, START + day * DAY + hour * 3_600.0) for day in range(100) for hour in range(5)]
    grown = [(user, 1, NOW - 2 * DAY + user * 60.0) for user in range(12)]
    assert proposed(Trending().fit(shop(steady + grown, 3)), block([[]], NOW), 3) == [1]


def test_new_is_what_was_created_lately_or_else_first_seen_lately() -> None:
    created = np.array([np.nan, NOW - 3 * DAY, np.nan, NOW + DAY, NOW - 90 * DAY])
    rows = [(0, 0, START), (0, 2, NOW - 9 * DAY), (1, 2, NOW - DAY), (1, 4, NOW - DAY)]
    source = NewItems().fit(Dataset(catalogue(5, created), log(rows)))
    assert proposed(source, block([[]], NOW), 5) == [1, 2]


def owning(*rows: tuple[int, float, float, float, float]) -> Block:
    asked = block([[]], NOW)
    none = Profiles.strangers(1)
    known = Profiles(none.recent, owned([rows]), none.dismissed, {}, none.price, np.ones(1), np.zeros(1))
    return Block(asked.requests, asked.as_of, [None], known, Slices.none(1), Slices.none(1))


Purchases = tuple[int, float, float, float, float]


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        pytest.param((0, 5, 5, 9 * DAY, 90 * DAY), (1, 2, 2, 9 * DAY, 90 * DAY), id="oftener"),
        pytest.param((0, 2, 2, 9 * DAY, 90 * DAY), (1, 2, 2, 400 * DAY, 90 * DAY), id="later"),
        pytest.param((0, 3, 3, 250 * DAY, 600 * DAY), (1, 3, 3, 250 * DAY, 4 * DAY), id="in a slow rhythm"),
        pytest.param((0, 2, 2, 9 * DAY, 90 * DAY), (1, 9, 1, 9 * DAY, 0.0), id="on more days, not in one basket"),
    ],
)
def test_repeats_come_first_where_they_were_bought(better: Purchases, worse: Purchases) -> None:
    source = Repeat().fit(shop([], 2))
    assert proposed(source, owning(better, worse), 2) == [0, 1]


def test_what_was_given_back_is_not_bought_again() -> None:
    assert proposed(Repeat().fit(shop([], 2)), owning((0, 0, 1, DAY, 0.0), (1, 1, 1, DAY, 0.0)), 2) == [1]
