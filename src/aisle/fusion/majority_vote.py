"""Majority vote: an item's score is the number of members that have it among their first k; of equals the one that stands higher there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

from aisle.fusion.fuser import CTR, RER, Column, Columns, Lesson, column, rows_of, summed

DEPTHS = (3, 5, 10, 20, 50)
SIDES = (CTR, RER)


class Majority:
    """``Σ_m [rank_m < k] + Σ_m max(0, k - rank_m) / (k (M + 1))`` over ``M`` members, ranks from 0: approval of each member's first ``k``
    (Brams and Fishburn 1978), ties broken by Borda's points (1781), which together never outweigh a vote.

    Members are the sources, by their place in the whole catalogue, and the two sides. A side has a place only among the candidates that
    happen to stand beside, so that its vote goes to whatever reaches the probability that its k-th usually has; in place of points it
    gives the probability. A silent member does not vote. ``k`` is chosen by quality.
    """

    name = "majority_vote"

    def __init__(self, sources: Sequence[str], depth: int = 10) -> None:
        self.sources, self.depth = tuple(sources), depth
        self.mark_ = dict.fromkeys(SIDES, np.inf)

    def fit(self, lesson: Lesson) -> Self:
        """Choose how deep a vote reaches."""
        values = {}
        for depth in DEPTHS:
            self._at(depth, lesson)
            values[depth] = lesson.mean(lesson.judged((self.name, depth), lambda: self.score(lesson.columns)))
        self._at(max(values, key=lambda depth: values[depth]), lesson)
        return self

    def _at(self, depth: int, lesson: Lesson) -> None:
        self.depth = depth
        self.mark_ = {side: _usual(lesson, side, depth) for side in SIDES}

    def parts(self, columns: Columns) -> dict[str, Column]:
        """Each member's vote with its points."""
        if not rows_of(columns):
            return {}
        share, found = 1 / (len(self.sources) + len(SIDES) + 1), {}
        for name in self.sources:
            rank = np.expm1(column(columns, f"{name}_rank"))
            points = np.nan_to_num(np.maximum(0, 1 - rank / self.depth))
            found[name] = ((rank < self.depth - 0.5) + share * points).astype(np.float32)
        for side in SIDES:
            chance = np.nan_to_num(column(columns, side))
            found[side] = ((chance >= self.mark_[side]) + share * chance).astype(np.float32)
        return found

    def score(self, columns: Columns) -> Column:
        """``(n,) float32``: votes and points."""
        return summed(self.parts(columns), columns)

    @property
    def weights(self) -> dict[str, float]:
        """How deep a vote reaches; every member has one."""
        return {"first": float(self.depth)}

    def save(self, folder: Path) -> None:
        """Write ``majority_vote.json``."""
        mark = {side: value if np.isfinite(value) else None for side, value in self.mark_.items()}
        state = {"sources": self.sources, "depth": self.depth, "mark": mark}
        (folder / "majority_vote.json").write_text(json.dumps(state), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open what `save` wrote."""
        state = json.loads((folder / "majority_vote.json").read_text(encoding="utf-8"))
        model = cls(state["sources"], state["depth"])
        model.mark_ = {side: np.inf if value is None else value for side, value in state["mark"].items()}
        return model


def _usual(lesson: Lesson, side: str, depth: int) -> float:
    """The median over all requests of their ``depth``-th best chance, of the last one where there are fewer: what was taken has no part in
    it."""
    counts = np.diff(lesson.offsets)
    if ("best first", side) not in lesson.memo:
        values = lesson.columns[side]
        lesson.memo["best first", side] = values[np.lexsort((-values, np.repeat(np.arange(len(counts)), counts)))]
    filled = counts > 0
    found = lesson.memo["best first", side][lesson.offsets[:-1][filled] + np.minimum(depth, counts[filled]) - 1]
    return float(np.median(found)) if len(found) else np.inf
