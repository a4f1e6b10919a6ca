"""A click-through model over the feature matrix: what the pipeline knows of what it shows, at which place, and which item it is."""

from __future__ import annotations

from copy import copy
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from aisle.ranking.ctr.base import Ctr
from aisle.ranking.ctr.examples import Column, Examples
from aisle.ranking.ctr.net import Net
from aisle.ranking.ctr.opening import opened

Matrix = NDArray[np.float32]


class OverFeatures:
    """Reads ``(n, f + 2) float32``: features as numbers, NaN for missing; then log(1 + rank shown at) and the item's row in the bundle,
    both as categories. An item that was not shown often enough to be learned is the unknown one."""

    def __init__(self, model: Ctr) -> None:
        self.model, self.name = model, model.name

    def fit(self, x: Matrix, clicked: NDArray[np.float64]) -> Self:
        """``clicked`` ``(n,)`` 0 or 1."""
        self.model.fit(table(x, clicked))
        return self

    def score(self, x: Matrix) -> NDArray[np.float32]:
        """``(n,) float32`` probabilities."""
        return self.model.score(table(x, np.zeros(len(x)))).astype(np.float32)

    def moved(self, rows: NDArray[np.int32]) -> Self:
        """The same where items stand in other rows now: ``rows`` ``(n,) int32`` says where each stood, -1 for a new one."""
        found = type(self)(copy(self.model))
        if isinstance(found.model, Net):
            now = {str(row): str(place) for place, row in enumerate(rows.tolist()) if row >= 0}
            found.model.layout = found.model.layout.renamed("item", now)
        return found

    def save(self, folder: Path) -> None:
        """As `Ctr.save`."""
        self.model.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open what `save` wrote."""
        return cls(opened(folder))


def table(x: Matrix, label: NDArray[np.float64]) -> Examples:
    """The matrix as a table of examples."""
    with np.errstate(invalid="ignore"):
        categories = {"position": _whole(np.expm1(x[:, -2])), "item": _whole(x[:, -1])}
    return Examples(categories, {str(column): x[:, column].astype(np.float64) for column in range(x.shape[1] - 2)}, label)


def _whole(values: NDArray[np.float32]) -> Column:
    """Whole numbers as a category, NaN is missing."""
    found, place = np.unique(np.where(np.isfinite(values), values, -1).round().astype(np.int64), return_inverse=True)
    codes = place - int((found < 0).any())
    return Column(codes.astype(np.int32), [str(number) for number in found.tolist() if number >= 0])
