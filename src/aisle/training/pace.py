"""How many requests of each window fit into the time and the memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from time import perf_counter

from aisle.evaluation.replay import Replay
from aisle.fusion.stack import Stack
from aisle.pipeline import Pipeline
from aisle.training.frames import frame
from aisle.training.job import Job

SHARE = 0.3
"""Of the time left this much goes to replaying requests, all tasks together."""
PARTS = {2: 0.5, 3: 0.2, 4: 0.3}
"""How the windows divide it."""
MEMORY = 600e6
"""Bytes that the features of one window may take."""
TRIAL = 64


@dataclass(frozen=True)
class Pace:
    """``tasks``: how many tasks are still to share the time; ``given``: sizes by an earlier run's plan, which then decide."""

    tasks: int
    given: Mapping[str, int]

    def until(self, job: Job, window: int) -> float:
        """When replaying a window must end (`perf_counter`): the machine may have grown slower since the trial. A plan has no such end."""
        left = sum(share for number, share in PARTS.items() if number >= window)
        return inf if self.given else perf_counter() + 1.2 * SHARE * job.budget.left / self.tasks * PARTS[window] / left

    def sizes(self, job: Job, pipeline: Pipeline, stack: Stack, windows: Mapping[int, Replay]) -> dict[int, int]:
        """Window to the most requests to replay."""
        most = {
            2: job.settings.evaluation.train_requests,
            3: job.settings.evaluation.test_requests,
            4: job.settings.evaluation.test_requests,
        }
        if self.given:
            return {window: self.given.get(str(window), most[window]) for window in most}
        job_seconds = SHARE * job.budget.left / self.tasks
        trial = windows[2].sample(TRIAL, job.settings.seed)
        begun = perf_counter()
        tried = frame(pipeline, stack, trial, None)
        each = (perf_counter() - begun) / max(1, len(trial))
        roomy = int(MEMORY / (4 * max(1, len(tried.features)) * max(1.0, len(tried.item) / max(1, len(trial)))))
        total = int(job_seconds / max(each, 1e-5))
        return {window: max(50, min(most[window], int(total * PARTS[window]), roomy * (3 if window == 2 else 1))) for window in most}
