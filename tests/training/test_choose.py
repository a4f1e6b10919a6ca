"""The choice of sources: as the slow way would choose, in time, and never without the baselines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from aisle.evaluation.results import PlanRow
from aisle.fusion.recall import Recall
from aisle.training.choose import Trials, choose, mean, quality
from aisle.training.frames import Frame
from tests.training.clock import Clock
from tests.training.shelves import shelf


def kept(rows: Sequence[PlanRow]) -> list[str]:
    return [row.part for row in rows if row.kept]


def slow_way(sources: Sequence[str], fit: Frame, dev: Frame) -> list[str]:
    """Every trial a model fitted anew on all rows."""
    chosen: list[str] = []
    best = -1.0
    while left := [name for name in sources if name not in chosen]:
        gains = {}
        for name in left:
            model = Recall([*chosen, name], "squared").fit(fit.features, fit.grade, fit.offsets)
            gains[name] = mean(quality(dev, model.score(dev.features)))
        name = max(gains, key=lambda key: gains[key])
        if chosen and gains[name] <= best + 1e-5:
            break
        best = gains[name]
        chosen.append(name)
    return chosen


@pytest.mark.parametrize("knowing", [(0.8, 0.0, 0.3), (0.2, 0.3, 0.4, 0.5), (0.0, 0.0, 0.9), (0.8, 0.6, 0.0, 0.05, 0.3)])
def test_the_same_sources_are_chosen_as_by_fitting_every_trial_anew(knowing: tuple[float, ...]) -> None:
    names = [f"s{number}" for number in range(len(knowing))]
    fit, dev = (shelf(150, seed, knowing) for seed in (1, 2))
    rows = choose(names, (), fit, dev)
    assert kept(rows) == slow_way(names, fit, dev)
    assert rows[0].part == f"s{int(np.argmax(knowing))}"
    assert all(row.gain > 0 for row in rows if row.kept)


def test_a_source_that_knows_nothing_is_left_out_unless_it_is_a_baseline() -> None:
    fit, dev = (shelf(300, seed, (0.95, 0.0)) for seed in (1, 2))
    assert kept(choose(["s0", "s1"], (), fit, dev)) == ["s0"]
    rows = choose(["s0", "s1"], ("s1",), fit, dev)
    assert kept(rows) == ["s0", "s1"]
    assert rows[1].why == "stays as a baseline and for the fallback"
    assert rows[1].gain == 0


def test_a_source_without_a_column_is_no_candidate() -> None:
    fit = shelf(40)
    assert [row.part for row in choose(["gone", "s0"], (), fit, fit)] == ["s0"]


def test_little_time_is_spent_on_fewer_requests_so_that_every_source_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    fit, dev = (shelf(2_000, seed, (0.8, 0.0, 0.0, 0.6)) for seed in (1, 2))
    clock, looked, true = Clock(), list[int](), Trials.values

    def slow(trials: Trials, sources: Sequence[str]) -> NDArray[np.float64]:
        looked.append(len(trials.dev.groups))
        clock.pass_(looked[-1] / 1_000)
        return true(trials, sources)

    monkeypatch.setattr(Trials, "values", slow)
    rows = choose(["s0", "s1", "s2", "s3"], (), fit, dev, lambda: max(0.0, 114.0 - clock()))
    assert kept(rows) == ["s0", "s3"] and len(rows) == 4
    assert looked[0] == 2_000 and looked[1] == 1_200 and len(set(looked[1:])) == 1


def test_what_stands_far_down_by_every_source_is_not_looked_at() -> None:
    frame = shelf(50, 1, (0.5, 0.5))
    frame.x[:2] = 0.5
    frame.x[[1, 3]] += 5
    far = Trials(["s0", "s1"], frame, frame)
    assert not len(far.dev.item) and far.quality(["s0"]) == 0


def test_where_nothing_was_wanted_all_sources_weigh_the_same_and_nothing_breaks() -> None:
    fit = shelf(30)
    nothing = Frame(fit.replay, fit.offsets, fit.item, fit.names, fit.x, np.zeros(len(fit.item)), np.zeros(len(fit.item), bool))
    assert len(choose(["s0", "s1"], ("s0", "s1"), nothing, fit)) == 2


def test_the_mean_is_over_requests_that_wanted_something() -> None:
    assert mean(np.array([0.5, np.nan, 1.0])) == 0.75
    assert mean(np.array([np.nan])) == 0
