"""What the same people wanted: neighbours of the items in the history by cosine, the floor that every report compares with."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from aisle.core.events import Dataset
from aisle.retrieval.base import ItemToItem
from aisle.retrieval.neighbours import Floats, Neighbours
from aisle.retrieval.sequences import Sequences


class ItemKnn(ItemToItem):
    """Cosine between the items' columns of the user-item matrix, ``shrink`` added to the denominator so that pairs seen once weigh little.

    Deshpande and Karypis, "Item-based top-N recommendation algorithms" (2004); a user's column is divided by the square root of its
    length, as there, so that those who buy everything say less.
    """

    name = "item_knn"

    def __init__(self, shrink: float = 10.0, decay: float = 0.7, neighbours: int = 200) -> None:
        super().__init__(decay)
        self.shrink, self.neighbours = shrink, neighbours

    def fit(self, data: Dataset) -> Self:
        """Count which items share users."""
        matrix = Sequences.of(data.events, len(data.catalogue)).by_user()
        norm = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=0), np.float32))
        lengths = np.maximum(np.diff(matrix.indptr), 1).astype(np.float32)
        other = sparse.csr_array(sparse.diags_array(1 / np.sqrt(lengths)) @ matrix)

        def reweigh(row: NDArray[np.int32], column: NDArray[np.int32], value: Floats) -> Floats:
            scale = norm[row]
            scale *= norm[column]
            scale += np.float32(self.shrink)
            return np.divide(value, scale, out=scale)

        self.neighbours_ = Neighbours.of_product(matrix, other, self.neighbours, reweigh)
        return self

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return super().settings() | {"shrink": self.shrink, "neighbours": self.neighbours}
