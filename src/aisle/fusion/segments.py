"""α by segment: `Z = α·CTR + (1-α)·RER` with an α of its own for new, light and heavy users and for head, tail and no queries."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from aisle.core.strings import Strings
from aisle.fusion.fuser import CTR, HEAD, KNOWN, RER, Column, Columns, Floats, Lesson, column, rows_of, summed

ALPHAS = tuple(np.linspace(0, 1, 11).round(1).tolist())
USERS, QUERIES = ("new", "light", "heavy"), ("without query", "tail", "head")
SEGMENTS = tuple(f"{user} users, {query}" for user in USERS for query in QUERIES)


class Segments:
    """``α_s = (n_s·â_s + shrink·α) / (n_s + shrink)``: ``â_s`` is the α that ranks the ``n_s`` requests of segment ``s`` best, ``α`` the
    global one; a segment without requests has that. The estimate by shrinkage of James and Stein (1961), with a fixed ``shrink``.

    A new user has no known event, a heavy one more than the median of the others. A head query is one of the few that make up half of the
    log's searches.
    """

    name = "segments"

    def __init__(self, shrink: float = 500.0, alpha: float = 0.5) -> None:
        self.shrink = shrink
        self.heavy_ = np.inf
        self.alpha_: Floats = np.full(len(SEGMENTS), alpha)

    def fit(self, lesson: Lesson) -> Self:
        """Each segment's α by the quality of its requests."""
        known = lesson.of_request(KNOWN)
        some = known[lesson.use & (known > 0)]
        self.heavy_ = float(np.median(some)) if len(some) else np.inf
        segment = self._segment(known, lesson.of_request(HEAD))
        ctr, rer = lesson.columns[CTR], lesson.columns[RER]
        quality = np.stack([lesson.judged(("α", a), lambda a=a: mixed(a, ctr, rer)) for a in ALPHAS])  # type: ignore[misc]
        for place in range(len(SEGMENTS)):
            own = quality[:, lesson.use & (segment == place) & np.isfinite(quality[0])]
            self.alpha_[place] = self._shrunk(own, lesson.alpha)
        return self

    def _shrunk(self, quality: Floats, alpha: float) -> float:
        """``quality`` ``(alphas, n)``; of equals the one nearest to the global α."""
        n = quality.shape[1]
        if not n:
            return alpha
        mean = quality.mean(axis=1)
        best = min((abs(a - alpha), a) for a, value in zip(ALPHAS, mean, strict=True) if value >= mean.max() - 1e-12)[1]
        return float((n * best + self.shrink * alpha) / (n + self.shrink))

    def _segment(self, known: NDArray[np.floating], head: NDArray[np.floating]) -> NDArray[np.int64]:
        """Of each row; who cannot be told from a stranger is one."""
        user = (np.nan_to_num(known) > 0).astype(np.int64) + (np.nan_to_num(known) > self.heavy_)
        return user * len(QUERIES) + np.where(np.isnan(head), 0, 1 + np.nan_to_num(head)).astype(np.int64)

    def parts(self, columns: Columns) -> dict[str, Column]:
        """α·CTR and (1-α)·RER."""
        if not rows_of(columns):
            return {}
        alpha = self.alpha_[self._segment(column(columns, KNOWN), column(columns, HEAD))]
        ctr, rer = (np.nan_to_num(column(columns, side)) for side in (CTR, RER))
        return {CTR: (alpha * ctr).astype(np.float32), RER: ((1 - alpha) * rer).astype(np.float32)}

    def score(self, columns: Columns) -> Column:
        """``(n,) float32``: Z."""
        return summed(self.parts(columns), columns)

    @property
    def weights(self) -> dict[str, float]:
        """Segment to its α."""
        return dict(zip(SEGMENTS, self.alpha_.tolist(), strict=True))

    def save(self, folder: Path) -> None:
        """Write ``segments.json``."""
        state = {"shrink": self.shrink, "heavy": self.heavy_ if np.isfinite(self.heavy_) else None, "alpha": self.alpha_.tolist()}
        (folder / "segments.json").write_text(json.dumps(state), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open what `save` wrote."""
        state = json.loads((folder / "segments.json").read_text(encoding="utf-8"))
        model = cls(state["shrink"])
        model.heavy_ = np.inf if state["heavy"] is None else state["heavy"]
        model.alpha_ = np.array(state["alpha"], float)
        return model


def mixed(alpha: float, ctr: Column, rer: Column) -> Column:
    """``α·CTR + (1-α)·RER``, as `aisle.fusion.stack.Stack` has it."""
    return (alpha * ctr + (1 - alpha) * rer).astype(np.float32)


def heads(queries: Sequence[str] | Strings, counts: NDArray[np.integer]) -> frozenset[str]:
    """The fewest queries that make up half of the searches, of those that came at least twice; as the report's slices have it."""
    order = np.argsort(-counts, kind="stable")
    half = int(np.searchsorted(np.cumsum(counts[order]), counts.sum() / 2)) if len(counts) else 0
    least = max(2, int(counts[order[half]])) if len(counts) else 2
    return frozenset(queries[int(number)] for number in np.flatnonzero(counts >= least))
