"""Whether updated sources are worse than the running ones: both answer what was asked later than either learned from, paired by user."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from aisle.bundle import Json
from aisle.core.events import Events
from aisle.evaluation.lists import Floats, judge
from aisle.evaluation.metrics import per_request
from aisle.evaluation.replay import Replay
from aisle.evaluation.significance import holm, paired
from aisle.pipeline import Pipeline
from aisle.retrieval.sequences import TYPE_WEIGHT
from aisle.training.candidates import frame
from aisle.training.choose import METRIC

MOST = 400
"""Requests of a task that both answer."""
FEWEST = 30
"""Requests of a task below which nothing can be told."""
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


def compare(before: Pipeline, after: Pipeline, asked: Sequence[Replay], seed: int) -> list[Compared]:
    """Every task with `FEWEST` requests and more; none where nothing can be told."""
    found = [_compared(before, after, one.sample(MOST, seed), seed) for one in asked if len(one) >= FEWEST and one.task in before.stacks]
    p = holm(np.array([one.p for one in found]))
    return [replace(one, p=float(value)) for one, value in zip(found, p, strict=True)]


def _compared(before: Pipeline, after: Pipeline, asked: Replay, seed: int) -> Compared:
    old, new = (_quality(pipeline, asked) for pipeline in (before, after))
    test = paired((new - old)[:, None], asked.users, seed=seed)
    difference, low, high = (float(part[0]) for part in (test.difference.value, test.difference.low, test.difference.high))
    means = float(np.nanmean(old)), float(np.nanmean(new))
    return Compared(asked.task, len(asked), *means, difference, low, high, float(test.p[0]), float(test.detectable[0]))


def _quality(pipeline: Pipeline, asked: Replay) -> Floats:
    """``(requests,)``: NDCG@10 of the fused order, as the report measures it."""
    stack = pipeline.stacks[asked.task]
    made = frame(pipeline, stack, asked, stack.sources, names=stack.names or None)
    lists = made.ranked(made.scored(lambda features: stack.fuse(features)["score"]), 10)
    return per_request(judge(lists, asked.truth), lists, METRIC)
