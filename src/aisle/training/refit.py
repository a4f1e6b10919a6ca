"""The second fit: sources again on everything; and whether their scores are still what the rankers learned to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from aisle.core.stage import Source
from aisle.evaluation.drift import FAR, stability
from aisle.evaluation.replay import Replay
from aisle.fusion.stack import Stack
from aisle.pipeline import Pipeline
from aisle.training.budget import COST
from aisle.training.candidates import frame
from aisle.training.job import TEXT, Job
from aisle.training.tasks import TaskResult

SAMPLE = 200
LONG = 5.0
"""Seconds of a fit before which it is worth looking whether the machine has grown slower."""
SAFE = 1.3
"""Times the expected that the refit and the bundle are given, on a machine up to so many times slower than it was; a source that would need
more stays as window 1 taught it, which costs its rankers dearly: SASRec so left behind took a tenth of NDCG@10 on amazon_beauty."""


def writing(job: Job) -> float:
    """Seconds that writing, hashing and checking the bundle and leaving the process should take."""
    return (3 + len(job.data.catalogue) / 30_000 + len(job.data.events) / 500_000) * job.budget.slowness


def seconds(job: Job, name: str) -> float:
    """What fitting a source on everything should take, by what window 1 took; 0 for one that is not fitted again."""
    if name in TEXT:
        return 0.0
    items, events = len(job.data.catalogue), len(job.data.events)
    first = max(1, int((job.windows.event == 1).sum()))
    grown = COST[name](items, events) / COST[name](items, first) if name in COST else events / first
    return SAFE * grown * job.parts.seconds(f"window1-{name}")


def reserve(job: Job, names: Sequence[str]) -> float:
    """Seconds to keep for all that comes after the report's models: measuring apart, refit, bundle."""
    return sum(seconds(job, name) for name in names) + SAFE * writing(job)


def refit(job: Job, fitted: Mapping[str, Source]) -> tuple[dict[str, Source], list[str]]:
    """The sources on everything, and a sentence on those for which the time did not last: they stay as window 1 taught them."""
    sources, late = dict(fitted), []
    for name in fitted:
        needed = seconds(job, name)
        if needed > LONG:
            needed *= max(1.0, job.budget.slower() / SAFE)
        if not job.budget.planned and 0 < needed > job.budget.whole - writing(job):
            late.append(name)
        else:
            sources[name] = job.source(name, True)
    if not late:
        return sources, []
    return sources, [f"The time was used up before the refit of {', '.join(late)}: in the bundle they know window 1 alone."]


def shift(job: Job, results: Sequence[TaskResult], before: Pipeline, after: Pipeline) -> list[str]:
    """A sentence a task: how far the fused scores moved between the windowed sources and the refitted ones.

    The same users ask again after everything known: at their old times the refitted sources would have seen what they took next.
    """
    notes, took = [], 0.0
    for result in results:
        if not job.budget.planned and took + SAFE * writing(job) > job.budget.whole:
            notes.append(f"{result.task}: the time did not last to compare the fused scores before and after the refit.")
            continue
        begun = job.budget.clock()
        asked = result.asked.sample(SAMPLE, 0)
        asked = replace(asked, requests=[replace(request, as_of=float("nan")) for request in asked.requests])
        old, new = (_scores(pipeline, result.stack, asked) for pipeline in (before, after))
        index = stability(old, new)
        said = "moved: rankers may read the refitted sources wrongly" if index > FAR else "did not move much"
        notes.append(f"{result.task}: after the refit the distribution of fused scores {said} (stability index {index:.2f}).")
        took = job.budget.clock() - begun
    return notes


def _scores(pipeline: Pipeline, stack: Stack, asked: Replay) -> NDArray[np.float32]:
    made = frame(pipeline, stack, asked, stack.sources, names=stack.names or None)
    return made.scored(lambda features: stack.fuse(features)["score"], stack.asked(made.replay.requests, made.request))
