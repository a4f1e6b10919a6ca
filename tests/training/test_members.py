"""The fusion page of a task: the source that knows beside the one that guesses, pairs while there is time, what each costs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aisle.evaluation.results import Ablation
from aisle.pipeline import Pipeline
from aisle.training.ablation import Windows
from aisle.training.frames import Frame
from aisle.training.job import Job
from aisle.training.learn import Learned
from aisle.training.members import advised, members
from tests.training.test_ablation import learned

ALWAYS = lambda: 1e9  # noqa: E731


def asked(hint: float = 3.0) -> tuple[Learned, Windows]:
    """As the ablation's toy, with each source's own list beside the frames."""
    whole, windows = learned(hint)
    return whole, Windows(*(with_lists(frame) for frame in (windows.fit, windows.dev, windows.test)))


def with_lists(frame: Frame) -> Frame:
    return replace(frame, alone={name: frame.ranked(-frame.features[f"{name}_rank"]) for name in ("s0", "s1")})


def test_every_member_has_its_quality_weight_and_cost(job: Job, pipeline: Pipeline) -> None:
    whole, windows = asked()
    page = members(job, pipeline, whole, windows, ALWAYS)
    held = {one.name: one for one in page.members}
    assert set(held) == {"s0", "s1", "recall_side", "logistic"}
    assert held["s0"].alone.low > held["s1"].alone.high, "one knows, one guesses"
    assert held["s0"].weight > held["s1"].weight and held["s0"].weight + held["s1"].weight == pytest.approx(1)
    assert held["logistic"].weight == whole.stack.alpha == pytest.approx(1 - held["recall_side"].weight)
    assert held["logistic"].milliseconds > 0
    assert page.whole.value >= held["s0"].alone.value


def test_pairs_are_tried_while_there_is_time_and_errors_always_compared(job: Job, pipeline: Pipeline) -> None:
    whole, windows = asked()
    pairs = {(one.a, one.b): one for one in members(job, pipeline, whole, windows, ALWAYS).pairs}
    assert len(pairs) == 6
    assert pairs["s0", "s1"].together.value > 0.5
    late = {(one.a, one.b): one for one in members(job, pipeline, whole, windows, lambda: 0.0).pairs}
    assert late["s0", "s1"].together.value != late["s0", "s1"].together.value, "not tried"
    assert late["s0", "s1"].correlation == pairs["s0", "s1"].correlation


def test_the_ablation_decides_which_member_may_go(job: Job, pipeline: Pipeline) -> None:
    whole, windows = asked()
    page = members(job, pipeline, whole, windows, ALWAYS)
    lost = [Ablation("s1", "ndcg@10", 0.8, 0.0, -0.004, 0.002), Ablation("s0", "ndcg@10", 0.5, 0.3, 0.2, 0.4)]
    assert advised(page, whole, 400, lost, ["noise"]).advice == ["Remove s1: you lose nothing (at most 0.0020 of 0.8000)."]
