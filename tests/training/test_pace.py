"""How many requests are replayed: as many as time and memory hold, never none, and a plan's to the number."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import numpy as np
import pytest

from aisle.evaluation.replay import Replay
from aisle.training import pace
from aisle.training.frames import Frame
from aisle.training.pace import Pace
from tests.training.clock import Clock
from tests.training.shelves import shelf

MOST = {2: 20_000, 3: 10_000, 4: 10_000}


def asked(requests: int = 600) -> dict[int, Replay]:
    return {window: shelf(requests, window).replay for window in (2, 3, 4)}


def timed(clock: Clock, each: float) -> object:
    """A trial that takes ``each`` seconds a request and 20 candidates of 6 features each."""

    def trial(few: Replay) -> Frame:
        clock.pass_(each * len(few))
        return shelf(len(few))

    return trial


def sizes(seconds: float, each: float = 0.1, most: dict[int, int] = MOST) -> dict[int, int]:
    clock = Clock()
    end = clock.now + seconds
    return Pace(most, False, lambda: end - clock()).sizes(timed(clock, each), asked(), 7)  # type: ignore[arg-type]


def test_the_time_left_after_the_trials_is_shared_by_the_windows() -> None:
    """32 requests of .1 s, which is little of the time, and 128 more."""
    assert sizes(1_016.1) == {2: 5_000, 3: 2_000, 4: 3_000}


def test_the_settings_limit_what_the_time_would_allow() -> None:
    assert sizes(1e9) == MOST
    assert sizes(1e9, most={2: 100, 3: 60, 4: 70}) == {2: 100, 3: 60, 4: 70}


def test_little_time_still_replays_a_few() -> None:
    assert sizes(3.2) == {2: 50, 3: 50, 4: 50}


def test_memory_limits_what_the_time_would_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request has 20 candidates of 6 features of 4 bytes, 480 together."""
    monkeypatch.setattr(pace, "MEMORY", 480 * 1_000)
    monkeypatch.setattr(pace, "free", lambda: 1e9)
    assert sizes(1e9) == {2: 500, 3: 200, 4: 300}


def test_later_windows_whose_requests_have_more_candidates_get_fewer_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "MEMORY", 480 * 1_000)
    monkeypatch.setattr(pace, "free", lambda: 1e9)
    assert Pace(MOST, False, lambda: 1e9, wider=2).sizes(lambda few: shelf(len(few)), asked(), 7) == {2: 500, 3: 100, 4: 150}


@pytest.mark.parametrize(("free", "later"), [(4e9, (200, 300)), (16e9, (400, 600)), (1e12, (800, 1_200))])
def test_a_machine_with_more_memory_measures_on_more_requests(monkeypatch: pytest.MonkeyPatch, free: float, later: tuple[int, int]) -> None:
    monkeypatch.setattr(pace, "MEMORY", 480 * 1_000)
    monkeypatch.setattr(pace, "free", lambda: free)
    assert sizes(1e9) == {2: 500, 3: later[0], 4: later[1]}


def test_a_plan_needs_no_trial() -> None:
    def never(few: Replay) -> Frame:
        raise AssertionError("a plan needs no trial")

    assert Pace({2: 7, 3: 8, 4: 9}, True, lambda: 0.0).sizes(never, asked(), 7) == {2: 7, 3: 8, 4: 9}


def test_without_a_limit_only_settings_and_memory_count() -> None:
    assert Pace(MOST, False, lambda: inf).sizes(lambda few: shelf(len(few)), asked(), 7) == MOST


def test_windows_one_after_another_use_the_time_up_and_no_more() -> None:
    clock = Clock()
    end = clock.now + 100
    one = Pace(MOST, False, lambda: end - clock())
    for window, seconds in ((2, 50), (3, 20), (4, 30)):
        left = one.window(window)
        assert left() == pytest.approx(seconds)
        clock.pass_(seconds)
        assert left() == pytest.approx(0)


def test_a_window_that_ended_early_leaves_its_time_to_the_next() -> None:
    clock = Clock()
    end = clock.now + 100
    one = Pace(MOST, False, lambda: end - clock())
    clock.pass_(10)
    assert one.window(3)() == pytest.approx(90 * 0.4)


def test_a_sample_is_drawn_so_that_any_beginning_of_it_is_a_sample() -> None:
    replay = shelf(500).replay
    few, more = replay.sample(50, 7), replay.sample(200, 7)
    assert [one.request_id for one in few.requests] == [one.request_id for one in more.requests[:50]]
    assert not np.array_equal(few.users, np.sort(few.users))
    assert replace(few, task="x").sample(1_000, 3).task == "x"
