"""One task learned and measured: replay, choice of sources, rankers, fusion, and the numbers on windows 3 and 4."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from aisle.bundle import Json
from aisle.core.events import Dataset
from aisle.evaluation import replay
from aisle.evaluation.calibration import Reliability, reliability
from aisle.evaluation.drift import Point, Shift
from aisle.evaluation.lists import Lists
from aisle.evaluation.members import Fusion
from aisle.evaluation.replay import Replay
from aisle.evaluation.results import Ablation, PlanRow
from aisle.evaluation.summary import TaskSummary
from aisle.fusion.pool import ASKED_LISTED, LISTED
from aisle.fusion.segments import heads
from aisle.fusion.stack import Stack
from aisle.pipeline import Pipeline
from aisle.ranking.rankers import weighs
from aisle.training.ablation import PROFILE, Windows, ablation, again, unmeasured
from aisle.training.budget import FLOOR, Left, part_of
from aisle.training.candidates import frame, proposed
from aisle.training.choose import MOST, choose
from aisle.training.clicked import clicked
from aisle.training.drift import model_aging, score_shifts
from aisle.training.frames import Frame
from aisle.training.job import Job
from aisle.training.judge import ctr, fused, measure, together
from aisle.training.learn import Effort, Learned, Recipe
from aisle.training.members import advised, members
from aisle.training.pace import Pace
from aisle.training.reading import with_reading
from aisle.training.second_look import look_again

RARE = 0.02
"""Share of repeats below which home and home without owned items are one task."""
LEARNED, LEARNED_PAGE = 200, 100
"""Candidates of a query, and of a page, that rankers learn from, of those that they rank. Of pages there are many, and most wanted nothing
that was proposed: time and memory for twice as many requests teach more than what stands in the second hundred."""
CHOOSING, REPLAYING, LEARNING = 0.2, 0.45, 0.4
"""Of a task's time so much goes to choosing sources; of what is then left to replaying requests; then to fitting. Ablation has the rest."""
SUMS = 0.4
"""Of what is left of the time for choosing, once there are candidates, so much is for sums; the rest is for the second look."""
BESIDE = 0.15
"""Of the time left before the ablation so much may go into pairs of members."""
Inside = Callable[[int], NDArray[np.bool_]]


@dataclass(frozen=True)
class Planned:
    """What an earlier run's plan says of a task: requests of each window, the effort of each ranker, the sources kept. Empty: the clock
    decides."""

    requests: Mapping[int, int] = field(default_factory=dict)
    effort: Effort = field(default_factory=dict)
    sources: Sequence[str] = ()


@dataclass(frozen=True)
class TaskResult:
    """What came of one task; nothing in it holds on to the candidates."""

    stack: Stack
    effort: Effort
    sizes: Mapping[int, int]
    asked: Replay
    plan: Sequence[PlanRow]
    test: TaskSummary
    dev: TaskSummary
    ablation: Sequence[Ablation]
    calibration: Reliability | None
    notes: Sequence[str]
    fusion: Fusion | None = None
    shifts: Sequence[Shift] = ()
    aging: Sequence[Point] = ()

    @property
    def task(self) -> str:
        """The task's name."""
        return self.stack.task


def replays(job: Job, numbers: Sequence[int] = (2, 3, 4)) -> dict[str, dict[int, Replay]]:
    """Task to window to its requests; a task without enough wanted in any window is left out."""
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
    found = {task: {window: make(window) for window in numbers} for task, make in makers.items()}
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


def run_task(job: Job, pipeline: Pipeline, stack: Stack, asked: Mapping[int, Replay], planned: Planned, left: Left) -> TaskResult:
    """Choose the sources, learn on window 2, decide on window 3, measure once on window 4."""
    task, tracker = stack.task, job.tracker
    key = sha256(f"{stack.sources} {job.encoder} {job.budget.minutes} {planned}".encode()).hexdigest()[:8]
    kept, rows = _chosen(job, pipeline, stack, asked, planned, part_of(left, CHOOSING), key)
    windows = replayed(job, pipeline, stack, kept, asked, planned, part_of(left, REPLAYING))
    settings, share = job.settings, part_of(left, LEARNING)
    trees, ranking = settings.tuned.of("trees"), settings.ranking
    named: dict[str, Any] = {"trees": trees, "fusion": ranking.fusion, "ranker": ranking.ranker, "challengers": ranking.challengers}
    often = clicked(job, windows.fit) if weighs((ranking.ranker, *ranking.challengers)) else None
    recipe = Recipe(ranking.alpha, settings.seed, left=share, effort=planned.effort, often=often, **named)
    with tracker.part(f"{task}: fit rankers, set α"):
        begins = replace(stack, sources=kept, recall=type(stack.recall)(kept), heads=_heads(job))
        learned, windows, read = with_reading(begins, windows, recipe)
    recipe = replace(recipe, left=left, effort=learned.effort)
    with tracker.part(f"{task}: fit without the profile"):
        begun = left()
        without = _without_profile(learned, windows, recipe)
        once = begun - left() if begun < inf else 0.0
    with tracker.part(f"{task}: measure on windows 3 and 4"):
        runs = {3: _runs(learned, windows.dev), 4: _runs(learned, windows.test)}
        for window, lists in without.items():
            runs[window]["without_profile"] = lists
        dev, test = measure(job, windows.dev, runs[3], False), measure(job, windows.test, runs[4], True)
        curve = _calibration(learned, windows.test)
    with tracker.part(f"{task}: members of the fusion, drift"):
        page = members(job, pipeline, learned, windows, part_of(left, BESIDE))
        shifts, ages = score_shifts(learned, windows), model_aging(job, windows, runs[4]["fused"])
    with tracker.part(f"{task}: ablation"):
        lost = ablation(learned, windows, recipe, once, left)
    late = unmeasured(lost, windows.parts(learned.stack)) if learned.rankers else []
    notes = [*learned.notes, *([f"{task}: the time did not last for the ablation of {', '.join(late)}."] if late else [])]
    plan = [replace(row, part=f"{task}: {row.part}") for row in (*rows, *read, *learned.plan, *learned.contest.plan)]
    page = advised(page, learned, windows.sizes[4], lost, late)
    return TaskResult(
        learned.stack, learned.effort, windows.sizes, windows.test.replay, plan, test, dev, lost, curve, notes, page, shifts, ages
    )  # fmt: skip


def _chosen(
    job: Job, pipeline: Pipeline, stack: Stack, asked: Mapping[int, Replay], planned: Planned, left: Left, key: str
) -> tuple[tuple[str, ...], list[PlanRow]]:
    """The sources that the task keeps, from the first requests of windows 2 and 3; an interrupted run's choice stands, and a plan's."""
    if planned.sources:
        rows = [PlanRow(name, name in planned.sources, why="as the plan says") for name in stack.sources]
        return tuple(row.part for row in rows if row.kept), rows

    def decide() -> Json:
        with job.tracker.part(f"{stack.task}: choose sources"):
            half = part_of(left, 0.3)
            fit = proposed(pipeline, stack, asked[2].sample(MOST, job.settings.seed), half)
            dev = proposed(pipeline, stack, asked[3].sample(MOST, job.settings.seed), part_of(left, 0.4))
            rows = choose(stack.sources, FLOOR, fit, dev, part_of(left, SUMS))
            rows = look_again(rows, fit, dev, left, job.settings.seed)
        return [{"part": row.part, "kept": row.kept, "gain": row.gain, "why": row.why} for row in rows]

    rows = TypeAdapter(list[PlanRow]).validate_python(job.parts.decided(f"sources-{stack.task}-{key}", decide))
    return tuple(name for name in stack.sources if any(row.part == name and row.kept for row in rows)), rows


def replayed(
    job: Job, pipeline: Pipeline, stack: Stack, kept: Sequence[str], asked: Mapping[int, Replay], planned: Planned, left: Left
) -> Windows:
    """Every window's frame; those of an interrupted run are taken up. In window 2 only those kept propose: the others cost as much, and no
    ranker learns from them."""
    narrow, searched = replace(stack, sources=tuple(kept)), stack.task == "search"
    learned, ranked = (LEARNED, ASKED_LISTED) if searched else (LEARNED_PAGE, LISTED)
    seed, limits = job.settings.seed, job.settings.evaluation
    most = planned.requests or {2: limits.train_requests, 3: limits.test_requests, 4: limits.test_requests}
    pace = Pace(most, bool(planned.requests), left, ranked / learned)
    key = sha256(f"{stack.sources} {kept} {job.encoder} {job.budget.minutes} {most}".encode()).hexdigest()[:8]

    def decide() -> Json:
        found = pace.sizes(lambda few: frame(pipeline, narrow, few, kept, learned), asked, seed)
        return {str(window): size for window, size in found.items()}

    sizes = job.parts.decided(f"requests-{stack.task}-{key}", decide)
    frames: dict[int, Frame] = {}
    for window in (2, 3, 4):
        chosen = asked[window].sample(_number(sizes, window), seed)

        def make(window: int = window, chosen: Replay = chosen) -> Frame:
            names, most = (None, learned) if window == 2 else (frames[2].names, None)
            with job.tracker.part(f"{stack.task}: candidates of window {window}", len(chosen)) as advance:
                return frame(pipeline, narrow if window == 2 else stack, chosen, kept, most, names, advance, pace.window(window))

        def load(folder: Path, chosen: Replay = chosen) -> Frame:
            return Frame.load(folder, chosen)

        frames[window] = job.parts.get(f"frame-{stack.task}-{window}-{key}", load, make, lambda one: one.x.nbytes)
    return Windows(frames[2], frames[3], frames[4])


def _number(sizes: Json, window: int) -> int:
    found = sizes.get(str(window)) if isinstance(sizes, dict) else None
    return int(found) if isinstance(found, int | float) else 0


def _heads(job: Job) -> frozenset[str]:
    """The head queries of window 1."""
    events = job.data.events
    typed = events.query[(job.windows.event == 1) & (events.query >= 0)]
    return heads(events.queries, np.bincount(typed, minlength=len(events.queries))) if len(typed) else frozenset()


def _runs(learned: Learned, frame: Frame) -> dict[str, Lists]:
    """Every list of a window, each source's own and those of the models."""
    return {**frame.alone, **together(learned, frame)}


def _without_profile(learned: Learned, windows: Windows, recipe: Recipe) -> dict[int, Lists]:
    """The lists of windows 3 and 4 by the whole fitted again without the features that know the user; none where there are none."""
    if not learned.rankers or PROFILE not in windows.parts(learned.stack):
        return {}
    found, less = again(learned, windows, PROFILE, recipe)
    return {window: one.ranked(fused(found, one)) for window, one in ((3, less.dev), (4, less.test))}


def _calibration(learned: Learned, test: Frame) -> Reliability | None:
    score = ctr(learned, test)
    if score is None:
        return None
    return reliability(test.relevant.astype(float), score.astype(float), f"{learned.stack.task}: wanted", test.request)
