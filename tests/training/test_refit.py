"""The refit: everything again where the time lasts, window 1's fit where it does not, and said either way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aisle.core.events import Dataset
from aisle.data.windows import cut
from aisle.evaluation.drift import stability
from aisle.pipeline import Pipeline
from aisle.training import refit as refitting
from aisle.training.budget import Budget
from aisle.training.job import Job, plain_stacks
from aisle.training.refit import refit, reserve, seconds, shift, writing
from aisle.training.tasks import TaskResult, replays
from tests.training.clock import Clock
from tests.training.conftest import NAMES, job_of


@pytest.fixture
def fresh(data: Dataset, tmp_path: Path) -> tuple[Job, Clock]:
    """Sources fitted on window 1; each is said to have taken 10 s, and the clock stands."""
    clock = Clock()
    made = replace(job_of(data, cut(data.events, data.judgements), tmp_path), budget=Budget(10, clock))
    for name in NAMES:
        made.source(name, False)
        done = tmp_path / f"window1-{name}" / "done"
        if done.exists():
            done.write_text("10")
    return made, clock


def test_the_refit_is_given_what_window_1_took_grown_with_the_log(fresh: tuple[Job, Clock]) -> None:
    job, _ = fresh
    assert seconds(job, "item_knn") == pytest.approx(1.3 * 10 / 0.6, rel=0.02), "window 1 has six tenths of the events"
    assert 13 < seconds(job, "markov") < seconds(job, "item_knn"), "a part of its cost is the same for any log"
    assert seconds(job, "lexical") == 0, "the words are not indexed again"
    assert seconds(job, "popularity") == 0, "counters hold the whole log already"
    again = sum(seconds(job, name) for name in ("repeat", "item_knn", "markov"))
    assert reserve(job, NAMES) == pytest.approx(again + 1.3 * writing(job))


def test_what_costs_by_the_catalogue_does_not_grow_with_the_log(fresh: tuple[Job, Clock]) -> None:
    job, _ = fresh
    job.parts.get("window1-ease", lambda folder: job.source("ease", False), lambda: job.source("ease", False))
    (job.parts.folder / "window1-ease" / "done").write_text("10")
    assert seconds(job, "ease") == pytest.approx(13)


def test_with_time_everything_is_fitted_again(fresh: tuple[Job, Clock]) -> None:
    job, _ = fresh
    before = {name: job.source(name, False) for name in NAMES}
    after, late = refit(job, before)
    assert late == []
    for name in ("item_knn", "markov"):
        assert after[name].neighbours_.weight.sum() != before[name].neighbours_.weight.sum()  # type: ignore[attr-defined]
    assert after["lexical"] is before["lexical"]


def test_without_time_a_source_stays_as_window_1_taught_it_and_is_named(fresh: tuple[Job, Clock]) -> None:
    job, clock = fresh
    before = {name: job.source(name, False) for name in NAMES}
    clock.pass_(600)
    after, late = refit(job, before)
    assert all(after[name] is before[name] for name in ("repeat", "item_knn", "markov", "lexical"))
    assert late == ["The time was used up before the refit of repeat, item_knn, markov: in the bundle they know window 1 alone."]


def test_a_long_fit_is_left_out_when_the_machine_has_grown_slower(fresh: tuple[Job, Clock], monkeypatch: pytest.MonkeyPatch) -> None:
    """Three sources of some 20 s each fit into 45 s as the clock stands, but not when everything takes four times as long."""
    job, clock = fresh
    before = {name: job.source(name, False) for name in NAMES}
    clock.pass_(600 - 45)
    assert refit(job, before)[1] == []
    monkeypatch.setattr(Budget, "slower", lambda _: 4.0)
    assert "repeat, item_knn, markov" in refit(job, before)[1][0]


def test_a_plan_fits_again_however_long_it_takes(fresh: tuple[Job, Clock]) -> None:
    job, clock = fresh
    clock.pass_(600)
    _, late = refit(replace(job, budget=replace(job.budget, planned=True)), {name: job.source(name, False) for name in NAMES})
    assert late == []


def asked(job: Job) -> TaskResult:
    stack = plain_stacks(NAMES)["home"]
    return TaskResult(stack, {}, {}, replays(job)["home"][4], [], None, None, [], None, [])  # type: ignore[arg-type]


def test_scores_that_did_not_move_are_said_not_to_have(job: Job, pipeline: Pipeline) -> None:
    said = shift(job, [asked(job)], pipeline, pipeline)
    assert said == ["home: after the refit the distribution of fused scores did not move much (stability index 0.00)."]


def test_scores_that_moved_are_said_to_have(job: Job, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = iter([np.random.default_rng(0).random(500), 1 + np.random.default_rng(1).random(500)])
    monkeypatch.setattr(refitting, "_scores", lambda *_: next(scores))
    assert "moved: rankers may read the refitted sources wrongly" in shift(job, [asked(job)], pipeline, pipeline)[0]


def test_without_time_the_comparison_is_left_out_and_said_to_be(fresh: tuple[Job, Clock], pipeline: Pipeline) -> None:
    job, clock = fresh
    clock.pass_(600)
    assert "the time did not last" in shift(job, [asked(job)], pipeline, pipeline)[0]


def test_the_stability_index_is_nought_for_the_same_and_large_for_another() -> None:
    random = np.random.default_rng(0)
    a, b = random.normal(size=5_000), random.normal(size=5_000)
    assert stability(a, b) < 0.02
    assert stability(a, b + 1) > 0.25
    assert stability(a[:5], b) == 0, "too few to tell"


def test_the_stability_index_by_hand() -> None:
    """Two bins of one half each; of the new scores a fifth lies in the first: .3 ln(.8 / .5) - .3 ln(.2 / .5)."""
    old, new = np.repeat([0.0, 1.0], 50), np.repeat([0.0, 1.0], [20, 80])
    assert stability(old, new, bins=2) == pytest.approx(0.3 * np.log(1.6) - 0.3 * np.log(0.4))
