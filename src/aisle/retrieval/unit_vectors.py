"""One vector an item, whatever it was made of: products with a vector asked about, and the nearest, filters inside."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aisle.core.stage import Mask
from aisle.retrieval.packed import Stored, floats
from aisle.retrieval.scan import Scan

NARROW = 0.1
"""A filter that keeps less than this share is scanned item by item."""
FEW = 50
"""Where a filter leaves out at most so many, as many more are asked for: it costs more to hand it on than to pass them over."""


class UnitVectors:
    """``(n, dimension)`` of unit length, packed in bytes or as float16, and a `Scan` over them; scores are exact for what is held."""

    def __init__(self, vectors: Stored, scan: Scan | None = None) -> None:
        self.vectors: Stored = np.asarray(vectors)
        self._index = Scan.of(self.vectors) if scan is None else scan

    def __len__(self) -> int:
        return len(self.vectors)

    def mean(self, rows: NDArray[np.int32], weights: NDArray[np.floating]) -> NDArray[np.float32]:
        """``(dimension,) float32`` of unit length: the weighted mean of some items, zero for none."""
        found = self.take(rows)
        found[np.isnan(found[:, 0])] = 0
        total = np.asarray(weights, np.float32) @ found
        length = float(np.sqrt(total @ total))
        return total / np.float32(length) if length else total

    def score(self, vector: NDArray[np.float32], rows: NDArray[np.int32]) -> NDArray[np.float32]:
        """``(len(rows),) float32``: dot products, each the same whichever rows stand beside it."""
        return np.asarray(np.einsum("ij,j->i", self.take(rows), vector), np.float32)

    def whole(self) -> NDArray[np.float32]:
        """``(n, d) float32``: all of them."""
        return floats(self.vectors)

    def take(self, rows: NDArray[np.integer]) -> NDArray[np.float32]:
        """``(k, d) float32``: the vectors of ``rows``."""
        return floats(self.vectors.take(rows, axis=0))

    def nearest(self, vector: NDArray[np.float32], mask: Mask, limit: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """The ``limit`` allowed rows with the largest dot product, best first, ties to the lower row, and those products."""
        kept = int(np.count_nonzero(mask))
        if kept < max(NARROW * len(mask), limit):
            rows = mask.nonzero()[0].astype(np.int32)
        elif len(mask) - kept <= FEW:
            rows = self._index.nearest(vector, None, limit + len(mask) - kept)
            rows = rows[mask[rows]]
        else:
            rows = self._index.nearest(vector, mask, limit)
        rows.sort()
        score = self.score(vector, rows)
        order = (-score).argsort(kind="stable")[:limit]
        return rows[order], score[order]
