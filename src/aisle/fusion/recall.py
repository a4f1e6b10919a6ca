"""The recall side, the article's RER: ⟨θ, (x, y)⟩, a weighted sum of what the sources say of a user and an item."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from aisle.ranking.features import worth

Column = NDArray[np.float32]
Matrix = NDArray[np.float64]
CHUNK = 100_000
"""Rows that least squares reads at a time."""


class Recall:
    """Non-negative weights on each source's share of its best score and on its reciprocal rank; a silent source adds nothing.

    ``loss``: ``squared``, the article's mean squared error against what was really taken (non-negative least squares), or ``softmax``,
    listwise cross-entropy inside each request (ListNet's top-one likelihood, Cao et al. 2007). Without `fit` all sources weigh the same.
    """

    def __init__(self, sources: Sequence[str], loss: Literal["squared", "softmax"] = "softmax", regularization: float = 1e-3) -> None:
        self.sources, self.loss, self.regularization = tuple(sources), loss, regularization
        self.theta_ = np.full(2 * len(self.sources), 1.0 / max(1, len(self.sources)))

    def fit(self, columns: Mapping[str, Column], taken: NDArray[np.floating], offsets: NDArray[np.int64]) -> Self:
        """``taken`` ``(n,)`` is positive where the user took the item; ``offsets`` cut the rows into requests."""
        x = self._terms(columns)
        if not (taken > 0).any():
            return self
        if self.loss == "squared":
            self.theta_ = solve(*normal_equations(list(x.T), taken > 0))
        else:
            from scipy.optimize import minimize  # here, since serving never fits and would load it at its start

            start = np.full(x.shape[1], 1.0)
            bounds = [(0.0, None)] * x.shape[1]
            found = minimize(
                self._softmax, start, (x, taken > 0, offsets), jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 100}
            )
            self.theta_ = found.x
        if not self.theta_.any():
            self.theta_ = np.full(x.shape[1], 1.0 / x.shape[1])
        return self

    def _softmax(self, theta: Matrix, x: Matrix, taken: NDArray[np.bool_], offsets: NDArray[np.int64]) -> tuple[float, Matrix]:
        counts = np.diff(offsets)
        filled, start = counts > 0, offsets[:-1][counts > 0]
        score = x @ theta
        score -= np.repeat(np.maximum.reduceat(score, start), counts[filled])
        grown = np.exp(score)
        total = np.add.reduceat(grown, start)
        hits = np.add.reduceat(taken.astype(float), start)
        share = grown / np.repeat(total, counts[filled])
        loss = (hits * np.log(total)).sum() - score[taken].sum()
        push = share * np.repeat(hits, counts[filled]) - taken
        scale = 1 / max(1.0, hits.sum())
        return float(loss * scale + self.regularization * (theta**2).sum()), x.T @ push * scale + 2 * self.regularization * theta

    def score(self, columns: Mapping[str, Column]) -> Column:
        """``(n,) float32``: the weighted sum."""
        return (self._terms(columns) @ self.theta_).astype(np.float32)

    def contributions(self, columns: Mapping[str, Column]) -> dict[str, NDArray[np.float64]]:
        """``<source>_share`` and ``<source>_rank`` to what they add to `score`, ``(n,) float64``."""
        names = [f"{name}_{what}" for what in ("share", "rank") for name in self.sources]
        return dict(zip(names, (self._terms(columns) * self.theta_).T, strict=True))

    def _terms(self, columns: Mapping[str, Column]) -> Matrix:
        length = len(next(iter(columns.values()))) if columns else 0
        half, x = len(self.sources), np.full((2 * len(self.sources), length), np.nan)
        for place, name in enumerate(self.sources):
            for row, what in ((place, "share"), (half + place, "rank")):
                if f"{name}_{what}" in columns:
                    x[row] = columns[f"{name}_{what}"]
        x[half:] = worth(x[half:])
        x[np.isnan(x)] = 0
        return x.T

    @property
    def weights(self) -> dict[str, float]:
        """Each source's weight (share and rank terms together), summing to 1."""
        half = len(self.sources)
        total = self.theta_[:half] + self.theta_[half:]
        return dict(zip(self.sources, (total / max(total.sum(), 1e-12)).tolist(), strict=True))

    def save(self, folder: Path) -> None:
        """Write ``recall.json``."""
        folder.mkdir(parents=True, exist_ok=True)
        state = {"sources": self.sources, "loss": self.loss, "theta": self.theta_.tolist()}
        (folder / "recall.json").write_text(json.dumps(state), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open what `save` wrote."""
        state = json.loads((folder / "recall.json").read_text(encoding="utf-8"))
        model = cls(state["sources"], state["loss"])
        model.theta_ = np.array(state["theta"], float)
        return model


def terms(columns: Mapping[str, Column], source: str) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """``(n,)`` and ``(n,)``: the source's share of its best score and its reciprocal rank, 0 where it is silent."""
    length = len(next(iter(columns.values()))) if columns else 0
    nothing = np.full(length, np.nan)
    share, rank = (columns.get(f"{source}_{what}", nothing) for what in ("share", "rank"))
    return np.nan_to_num(share), worth(rank)


def normal_equations(columns: Sequence[NDArray[np.floating]], taken: NDArray[np.bool_]) -> tuple[Matrix, Matrix]:
    """``(f, f)`` and ``(f,)``: all that weighted least squares needs of ``f`` columns ``(n,)``; what was taken weighs as much as what was
    not. Summed in float64, some thousand rows at a time.

    Some of the columns alone have these equations' rows and columns, so that many choices of columns cost one pass over the rows.
    """
    weight = np.where(taken, (~taken).sum() / max(1, taken.sum()), 1.0)
    gram, right = np.zeros((len(columns), len(columns))), np.zeros(len(columns))
    for start in range(0, len(taken), CHUNK) if len(columns) else ():
        part = slice(start, start + CHUNK)
        x = np.stack([column[part] for column in columns]).astype(np.float64)
        gram += (x * weight[part]) @ x.T
        right += x @ (weight[part] * taken[part])
    return gram, right


def solve(gram: Matrix, right: Matrix) -> Matrix:
    """Non-negative least squares by its normal equations: few columns, very many rows."""
    from scipy.optimize import nnls

    gram = gram + 1e-9 * np.eye(len(gram))
    root = np.linalg.cholesky(gram + 1e-9 * np.trace(gram) * np.eye(len(gram))).T
    return np.asarray(nnls(root, np.linalg.solve(root.T, right))[0], np.float64)
