"""Windows: by time where there is a clock, by each user's last positions where there is none, judgements by query."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as some
from numpy.typing import NDArray

from aisle.core.events import Events, Judgements
from aisle.core.strings import Strings
from aisle.data.windows import cut, cut_queries


def log(times: NDArray[np.float64] | list[float], users: list[int] | None = None, clock: bool = True) -> Events:
    count = len(times)
    number, real = np.zeros(count, np.int32), np.full(count, np.nan, np.float32)
    user = np.array(users if users is not None else [0] * count, np.int32)
    names = Strings.of([f"u{place}" for place in range(max(user, default=0) + 1)])
    kind = np.zeros(count, np.uint8)
    return Events(names, Strings.of([]), user, number, np.array(times, float), kind, number, number, real, real, real, real, clock)


def judged(queries: list[str], split: list[int] | None = None) -> Judgements:
    count = len(queries)
    places = np.arange(count, dtype=np.int32)
    stated = np.array(split if split is not None else [-1] * count, np.int8)
    return Judgements(Strings.of(queries), places, places, np.ones(count, np.float32), stated, 0.5)


def test_a_log_with_a_clock_is_cut_in_60_20_10_10() -> None:
    windows = cut(log(np.arange(100.0)))
    assert windows.describe()["events"] == [60, 20, 10, 10]
    assert windows.cuts == (60.0, 80.0, 90.0)
    assert windows.event.tolist() == [1] * 60 + [2] * 20 + [3] * 10 + [4] * 10


@given(some.lists(some.integers(0, 12), min_size=1, max_size=60))
def test_windows_follow_time_and_never_split_a_moment(moments: list[int]) -> None:
    times = np.sort(np.array(moments, float))
    windows = cut(log(times))
    if windows.by == "time":
        assert (np.diff(windows.event) >= 0).all()
        for moment in np.unique(times):
            assert len(np.unique(windows.event[times == moment])) == 1
        assert sum(mask.sum() for mask in windows.masks) == len(times)
        assert [int((times < edge).sum()) for edge in windows.cuts] == [int((windows.event <= k).sum()) for k in (1, 2, 3)]


def test_later_events_move_the_cuts_only_forwards() -> None:
    before, after = cut(log(np.arange(50.0))), cut(log(np.arange(100.0)))
    assert (after.event[:50] <= before.event).all()


def test_without_a_clock_each_users_last_three_positions_are_windows_2_to_4() -> None:
    users = [0, 1, 0, 0, 1, 0, 0, 2]
    windows = cut(log([0, 0, 1, 2, 1, 3, 4, 0], users, clock=False))
    assert windows.by == "position"
    assert [windows.event[np.array(users) == user].tolist() for user in range(3)] == [[1, 1, 2, 3, 4], [3, 4], [4]]
    assert windows.describe()["cuts"] == []


def test_a_clock_that_stands_still_cannot_cut() -> None:
    assert cut(log([5.0] * 10)).by == "position"


def test_no_events_give_no_windows() -> None:
    assert len(cut(Events.none()).event) == 0


def test_queries_are_drawn_by_their_text_alone_and_case_does_not_matter() -> None:
    queries = [f"lamp {place}" for place in range(4_000)]
    window = cut_queries(judged(queries))
    assert np.allclose(np.bincount(window, minlength=5)[1:] / 4_000, [0.6, 0.2, 0.1, 0.1], atol=0.02)
    assert (cut_queries(judged([query.upper() for query in queries[::-1]]))[::-1] == window).all()


def test_stated_splits_are_obeyed_and_train_is_divided_three_to_one() -> None:
    queries = [f"lamp {place}" for place in range(3_000)]
    split = [place % 3 for place in range(3_000)]
    window = cut_queries(judged(queries, split))
    assert set(window[1::3]) == {3} and set(window[2::3]) == {4}
    assert np.allclose(np.bincount(window[0::3], minlength=5)[1:] / 1_000, [0.75, 0.25, 0, 0], atol=0.04)


def test_without_a_stated_dev_a_ninth_of_train_is_development() -> None:
    queries = [f"lamp {place}" for place in range(3_000)]
    window = cut_queries(judged(queries, [0 if place % 3 else 2 for place in range(3_000)]))
    train = window[[place for place in range(3_000) if place % 3]]
    assert set(window[0::3]) == {4}
    assert np.allclose(np.bincount(train, minlength=5)[1:] / 2_000, [6 / 9, 2 / 9, 1 / 9, 0], atol=0.04)


def test_the_windows_hold_both_events_and_queries() -> None:
    windows = cut(log(np.arange(10.0)), judged(["a", "b"], [1, 2]))
    assert windows.query.tolist() == [3, 4]
    assert windows.describe()["queries"] == [0, 0, 1, 1]
    assert windows.of(3, 4).sum() == 2
