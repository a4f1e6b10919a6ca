"""The ablation: a part that matters is missed, one that does not is not, each has its line, and the time is kept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aisle.fusion.recall import Recall
from aisle.fusion.stack import Stack
from aisle.training.ablation import GROUPS, PROFILE, Windows, ablation, again, unmeasured
from aisle.training.learn import Learned, Recipe, learn
from tests.training.clock import Clock, countdown
from tests.training.shelves import shelf

RECIPE = Recipe(None, 7, only=("logistic",))
ALWAYS = lambda: 1e9  # noqa: E731


def learned(hint: float = 3.0, requests: int = 150) -> tuple[Learned, Windows]:
    windows = Windows(*(shelf(requests, seed, (0.7, 0.0), hint) for seed in (1, 2, 3)))
    return learn(Stack("home", ("s0", "s1"), Recall(("s0", "s1"))), windows.fit, windows.dev, RECIPE), windows


def test_every_source_and_every_group_there_is_has_its_line() -> None:
    whole, windows = learned()
    rows = ablation(whole, windows, RECIPE, 1.0, ALWAYS)
    assert [row.part for row in rows] == ["s0", "s1", PROFILE]
    assert windows.parts(whole.stack) == ["s0", "s1", PROFILE], "no text and no item facts in these frames"
    assert unmeasured(rows, windows.parts(whole.stack)) == []


def test_the_part_that_knows_is_missed_and_the_one_that_guesses_is_not() -> None:
    rows = {row.part: row for row in ablation(*learned(), RECIPE, 1.0, ALWAYS)}
    assert rows["s0"].difference > 0.03 and rows["s0"].low > 0 and rows["s0"].p < 0.05
    assert rows[PROFILE].difference > 0.1 and rows[PROFILE].low > 0
    assert abs(rows["s1"].difference) < 0.03
    whole = rows["s0"].without + rows["s0"].difference
    assert rows[PROFILE].without + rows[PROFILE].difference == pytest.approx(whole), "all are compared with the same whole"


def test_nothing_of_the_part_is_left_in_what_is_fitted_without_it() -> None:
    whole, windows = learned()
    less, frames = again(whole, windows, "s1", RECIPE)
    assert less.stack.sources == ("s0",)
    assert not any(name.startswith("s1") for name in less.stack.names)
    assert less.stack.alpha == whole.stack.alpha
    less, frames = again(whole, windows, PROFILE, RECIPE)
    assert less.stack.sources == ("s0", "s1")
    assert not any(name.startswith(GROUPS[PROFILE]) for name in frames.test.names)


def test_a_single_source_is_not_taken_away() -> None:
    whole, windows = learned()
    assert windows.parts(replace(whole.stack, sources=("s0",))) == [PROFILE]


def test_short_time_is_kept_by_fitting_all_on_fewer_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fitting once takes 10 s, four fits are needed and 20 s are left: a part of .4 of the requests, the whole too."""
    seen = []

    def counting(stack: Stack, fit: object, dev: object, recipe: Recipe) -> Learned:
        seen.append((len(fit.groups), len(dev.groups)))  # type: ignore[attr-defined]
        return learn(stack, fit, dev, recipe)  # type: ignore[arg-type]

    whole, windows = learned(requests=200)
    monkeypatch.setattr("aisle.training.ablation.learn", counting)
    rows = ablation(whole, windows, RECIPE, 10.0, lambda: 20.0)
    assert seen == [(80, 80)] * 4
    assert len(rows) == 3
    assert len(windows.test.groups) == 200, "all are measured on the whole test window"


def test_parts_for_which_the_time_does_not_last_are_named() -> None:
    whole, windows = learned()
    clock = Clock()
    end = clock.now + 400
    left = [400.0, 400.0, 0.0]
    rows = ablation(whole, windows, RECIPE, 10.0, lambda: left.pop(0) if len(left) > 1 else left[0])
    assert [row.part for row in rows] == ["s0"]
    assert unmeasured(rows, windows.parts(whole.stack)) == ["s1", PROFILE]
    assert end > clock.now


@pytest.mark.parametrize("left", [0.0, 1.0])
def test_without_time_there_is_no_ablation(left: float) -> None:
    assert ablation(*learned(requests=60), RECIPE, 10.0, lambda: left) == []


def test_where_nothing_was_learned_nothing_can_be_taken_away() -> None:
    whole, windows = learned(requests=20)
    assert whole.rankers == {}
    assert ablation(whole, windows, RECIPE, 1.0, countdown(99)) == []  # type: ignore[arg-type]
