"""What one training run holds in its hands, and the fitting of its sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aisle.arrange.rules import Rules
from aisle.assemble import assemble
from aisle.core.events import Dataset
from aisle.core.stage import Source
from aisle.data.windows import Windows
from aisle.fusion.recall import Recall
from aisle.fusion.stack import Stack
from aisle.pipeline import Pipeline
from aisle.profile.history import History
from aisle.query.reader import Reader
from aisle.retrieval.counters import Counters
from aisle.retrieval.registry import COUNTED, SOURCES, WORDS
from aisle.settings import Settings
from aisle.tracking import Tracker
from aisle.tracking.run import part
from aisle.training.budget import COST, Budget
from aisle.training.parts import Parts

TEXT = ("lexical", "dense", "late_interaction", "content", "pictures")
"""Sources that read the catalogue alone (and window 1's judgements): the refit keeps them."""

SEEDED = ("item", "basket", "similar")
BESIDE = 0.2
"""What all sources but the text's weigh together for substitutes, where the text weighs 1."""
UNSEEDED = frozenset({"lexical", "repeat", "trending", "new"})
"""Sources that say nothing of the items that a page starts from."""
NOT_SEEDED = {"item": UNSEEDED | {"pictures"}, "basket": UNSEEDED | {"pictures"}}
"""What looks alike is a substitute; on these pages nothing measures whether it is wanted."""


@dataclass(frozen=True)
class Job:
    """One run: the data, its windows, settings, time, finished parts."""

    data: Dataset
    windows: Windows
    settings: Settings
    budget: Budget
    tracker: Tracker
    parts: Parts
    text: Mapping[str, Source]
    encoder: str = ""
    rules: Rules | None = None
    reader: Reader | None = None

    def fit(self, name: str, whole: bool) -> Source:
        """A source fitted on window 1, or on everything (``whole``). Counters of a log with a clock are read as of each request, so they
        may hold the whole log either way."""
        known = whole or self.as_of(name)
        stage = "all" if known else "window1"

        def make() -> Source:
            begun = self.budget.clock()
            title = f"fit {name} on {'everything' if known else 'window 1'}"
            with self.tracker.part(title), part(title):
                made = build(name, self.settings).fit(self.learned_from(name, whole))
            if name in COST:
                self.budget.learn(COST[name](len(self.data.catalogue), len(self.data.events)), self.budget.clock() - begun)
            return made

        return self.parts.get(f"{stage}-{name}", lambda folder: SOURCES[name].load(folder, self.data.catalogue), make)

    def as_of(self, name: str) -> bool:
        """Whether a source reads counters as of each request."""
        return name in COUNTED and self.data.events.clock

    def learned_from(self, name: str, whole: bool) -> Dataset:
        """What `fit` fits a source on."""
        return self.data if whole or self.as_of(name) else self.data.known(self.windows.event == 1)

    def source(self, name: str, whole: bool) -> Source:
        """`fit`, or one that reads the catalogue alone and stands already."""
        return self.text[name] if name in self.text else self.fit(name, whole)

    def pipeline(self, sources: Mapping[str, Source], whole: bool, stacks: Mapping[str, Stack]) -> Pipeline:
        """A pipeline over sources fitted on window 1 or on everything (``whole``); profiles and counters are as of each request anyway."""
        data = self.data
        counted = data.events if whole or data.events.clock else data.events.where(self.windows.event == 1)
        counters, reader = Counters.of(counted, len(data.catalogue)), self.reader if whole else None
        return assemble(
            data.catalogue, History.of(data.catalogue, data.events), counters, sources, stacks, self.settings, self.rules, reader
        )


def build(name: str, settings: Settings) -> Source:
    """A source that is not fitted yet, with the numbers that ``[tuned]`` gives it."""
    return SOURCES[name](**settings.tuned.of(name))


def plain_stacks(sources: Mapping[str, frozenset[str]] | Sequence[str]) -> dict[str, Stack]:
    """A stack for every task in which all able sources weigh the same: where each task starts, and where one without labels stays. Only
    for substitutes the text counts more: people put together what does not replace each other."""
    names = list(sources)
    able = {surface: [name for name in names if surface in SOURCES[name].surfaces] for surface in ("home", *SEEDED)}
    chosen = {
        "search": [name for name in names if name in WORDS],
        "home": [name for name in able["home"] if name not in WORDS],
        "home_new": [name for name in able["home"] if name not in (*WORDS, "repeat")],
        **{surface: [name for name in able[surface] if name not in NOT_SEEDED.get(surface, UNSEEDED)] for surface in SEEDED},
    }
    return {task: Stack(task, tuple(found), _substitutes(found) if task == "similar" else Recall(found)) for task, found in chosen.items()}


def _substitutes(names: Sequence[str]) -> Recall:
    """Weights under which no company that an item was seen in outweighs a likeness of text; equal where no source reads the text."""
    recall = Recall(names)
    if "content" in names and len(names) > 1:
        beside = BESIDE / (len(names) - 1)
        recall.theta_ = np.array([1.0 if name == "content" else beside for name in names] * 2)
    return recall


def work_folder(store: Path) -> Path:
    """Where the finished parts of an unfinished training lie."""
    return store / ".work"
