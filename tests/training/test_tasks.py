"""One task from requests to figures: in its time, taken up after an interruption, and made again by its plan."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aisle.core.events import Dataset
from aisle.core.stage import Source
from aisle.data.windows import cut
from aisle.pipeline import Pipeline
from aisle.schema import EVENT_CODE
from aisle.tracking import Tracker
from aisle.training import candidates
from aisle.training.budget import FLOOR, Budget
from aisle.training.job import Job, plain_stacks
from aisle.training.parts import Parts
from aisle.training.tasks import Planned, TaskResult, replays, run_task
from tests.training.clock import Clock
from tests.training.conftest import NAMES

STACK = plain_stacks(NAMES)["home"]


def at(job: Job, work: Path, clock: Clock | None = None) -> Job:
    """The run with its own folder and clock, a record beside it."""
    tracker = Tracker(work / "run.jsonl", quiet=True)
    return replace(job, parts=Parts(work / "parts", {}, tracker), tracker=tracker, budget=Budget(60, clock or Clock()))


def run(job: Job, pipeline: Pipeline, planned: Planned = Planned(), share: float = 1.0) -> TaskResult:  # noqa: B008
    return run_task(job, pipeline, STACK, replays(job)["home"], planned, job.budget.part(share))


@pytest.fixture(scope="module")
def result(job: Job, pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> TaskResult:
    """The task with all the time in the world."""
    return run(at(job, tmp_path_factory.mktemp("whole")), pipeline)


def figures(one: TaskResult) -> dict[str, float]:
    return {f"{model}/{name}": number.value for model, numbers in one.test.models.items() for name, number in numbers.items()}


def test_every_source_and_every_model_is_measured_on_both_windows(result: TaskResult) -> None:
    expected = {*STACK.sources, "rank_fusion", "recall_side", "logistic", "lambdamart", "boosted", "blend", "fused", "without_profile"}
    assert set(result.test.models) == set(result.dev.models) == expected
    for name in ("ndcg@10", "hr@10", "recall@100", "coverage@10", "novelty@10", "conversion@10", "revenue@10"):
        assert name in result.test.models["fused"], name
    assert {c.b for c in result.test.comparisons} == expected - {"fused"}
    assert result.test.slices and not result.dev.slices


def test_the_baselines_stay_and_every_part_has_a_line_in_the_ablation(result: TaskResult) -> None:
    assert set(FLOOR) - {"lexical"} <= set(result.stack.sources)
    assert {row.part for row in result.ablation} >= {*result.stack.sources, "user_and_item"}
    assert not any("did not last" in note for note in result.notes)
    assert result.calibration is not None and result.calibration.n > 1_000


def test_the_clock_ends_every_step(job: Job, pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that moves 40 s with each look gives the whole task 9 looks: it ends with the least of everything, and says so."""
    monkeypatch.setattr(candidates, "SMALLEST", 35)
    clock = Clock()
    work = at(job, tmp_path, clock)
    asked, left = replays(work)["home"], work.budget.part(0.1)
    clock.step = 40.0
    one = run_task(work, pipeline, STACK, asked, Planned(), left)
    assert one.sizes[2] == 35 < len(asked[2])
    assert one.effort["lambdamart"]["trees"] < 160
    assert one.ablation == []
    assert any("the time did not last for the ablation of" in note for note in one.notes)
    assert "fused" in one.test.models, "there is a report all the same"


def test_an_interrupted_task_takes_up_its_frames_and_decisions_and_comes_to_the_same(
    job: Job, pipeline: Pipeline, result: TaskResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("aisle.training.tasks.with_reading", cut_off)
        with pytest.raises(KeyboardInterrupt):
            run(at(job, tmp_path), pipeline)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("the frames were finished already")

    with monkeypatch.context() as patch:
        patch.setattr("aisle.training.tasks.frame", never)
        patch.setattr("aisle.training.tasks.proposed", never)
        again = run(at(job, tmp_path), pipeline)
    assert figures(again) == figures(result)
    assert again.sizes == result.sizes and again.plan == result.plan
    taken = [line["part"] for line in map(json.loads, (tmp_path / "run.jsonl").read_text().splitlines()) if line.get("taken_up")]
    assert [part.rsplit("-", 1)[0] for part in taken] == ["frame-home-2", "frame-home-3", "frame-home-4"]


def test_a_plan_makes_the_same_models_whatever_the_clock_says(job: Job, pipeline: Pipeline, tmp_path: Path) -> None:
    clock = Clock()
    work = at(job, tmp_path / "short", clock)
    asked, left = replays(work)["home"], work.budget.part(1.0)
    clock.step = 2.0
    short = run_task(work, pipeline, STACK, asked, Planned(), left)
    slow = Clock(1e6)
    planned = at(job, tmp_path / "plan")
    planned = replace(planned, budget=replace(planned.budget, clock=slow, planned=True))
    again = run(planned, pipeline, Planned(short.sizes, short.effort, short.stack.sources))
    assert again.sizes == short.sizes and again.stack.sources == short.stack.sources
    assert figures(again)["lambdamart/ndcg@10"] == figures(short)["lambdamart/ndcg@10"]
    assert again.effort == short.effort


def test_a_plan_keeps_the_sources_that_it_names_and_no_others(job: Job, pipeline: Pipeline, tmp_path: Path) -> None:
    one = run(at(job, tmp_path), pipeline, Planned(sources=("popularity", "item_knn")))
    assert set(one.stack.sources) == {"popularity", "item_knn"}
    assert {row.why for row in one.plan if row.part.removeprefix("home: ") in STACK.sources} == {"as the plan says"}


def test_home_is_one_task_where_nobody_buys_again(job: Job) -> None:
    assert set(replays(job)) == {"home", "home_new", "search"}
    events = job.data.events
    bought = np.flatnonzero(events.type == EVENT_CODE["purchase"])
    keys = events.user[bought].astype(np.int64) * len(job.data.catalogue) + events.item[bought]
    once = events.type != EVENT_CODE["purchase"]
    once[bought[np.unique(keys, return_index=True)[1]]] = True
    alone = replace(job.data, events=events.where(once))
    assert "home" not in replays(replace(job, data=alone, windows=cut(alone.events, alone.judgements)))


def test_a_log_without_success_has_only_searches(job: Job, data: Dataset) -> None:
    shown = data.events.where(data.events.type == EVENT_CODE["impression"])
    assert set(replays(replace(job, data=replace(data, events=shown), windows=cut(shown, data.judgements)))) <= {"search"}


def test_a_source_that_fails_offline_is_not_measured_as_if_it_had_answered(job: Job, pipeline: Pipeline, tmp_path: Path) -> None:
    class Dead:
        name = "markov"
        surfaces = pipeline.sources["markov"].surfaces

        def retrieve(self, *_: object) -> None:
            raise ZeroDivisionError

        score = retrieve

    dead: Source = Dead()  # type: ignore[assignment]
    broken = replace(pipeline, sources={**pipeline.sources, "markov": dead})
    result = run(at(job, tmp_path), broken)
    assert "markov" not in result.stack.sources
