"""Trees see a use that a sum cannot; what helps neither stays out; without requests the first choice stands, without time
nothing goes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from aisle.evaluation.results import PlanRow
from aisle.training.choose import choose
from aisle.training.frames import Frame
from aisle.training.second_look import FEWEST, NEEDED, NEEDLESS, UNTRIED, look_again
from tests.training.clock import countdown
from tests.training.shelves import WIDE, shelf


def either(requests: int, seed: int) -> Frame:
    """What is wanted is high by one source of s0 and s1 and low by the other, everything else high or low by both; s2 knows nothing."""
    made = shelf(requests, seed, (0.0, 0.0, 0.0))
    random = np.random.default_rng(seed)
    high = random.random((requests, WIDE)) < 0.5
    levels = {"s0": high, "s1": high ^ (made.grade > 0).reshape(requests, WIDE), "s2": random.random((requests, WIDE)) < 0.5}
    for name, level in levels.items():
        share = np.where(level, 0.8, 0.2) + 0.1 * random.random((requests, WIDE))
        made.features[f"{name}_share"][:] = share.ravel()
        made.features[f"{name}_rank"][:] = np.log1p(np.argsort(np.argsort(-share, axis=1), axis=1)).ravel()
    return made


def kept(rows: Sequence[PlanRow]) -> set[str]:
    return {row.part for row in rows if row.kept}


@pytest.fixture(scope="module")
def frames() -> tuple[Frame, Frame]:
    return either(600, 1), either(600, 2)


def test_a_source_that_only_tells_when_to_believe_another_is_kept_and_one_that_knows_nothing_is_not(frames: tuple[Frame, Frame]) -> None:
    first = [PlanRow("s0", True, gain=0.1, why="first"), PlanRow("s1", False, gain=0.0, why=""), PlanRow("s2", False, gain=0.0, why="none")]
    rows = look_again(first, *frames)
    assert kept(rows) == {"s0", "s1"}
    assert [row.part for row in rows] == ["s0", "s1", "s2"]
    assert rows[0] == first[0] and rows[2].why == NEEDLESS
    assert rows[1].gain > 0.3, "with both, trees find nearly all"
    assert rows[1].why == NEEDED


def test_the_sum_alone_would_have_left_it_out(frames: tuple[Frame, Frame]) -> None:
    assert len(kept(choose(["s0", "s1", "s2"], (), *frames))) == 1


def test_too_few_requests_leave_the_first_choice(frames: tuple[Frame, Frame]) -> None:
    rows = [PlanRow("s0", True, gain=0.1, why="first"), PlanRow("s1", False, gain=0.0, why="left out")]
    assert look_again(rows, either(FEWEST - 1, 1), frames[1]) == rows


def test_without_time_for_trees_nothing_is_left_out_by_the_sum_alone(frames: tuple[Frame, Frame]) -> None:
    rows = [PlanRow("s0", True, gain=0.1, why="first"), PlanRow("s1", False, gain=0.0, why="left out")]
    found = look_again(rows, *frames, countdown(0))  # type: ignore[arg-type]
    assert kept(found) == {"s0", "s1"} and found[0] == rows[0] and found[1].why == UNTRIED


def test_what_the_time_does_not_reach_stays(frames: tuple[Frame, Frame]) -> None:
    first = [PlanRow("s0", True, gain=0.1, why="first"), PlanRow("s1", False, gain=0.0, why=""), PlanRow("s2", False, gain=0.0, why="none")]
    found = look_again(first, *frames, countdown(2))  # type: ignore[arg-type]
    assert kept(found) == {"s0", "s1", "s2"} and UNTRIED in {row.why for row in found}


def test_where_all_are_kept_there_is_nothing_to_look_at(frames: tuple[Frame, Frame]) -> None:
    rows = [PlanRow("s0", True, gain=0.1, why="first")]
    assert look_again(rows, *frames) == rows
