"""Drift in training: each column against window 1, scores against window 3, ageing by days or by steps; any shop survives it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aisle.core.events import Events
from aisle.data.windows import cut
from aisle.evaluation.drift import Shift
from aisle.testing.toys import DAY, START, checkerboard, dozen, shop
from aisle.training.ablation import Windows
from aisle.training.drift import column_shifts, drift, model_aging, score_shifts
from aisle.training.job import Job
from tests.training.conftest import job_of
from tests.training.test_members import asked


def test_every_column_is_held_against_window_1(job: Job) -> None:
    found = column_shifts(job)
    columns = {"event type", "category", "brand", "language", "price band", "query length", "hour of the day, UTC"}
    assert {(one.column, one.before, one.later) for one in found} == {(name, 1, later) for name in columns for later in (2, 3, 4)}
    kinds = next(one for one in found if one.column == "event type" and one.later == 4)
    assert (kinds.n_before, kinds.n_later) == (int((job.windows.event == 1).sum()), int((job.windows.event == 4).sum()))


def test_a_shop_that_turns_over_is_seen_to(tmp_path: Path) -> None:
    """Two hundred shoppers buy lamps, then as many buy shoes."""
    happened = [(f"u{n}", "lamp_red" if n < 200 else "shoe_run", n / 10, "purchase") for n in range(400)]
    data = shop(dozen(), happened)
    found = drift(job_of(data, cut(data.events), tmp_path), [], {}).shifts
    assert {one.verdict for one in found if one.column == "brand" and one.later == 4} == {"moved far"}
    assert {one.verdict for one in found if one.column == "event type"} == {"steady"}


@pytest.mark.parametrize("clock", [True, False])
def test_two_users_and_a_log_without_a_clock_are_survived(tmp_path: Path, clock: bool) -> None:
    data = checkerboard(20, clock)
    few = replace(data, events=data.events.where(data.events.user < 2))
    found = drift(job_of(few, cut(few.events), tmp_path / "two"), [], {})
    assert found.unit == ("days" if clock else "events of the user")
    assert clock or found.text.startswith("No clock")
    assert not [one for one in found.shifts if one.verdict.startswith("moved")]
    assert clock or not [one for one in found.shifts if one.column.startswith("hour")]
    assert not [one for one in found.shifts if one.column in ("category", "brand", "language")], "the catalogue has none"


def test_without_events_nothing_moved(tmp_path: Path) -> None:
    data = replace(checkerboard(), events=Events.none())
    assert drift(job_of(data, cut(data.events), tmp_path), [], {}).text.startswith("No events")


def test_scores_of_the_same_shop_stand_still() -> None:
    whole, windows = asked()
    found = score_shifts(whole, windows)
    assert [(one.column, one.before, one.later) for one in found] == [
        ("home: fused score", 3, 4), ("home: recall side score", 3, 4)
    ]  # fmt: skip
    assert all(one.p > 0.05 for one in found if not np.isnan(one.p))
    same = Windows(windows.fit, windows.test, windows.test)
    assert [one.psi for one in score_shifts(whole, same)] == [0, 0]


def test_ageing_is_counted_from_the_end_of_window_1_in_days(job: Job) -> None:
    """Requests of windows 2, 3 and 4 come 1, 2 and 3 days after it; fused is scored on window 4 alone."""
    _, windows = asked()
    end = START + 5 * DAY
    timed = replace(job, windows=replace(job.windows, by="time", cuts=(end, end + DAY, end + 2 * DAY)))

    def at(day: int) -> Windows:
        frames = (windows.fit, windows.dev, windows.test)
        return Windows(*(
            replace(f, replay=replace(f.replay, requests=[replace(r, as_of=end + (n + day) * DAY) for r in f.replay.requests]))
            for n, f in enumerate(frames)
        ))  # fmt: skip

    points = model_aging(timed, at(1), windows.test.alone["s0"])
    assert {(one.model, one.age) for one in points} == {(name, age) for name in ("s0", "s1") for age in (1.0, 2.0, 3.0)} | {("fused", 3.0)}
    by_step = replace(job, windows=replace(job.windows, by="position", cuts=()))
    assert {one.age for one in model_aging(by_step, at(9), windows.test.alone["s0"])} == {1.0, 2.0, 3.0}
    assert model_aging(timed, windows, windows.test.alone["s0"]) == [], "judged queries have no time"


def test_each_tasks_scores_are_corrected_with_the_columns(job: Job) -> None:
    found = drift(job, [Shift("home: fused score", 3, 4, 50, 50, 0.4, 0.1, 1e-9)], {"home": []})
    assert found.shifts[-1].verdict == "moved far" and found.aging == {}
