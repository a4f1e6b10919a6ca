"""The table from a log: every column by hand, and nothing in it that comes later."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aisle.core.events import Dataset
from aisle.ranking.ctr.build import Asked, examples
from aisle.ranking.ctr.examples import Column, Examples
from aisle.ranking.ctr.labels import followed
from aisle.schema import EVENT_CODE
from aisle.testing.toys import DAY, START, catalogue
from tests.evaluation.logs import HOUR, Deed, shop

NAN = np.nan
GOODS = {
    "a": {"title": "a", "category": "Home > Lamps", "brand": "Lux", "price": 10.0},
    "b": {"title": "b", "category": "Home > Rugs", "brand": None, "price": None},
    "c": {"title": "c", "category": None, "brand": "Lux", "price": 30.0},
}
CLICK, PURCHASE = EVENT_CODE["click"], EVENT_CODE["purchase"]


def data(*deeds: Deed) -> Dataset:
    return replace(shop(list(deeds), "abc"), catalogue=catalogue(GOODS))


LOG = data(
    Deed("u", "impression", "a", 1, query="lamp", rank=0),
    Deed("u", "impression", "b", 1, query="lamp", rank=1),
    Deed("u", "click", "a", 1.1, query="lamp"),
    Deed("u", "purchase", "a", 2),
    Deed("v", "impression", "a", 3, rank=0),
    Deed("u", "impression", "a", 5, query="lamp", rank=2),
    Deed("u", "impression", "c", 5, query="lamp", rank=0),
    Deed("u", "click", "c", 5, query="lamp"),
)


def table(log: Dataset = LOG, length: int = 3) -> Examples:
    rows = np.flatnonzero(log.events.type == EVENT_CODE["impression"])
    return examples(log, Asked.rows(log.events, rows), followed(log.events, rows, (CLICK,)).astype(float), length)


def words(column: Column) -> list[str | None]:
    return [None if code < 0 else column.names[code] for code in column.codes.ravel().tolist()]


def test_the_label_is_a_click_on_the_item_after_the_impression_by_the_same_shopper() -> None:
    assert table().label.tolist() == [1, 0, 0, 0, 1]


def test_the_event_that_counts_is_stated_and_must_come_in_time() -> None:
    rows = np.flatnonzero(LOG.events.type == EVENT_CODE["impression"])
    assert followed(LOG.events, rows, (PURCHASE,)).tolist() == [False] * 5, "bought an hour later"
    assert followed(LOG.events, rows, (PURCHASE,), patience=1.5 * HOUR).tolist() == [True, False, False, False, False]
    nothing = LOG.events.where(LOG.events.type == EVENT_CODE["impression"])
    assert not followed(nothing, np.arange(5), (CLICK,)).any()


def test_categories_say_who_what_where_and_when() -> None:
    found = {name: words(column) for name, column in table().categories.items()}
    assert found["user"] == ["u", "u", "v", "u", "u"]
    assert found["item"] == ["a", "b", "a", "a", "c"]
    assert found["category"] == ["Home > Lamps", "Home > Rugs", "Home > Lamps", "Home > Lamps", None]
    assert found["department"] == ["Home", "Home", "Home", "Home", None]
    assert found["brand"] == ["Lux", None, "Lux", "Lux", "Lux"]
    assert found["query"] == ["lamp", "lamp", None, "lamp", "lamp"]
    assert found["surface"] == ["search", "search", "home", "search", "search"]
    assert found["position"] == ["0", "1", "0", "2", "0"]
    hour = int(START // HOUR % 24)
    assert found["hour"] == [str((hour + hours) % 24) for hours in (1, 1, 3, 5, 5)]


def test_numbers_count_what_came_before_and_not_the_moment_itself() -> None:
    found = table().numbers
    assert found["item_shown"].tolist() == [0, 0, 1, 2, 0]
    assert found["item_taken"].tolist() == [0, 0, 2, 2, 0]
    assert found["item_bought"].tolist() == [0, 0, 1, 1, 0]
    assert found["user_shown"].tolist() == [0, 0, 0, 2, 2]
    assert found["pair_taken"].tolist() == [0, 0, 0, 2, 0]
    assert found["category_taken"].tolist() == [0, 0, 0, 2, 0]
    assert found["brand_taken"].tolist() == [0, 0, 0, 2, 2]
    assert found["query_taken"].tolist() == [0, 0, 0, 1, 0]
    np.testing.assert_allclose(found["user_since"], [NAN, NAN, NAN, 3 * HOUR, 3 * HOUR], rtol=1e-6)
    np.testing.assert_array_equal(found["price"], [10, NAN, 10, 10, 30])
    assert found["item_rate"][2] == pytest.approx((2 + 20 * 1.0) / (1 + 20)), "2 taken of 2 shown before are 1 for all"
    assert np.isnan(found["item_rate"][0]), "nothing was shown before"


def test_the_last_items_end_with_the_newest() -> None:
    sequences = {name: np.array(words(column)).reshape(-1, 3).tolist() for name, column in table().sequences.items()}
    assert sequences["item"][0] == [None] * 3
    assert sequences["item"][3] == [None, "a", "a"]
    assert sequences["category"][3] == [None, "Home > Lamps", "Home > Lamps"]


def test_recent_events_are_of_four_weeks() -> None:
    log = data(Deed("u", "click", "a", 0), Deed("u", "click", "a", 20 * DAY / HOUR), Deed("u", "impression", "a", 30 * DAY / HOUR, rank=0))
    assert table(log).numbers["item_taken"].tolist() == [2]
    assert table(log).numbers["item_recent"].tolist() == [1]


def test_later_events_change_nothing_but_the_label() -> None:
    whole, early = table(), table(replace(LOG, events=LOG.events.where(LOG.events.time < START + 4 * HOUR)))
    for name, values in early.numbers.items():
        np.testing.assert_array_equal(values, whole.numbers[name][:3])
    for name, column in early.categories.items():
        assert words(column) == words(whole.categories[name])[:3]
    assert words(early.sequences["item"]) == words(whole.sequences["item"])[:9]


def test_what_the_shop_does_not_know_is_no_column() -> None:
    plain = shop([Deed("u", "click", "a", 1), Deed("u", "click", "b", 2)])
    none, twice = np.full(1, -1, np.int32), np.zeros(1, np.int32)
    found = examples(plain, Asked(twice, twice, none, np.array([START + 9 * HOUR]), np.full(1, NAN)), np.zeros(1))
    assert set(found.categories) == {"user", "item", "hour", "weekday"}
    assert set(found.sequences) == {"item"}
    unknown = examples(plain, Asked(none, none, none, np.array([START + 9 * HOUR]), np.full(1, NAN)), np.zeros(1))
    assert words(unknown.categories["item"]) == [None] and unknown.numbers["item_taken"].tolist() == [0]
