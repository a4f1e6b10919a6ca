"""A linear model of the next item with a closed form, for catalogues whose square fits in memory."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from scipy import linalg, sparse

from aisle.core.events import Dataset
from aisle.core.threads import all_threads
from aisle.retrieval.base import ItemToItem
from aisle.retrieval.neighbours import Neighbours, largest
from aisle.retrieval.sequences import Sequences

LARGEST = 20_000
"""Items beyond which the square matrix (4 bytes times items squared, and a cubic inverse) is not worth its time."""


class Ease(ItemToItem):
    """Weights ``B = I - P / diag(P)`` with ``P`` the inverse of ``X'X + regularization``, zero diagonal; the largest positive ones of each
    row are kept: what speaks against an item, which the paper keeps, is left out.

    Steck, "Embarrassingly shallow autoencoders for sparse data" (2019), equation 8. Catalogues over `LARGEST` items are left to the other
    sources: it then proposes nothing.
    """

    name = "ease"

    def __init__(self, regularization: float = 100.0, decay: float = 0.6, neighbours: int = 300) -> None:
        super().__init__(decay)
        self.regularization, self.neighbours = regularization, neighbours

    def fit(self, data: Dataset) -> Self:
        """Invert the co-occurrence matrix: 4 bytes times items squared of memory, about 40 s on one core at 12,000 items."""
        items = len(data.catalogue)
        matrix = Sequences.of(data.events, items).by_user()
        used = np.flatnonzero(np.diff(matrix.tocsc().indptr))
        self.neighbours_ = Neighbours.none(items)
        if len(used) and items <= LARGEST:
            with all_threads():
                self.neighbours_ = self._solve(sparse.csr_array(matrix[:, used]), used, items)
        return self

    def _solve(self, matrix: sparse.csr_array, used: np.ndarray[Any, np.dtype[np.int64]], items: int) -> Neighbours:
        gram = np.asfortranarray((matrix.T @ matrix).toarray(), np.float32)
        gram[np.diag_indices_from(gram)] += self.regularization
        factor, _ = linalg.lapack.spotrf(gram, lower=1, overwrite_a=1)
        inverse, _ = linalg.lapack.spotri(factor, lower=1, overwrite_c=1)
        variance = inverse.diagonal().copy()
        parts = []
        for start in range(0, len(used), 1_000):
            rows = np.arange(start, min(start + 1_000, len(used)))
            strip = np.where(rows[:, None] > np.arange(len(used)), inverse[rows], inverse[:, rows].T) / -variance
            strip[np.arange(len(rows)), rows] = 0
            parts.append(_cut(strip, self.neighbours))
        found = sparse.vstack(parts, format="csr")
        offsets = np.zeros(items + 1, np.int64)
        offsets[used + 1] = np.diff(found.indptr)
        return Neighbours(np.cumsum(offsets), used[found.indices].astype(np.int32), found.data.astype(np.float32))

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return super().settings() | {"regularization": self.regularization, "neighbours": self.neighbours}


def _cut(strip: np.ndarray[Any, np.dtype[np.float32]], most: int) -> sparse.csr_array:
    """The ``most`` largest positive entries of each row."""
    if strip.shape[1] > most:
        edge = np.partition(strip, strip.shape[1] - most, axis=1)[:, [strip.shape[1] - most]]
        strip = np.where(strip >= edge, strip, 0)
    return largest(sparse.csr_array(np.maximum(strip, 0)), most)
