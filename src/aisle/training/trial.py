"""Whether updated sources are worse than the running ones: both answer what was asked later than either learned from, paired by user."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aisle.bundle import Json
from aisle.core.events import Events
from aisle.core.runner import Runner
from aisle.core.stage import Block
from aisle.evaluation.lists import Ranked, judge
from aisle.evaluation.metrics import per_request
from aisle.evaluation.replay import Replay
from aisle.evaluation.significance import holm, paired
from aisle.pipeline import Pipeline, task_of
from aisle.retrieval.sequences import TYPE_WEIGHT
from aisle.training.candidates import BLOCK
from aisle.training.choose import METRIC

MOST = 400
"""Requests of a task that both answer."""
FEWEST = 30
"""Requests of a task below which nothing can be told."""
TOP = 10
LEVEL = 0.05


@dataclass(frozen=True)
class Compared:
    """One task: mean NDCG@10 ``before`` and ``after`` on the same requests, their ``difference`` with bounds, ``p`` of the sign-flip test
    over users, corrected by Holm over the tasks, and the smallest true difference that so many users would have shown."""

    task: str
    requests: int
    before: float
    after: float
    difference: float
    low: float
    high: float
    p: float
    detectable: float

    @property
    def worse(self) -> bool:
        """Surely worse."""
        return self.difference < 0 and self.p < LEVEL

    @property
    def text(self) -> str:
        """In words."""
        return (
            f"{self.task}/{METRIC} {self.before:.4f} before, {self.after:.4f} after on {self.requests:,} later requests"
            f" ({self.difference:+.4f}, {self.low:+.4f} to {self.high:+.4f}, p = {self.p:.3g})"
        )

    def to_json(self) -> dict[str, Json]:
        """For the bundle's card."""
        return {name: round(value, 6) if isinstance(value, float) else value for name, value in asdict(self).items()}


def half_way(events: Events, since: float) -> float:
    """The moment that halves what is of interest and later than ``since``: up to it a trial learns, after it the trial is judged."""
    times = events.time[(events.time > since) & (TYPE_WEIGHT[events.type] > 0) & (events.item >= 0)]
    return float(times[(len(times) - 1) // 2]) if len(times) else since


def compare(before: Pipeline, after: Pipeline, changed: Collection[str], asked: Sequence[Replay], seed: int) -> list[Compared]:
    """Every task with `FEWEST` requests and more, answered by both pipelines, which differ in the ``changed`` sources alone; none where
    nothing can be told."""
    able = [one.sample(MOST, seed) for one in asked if len(one) >= FEWEST and one.task in before.stacks]
    found = [_compared((before, after), changed, one, seed) for one in able]
    p = holm(np.array([one.p for one in found]))
    return [replace(one, p=float(value)) for one, value in zip(found, p, strict=True)]


def _compared(pipelines: tuple[Pipeline, Pipeline], changed: Collection[str], asked: Replay, seed: int) -> Compared:
    asked = asked.pick(np.argsort([request.as_of for request in asked.requests], kind="stable"))  # counters are read once an hour
    old, new = (per_request(judge(lists, asked.truth), lists, METRIC) for lists in _answered(pipelines, changed, asked))
    test = paired((new - old)[:, None], asked.users, seed=seed)
    difference, low, high = (float(part[0]) for part in (test.difference.value, test.difference.low, test.difference.high))
    means = float(np.nanmean(old)), float(np.nanmean(new))
    return Compared(asked.task, len(asked), *means, difference, low, high, float(test.p[0]), float(test.detectable[0]))


def _answered(pipelines: tuple[Pipeline, Pipeline], changed: Collection[str], asked: Replay) -> list[Ranked]:
    """Each pipeline's first ten by the fused score. Profiles, and what unchanged sources say, are worked out once for both."""
    pages: tuple[list[NDArray[np.int32]], ...] = ([], [])
    own = {"features", *(f"rows/{name}" for name in changed)}
    for start in range(0, len(asked), BLOCK):
        block = pipelines[0].block(asked.requests[start : start + BLOCK])
        for pipeline, found in zip(pipelines, pages, strict=True):
            found.extend(_pages(pipeline, block))
            block = replace(block, memo={key: held for key, held in block.memo.items() if key not in own})
    return [Ranked.of(found) for found in pages]


def _pages(pipeline: Pipeline, block: Block) -> list[NDArray[np.int32]]:
    stack = pipeline.stacks[task_of(block.requests[0])]
    found = pipeline.propose(stack, block, pipeline.allowed(block), Runner(), pooled=True)
    score = pipeline.score(stack, block, found)["score"]
    parts = [found.of_request(number) for number in range(len(block))]
    return [found.item[part][np.argsort(-score[part], kind="stable")[:TOP]] for part in parts]
