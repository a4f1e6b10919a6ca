"""What settings are worth: sources fitted on window 1, the rest of the stack learned on window 2, measured on half of window 3."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aisle.assemble import assemble
from aisle.core.stage import Source
from aisle.evaluation.replay import Replay
from aisle.fusion.stack import Stack
from aisle.pipeline import Pipeline
from aisle.profile.history import History
from aisle.ranking.rankers import weighs
from aisle.retrieval.counters import Counters
from aisle.settings import Settings
from aisle.training.budget import FLOOR
from aisle.training.candidates import frame
from aisle.training.choose import choose, mean, quality
from aisle.training.clicked import clicked
from aisle.training.frames import Frame
from aisle.training.job import Job, build, plain_stacks
from aisle.training.judge import fused
from aisle.training.learn import Learned, Recipe, learn
from aisle.tuning.requests import Asked

LEARNED = 100
"""Candidates of a request that a trial's rankers learn from: half of a training's, for half of the time."""
KEPT = 6
"""Fits of one source that are held: those of the best settings come back most."""
DECAY = "decay"
"""Read when a request comes, not when a source is fitted."""

Floats = NDArray[np.float64]
Key = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Judged:
    """One task under some settings: what was learned and NDCG@10 on the searching half."""

    learned: Learned
    value: float


class Bench:
    """Everything that stays the same from trial to trial, and the fits that come back.

    ``job`` holds the shop without window 4 (`aisle.tuning.requests.before_test`); ``names`` are the sources to fit.
    """

    def __init__(self, job: Job, asked: Mapping[str, Asked], names: Sequence[str]) -> None:
        self.job, self.asked, self.names = job, asked, tuple(names)
        data, stacks = job.data, plain_stacks(list(names))
        counted = data.events if data.events.clock else data.events.where(job.windows.event == 1)
        self.counters, self.history = Counters.of(counted, len(data.catalogue)), History.of(data.catalogue, data.events)
        self.stacks = {task: stacks[task] for task in asked}
        self._fits: dict[str, OrderedDict[Key, Source]] = {}
        self._frames: dict[tuple[str, str], tuple[Key, Frame]] = {}

    def source(self, name: str, settings: Settings) -> Source:
        """One source under these settings, fitted once for each combination of what its fit reads."""
        numbers = settings.tuned.of(name)
        key = tuple(sorted((which, value) for which, value in numbers.items() if which != DECAY))
        held = self._fits.setdefault(name, OrderedDict())
        if key not in held:
            held[key] = build(name, settings).fit(self.job.learned_from(name, False))
            while len(held) > KEPT:
                held.popitem(last=False)
        held.move_to_end(key)
        fresh = build(name, settings)
        if not hasattr(fresh, DECAY) or getattr(held[key], DECAY) == getattr(fresh, DECAY):
            return held[key]
        made = copy(held[key])
        setattr(made, DECAY, getattr(fresh, DECAY))
        return made

    def pipeline(self, task: str, settings: Settings) -> Pipeline:
        """The pipeline of one task's sources; the fallback always stands."""
        names = dict.fromkeys([*self.stacks[task].sources, "popularity"])
        sources = {name: self.source(name, settings) for name in names}
        return assemble(self.job.data.catalogue, self.history, self.counters, sources, self.stacks, settings)

    def judge(self, task: str, settings: Settings) -> Judged:
        """Choose sources, fit the rankers, set α as training does, and measure on the searching half."""
        stack, asked = self.stacks[task], self.asked[task]
        fit = self._frame(task, settings, "fit", asked.fit, most=LEARNED)
        dev = self._frame(task, settings, "search", asked.search, names=fit.names)
        kept = tuple(row.part for row in choose(stack.sources, FLOOR, fit, dev) if row.kept)
        kept = tuple(name for name in stack.sources if name in kept)
        fit, dev = fit.only(kept), dev.only(kept)
        recipe = Recipe(
            settings.ranking.alpha, settings.seed, trees=settings.tuned.of("trees"), fusion=settings.ranking.fusion, compete=False,
            ranker=settings.ranking.ranker, often=clicked(self.job, fit) if weighs((settings.ranking.ranker,)) else None,
        )  # fmt: skip
        learned = learn(replace(stack, sources=kept, recall=type(stack.recall)(kept)), fit, dev, recipe)
        return Judged(learned, mean(quality(dev, fused(learned, dev))))

    def proof(self, task: str, settings: Settings, judged: Judged) -> Floats:
        """``(requests,) float64``: NDCG@10 of each request of the proving half, NaN where nothing was wanted."""
        stack: Stack = judged.learned.stack
        pipeline = self.pipeline(task, settings)
        found = frame(pipeline, self.stacks[task], self.asked[task].proof, stack.sources, names=stack.names or None)
        return quality(found, fused(judged.learned, found))

    def _frame(
        self, task: str, settings: Settings, which: str, replay: Replay, most: int | None = None, names: Sequence[str] | None = None
    ) -> Frame:
        """The candidates of all sources; the newest are held, for trials that change rankers alone."""
        stack = self.stacks[task]
        key = tuple((f"{name}.{one}", value) for name in stack.sources for one, value in sorted(settings.tuned.of(name).items()))
        held = self._frames.get((task, which))
        if held is None or held[0] != key:
            held = key, frame(self.pipeline(task, settings), stack, replay, stack.sources, most, names)
            self._frames[task, which] = held
        return held[1]
