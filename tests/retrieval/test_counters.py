"""Counters equal a count by hand over the log cut at the hour, and later events change nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aisle.core.events import Events
from aisle.retrieval.counters import HALF_LIVES, HOUR, Counters
from aisle.retrieval.sequences import TYPE_WEIGHT
from aisle.schema import EVENT_CODE
from tests.retrieval.shop import DAY, START, log

ITEMS = 12
EVERY = np.arange(ITEMS)


@pytest.fixture(scope="module")
def events() -> Events:
    random = np.random.default_rng(5)
    kinds = np.array(["impression", "click", "purchase"])[random.integers(3, size=600)]
    time = START + random.integers(0, 50 * 24 * 60, size=600) * 60.0
    return log(list(zip(random.integers(9, size=600).tolist(), random.integers(ITEMS - 1, size=600).tolist(), time, kinds, strict=True)))


def moments() -> np.ndarray:
    random = np.random.default_rng(6)
    return np.concatenate([START + random.random(20) * 52 * DAY, [START - DAY, START, START + HOUR, START + 25 * DAY]])


@pytest.mark.parametrize("as_of", moments())
def test_counts_equal_brute_force_on_the_log_cut_at_the_hour(events: Events, as_of: float) -> None:
    hour = as_of // HOUR * HOUR
    cut = events.where(events.time < hour)
    counters = Counters.of(events, ITEMS)
    weight, age = TYPE_WEIGHT[cut.type], hour - cut.time // HOUR * HOUR
    for kind in ("click", "purchase", "impression", "cart"):
        of_kind = cut.where(cut.type == EVENT_CODE[kind])
        assert np.array_equal(counters.count(EVERY, as_of, kind), np.bincount(of_kind.item, minlength=ITEMS))
        lately = of_kind.where(of_kind.time >= hour - 48 * HOUR)
        assert np.array_equal(counters.windowed(EVERY, as_of, 48, kind), np.bincount(lately.item, minlength=ITEMS))
        first, last = np.full(ITEMS, np.nan), np.full(ITEMS, np.nan)
        np.fmin.at(first, of_kind.item, of_kind.time // HOUR * HOUR)
        np.fmax.at(last, of_kind.item, of_kind.time // HOUR * HOUR)
        assert np.array_equal(counters.first(EVERY, as_of, kind), first, equal_nan=True)
        assert np.array_equal(counters.last(EVERY, as_of, kind), last, equal_nan=True)
    np.testing.assert_allclose(counters.count(EVERY, as_of), np.bincount(cut.item, weight, ITEMS), atol=1e-6)
    for days in HALF_LIVES:
        wanted = np.bincount(cut.item, weight * 0.5 ** (age / DAY / days), ITEMS)
        np.testing.assert_allclose(counters.decayed(EVERY, as_of, days), wanted, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("as_of", moments())
def test_later_events_change_nothing(events: Events, as_of: float) -> None:
    whole, cut = Counters.of(events, ITEMS), Counters.of(events.where(events.time <= as_of), ITEMS)
    for kind in ("interest", "purchase"):
        assert np.allclose(whole.count(EVERY, as_of, kind), cut.count(EVERY, as_of, kind), atol=1e-9)
        assert np.allclose(whole.windowed(EVERY, as_of, 24, kind), cut.windowed(EVERY, as_of, 24, kind), atol=1e-9)
        assert np.array_equal(whole.first(EVERY, as_of, kind), cut.first(EVERY, as_of, kind), equal_nan=True)
        assert np.array_equal(whole.last(EVERY, as_of, kind), cut.last(EVERY, as_of, kind), equal_nan=True)
    assert np.allclose(whole.decayed(EVERY, as_of), cut.decayed(EVERY, as_of))


def test_each_item_can_have_its_own_time(events: Events) -> None:
    counters, as_of = Counters.of(events, ITEMS), START + np.arange(ITEMS) * 3 * DAY
    together = counters.decayed(EVERY, as_of)
    assert together.tolist() == [float(counters.decayed(EVERY[[row]], float(as_of[row]))[0]) for row in EVERY]


def test_no_time_stands_for_after_everything(events: Events) -> None:
    counters = Counters.of(events, ITEMS)
    assert counters.count(EVERY, float("nan"), "click").sum() == (events.type == EVENT_CODE["click"]).sum()


def test_decay_does_not_overflow_over_a_century() -> None:
    counters = Counters.of(log([(0, 0, 0.0), (0, 0, 100 * 365 * DAY)]), 1)
    assert counters.decayed(np.array([0]), 100 * 365 * DAY + HOUR, 7.0) == pytest.approx(1.0, rel=1e-2)


def test_without_a_clock_it_counts_all_and_knows_no_times() -> None:
    counters = Counters.of(log([(0, 1, 0.0), (0, 1, 1.0), (1, 0, 0.0)], clock=False), 3)
    assert counters.decayed(np.arange(3), 0.0).tolist() == [1.0, 2.0, 0.0]
    assert np.isnan(counters.last(np.arange(3), 0.0)).all()
    assert np.isnan(counters.windowed(np.arange(3), 0.0, 24)).all()


def test_it_is_the_same_after_saving(events: Events, tmp_path: Path) -> None:
    counters = Counters.of(events, ITEMS)
    counters.save(tmp_path)
    again = Counters.load(tmp_path)
    as_of = START + 20 * DAY
    assert np.array_equal(counters.decayed(EVERY, as_of, 7.0), again.decayed(EVERY, as_of, 7.0))
    assert np.array_equal(counters.count(EVERY, as_of, "click"), again.count(EVERY, as_of, "click"))
