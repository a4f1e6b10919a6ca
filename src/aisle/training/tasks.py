"""One task learned and measured: replay, frames, choice of sources, rankers, fusion, and the numbers on windows 3 and 4."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aisle.core.events import Dataset
from aisle.evaluation import replay
from aisle.evaluation.replay import Replay
from aisle.evaluation.results import PlanRow
from aisle.fusion.stack import Stack
from aisle.pipeline import Pipeline
from aisle.training.budget import FLOOR
from aisle.training.frames import Frame, frame
from aisle.training.job import Job
from aisle.training.judge import Windows
from aisle.training.learn import Learned, choose, learn
from aisle.training.pace import Pace

RARE = 0.02
"""Share of repeats below which home and home without owned items are one task."""
POOL = 200
"""Candidates of a request that rankers learn from, the best by a plain sum of the sources."""
Inside = Callable[[int], NDArray[np.bool_]]


@dataclass(frozen=True)
class TaskResult:
    """What came of one task: its stack and models, its frames, and the plan's rows."""

    learned: Learned
    windows: Windows
    sources: tuple[str, ...]
    plan: list[PlanRow]

    @property
    def task(self) -> str:
        """The task's name."""
        return self.learned.stack.task


def replays(job: Job) -> dict[str, dict[int, Replay]]:
    """Task to window (2, 3, 4) to its requests; a task without enough wanted in any window is left out."""
    data, settings = job.data, job.settings.evaluation
    targets = replay.success_type(data.events, settings.targets)
    makers: dict[str, Callable[[int], Replay]] = {}
    if targets:
        makers["home"] = lambda window: replay.home(data, job.windows.event == window, targets, new_only=False)
        makers["home_new"] = lambda window: replay.home(data, job.windows.event == window, targets, new_only=True)
    if searchable := search_maker(job):
        makers["search"] = searchable
    if targets and _repeats(makers) < RARE:
        del makers["home"]
    found = {task: {window: make(window) for window in (2, 3, 4)} for task, make in makers.items()}
    return {task: windows for task, windows in found.items() if all(len(one) >= 5 for one in windows.values())}


def _repeats(makers: Mapping[str, Callable[[int], Replay]]) -> float:
    """The share of what was wanted in window 3 that its user owned already."""
    every, new = (len(makers[task](3).truth.item) for task in ("home", "home_new"))
    return 1 - new / max(1, every)


def search_maker(job: Job) -> Callable[[int], Replay] | None:
    """Judgements where there are any, else clicks on what was searched for."""
    data: Dataset = job.data
    if data.judgements is not None and len(data.judgements.query):
        return lambda window: replay.search_judged(data, job.windows.query == window)
    if (data.events.query >= 0).any():
        return lambda window: replay.search_log(data, job.windows.event == window)
    return None


def run_task(job: Job, pipeline: Pipeline, stack: Stack, windows: Mapping[int, Replay], pace: Pace) -> TaskResult:
    """Learn on window 2, decide on window 3, keep window 4 for the report."""
    seed = job.settings.seed
    sizes = pace.sizes(job, pipeline, stack, windows)
    frames: dict[int, Frame] = {}
    for window, one in windows.items():
        chosen = one.sample(sizes[window], seed)
        with job.tracker.part(f"{stack.task}: candidates of window {window}", len(chosen)) as advance:
            frames[window] = frame(pipeline, stack, chosen, POOL if window == 2 else None, advance, pace.until(job, window))
    with job.tracker.part(f"{stack.task}: choose sources, fit rankers, set α"):
        kept, rows = choose(stack.sources, FLOOR, frames[2], frames[3])
        fit, dev = (frames[window].only(kept) for window in (2, 3))
        learned = learn(replace(stack, sources=kept, recall=type(stack.recall)(kept)), fit, dev, job.settings.ranking.alpha, seed)
    plan = [replace(row, part=f"{stack.task}: {row.part}") for row in (*rows, *learned.plan)]
    return TaskResult(learned, Windows(frames[2], frames[3], frames[4]), stack.sources, plan)
