"""Which way to fuse is served: each learns from some requests of window 3 and is judged on its others, against the global α."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from aisle.evaluation.results import PlanRow
from aisle.fusion.fuser import CTR, RER, Column, Floats, Fuser, Lesson, asked
from aisle.fusion.methods import WEIGHTED, unfitted
from aisle.fusion.rank_fusion import reciprocal_rank
from aisle.fusion.segments import mixed
from aisle.fusion.stack import Stack
from aisle.training.budget import Left
from aisle.training.choose import gain_of, mean, quality
from aisle.training.frames import Frame

FOLDS = 4
VOTE = "rank_fusion"
MOST = 4_000
"""Requests of window 3 that are looked at."""
SURE = 2.0
"""Standard errors by which another way must gain over the global α before it is served: five of them try their luck."""


@dataclass(frozen=True)
class Contender:
    """A way to fuse, learned from all of the requests, and its quality of each one ``(requests,)``, learned from others; against the global
    α it gains ``gain`` with a standard ``error``."""

    fuser: Fuser
    quality: Floats
    gain: float
    error: float


@dataclass(frozen=True)
class Contest:
    """All that competed on the first requests of window 3: ``weighted`` ``(requests,)`` is the global α's quality, ``plain`` that of the
    vote by rank and of either side alone (`CTR`, `RER`); ``served`` is the one that the stack takes, None for the global α; why, in words;
    ``heads``: the head queries that they read."""

    weighted: Floats = field(default_factory=lambda: np.zeros(0))
    plain: Mapping[str, Floats] = field(default_factory=dict)
    contenders: Mapping[str, Contender] = field(default_factory=dict)
    served: Fuser | None = None
    why: str = ""
    heads: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """What is served."""
        return self.served.name if self.served else WEIGHTED

    @property
    def plan(self) -> list[PlanRow]:
        """A row for each, the global α's first."""
        rows = [PlanRow(f"fusion: {WEIGHTED}", self.served is None, gain=mean(self.weighted), why=self.why)]
        for name, one in self.contenders.items():
            why = f"gains {one.gain:+.4f} over the global α on window 3, standard error {one.error:.4f} (wanted: {SURE:g} of them)"
            rows.append(PlanRow(f"fusion: {name}", name == self.name, gain=mean(one.quality), why=why))
        return rows if self.contenders else []


def compete(stack: Stack, dev: Frame, sides: Mapping[str, Column], wanted: str | None, names: Sequence[str], left: Left) -> Contest:
    """Every way of ``names`` for which there is time; ``sides`` are CTR and RER of ``dev`` by the stack. ``wanted`` is served whatever
    comes out."""
    lesson, users = lesson_of(stack, dev, sides)
    weighted = lesson.judged(("α", stack.alpha), lambda: mixed(stack.alpha, lesson.columns[CTR], lesson.columns[RER]))
    plain = {side: lesson.judge(lesson.columns[side]) for side in (CTR, RER)}
    plain[VOTE] = lesson.judge(reciprocal_rank(lesson.columns, stack.sources))
    found: dict[str, Contender] = {}
    for name in names:
        if left() <= 0:
            break
        found[name] = _tried(name, stack, lesson, weighted, folds(users))
    sure = {name: one for name, one in found.items() if one.gain > SURE * one.error}
    best = max(sure, key=lambda name: sure[name].gain) if sure else WEIGHTED
    if wanted is not None:
        held = found.get(wanted)
        served = None if wanted == WEIGHTED else held.fuser if held else unfitted(wanted, stack.sources).fit(lesson)
        return Contest(weighted, plain, found, served, "by setting", stack.heads)
    why = f"no other way gains {SURE:g} standard errors on window 3" if best == WEIGHTED else f"{best} gains surely on window 3"
    return Contest(weighted, plain, found, found[best].fuser if sure else None, why, stack.heads)


def lesson_of(stack: Stack, dev: Frame, sides: Mapping[str, Column]) -> tuple[Lesson, NDArray[np.int32]]:
    """The first requests of window 3 to learn from, and whose they are."""
    few = dev.head(MOST)
    columns = {
        **few.features,
        **asked(few.replay.requests, few.request, stack.heads),
        **{name: one[: len(few.item)] for name, one in sides.items()},
    }
    lesson = Lesson(columns, few.relevant, few.offsets, lambda score: quality(few, score), stack.alpha, np.ones(len(few.groups), bool))
    return lesson, few.replay.users


def folds(users: NDArray[np.int32]) -> NDArray[np.int64]:
    """``(requests,) int64``: in which part each request is judged; all of a user's in one, nobody's by chance."""
    dice = np.random.default_rng(len(users))
    part = dice.integers(0, FOLDS, int(users.max(initial=-1)) + 1)
    return np.where(users >= 0, part[users], dice.integers(0, FOLDS, len(users))) if len(part) else dice.integers(0, FOLDS, len(users))


def _tried(name: str, stack: Stack, lesson: Lesson, weighted: Floats, part: NDArray[np.int64]) -> Contender:
    judged = np.full(len(part), np.nan)
    for number in range(FOLDS):
        fuser = unfitted(name, stack.sources).fit(replace(lesson, use=part != number))
        judged[part == number] = lesson.judge(fuser.score(lesson.columns))[part == number]
    whole = unfitted(name, stack.sources).fit(lesson)
    return Contender(whole, judged, *gain_of(judged - weighted))
