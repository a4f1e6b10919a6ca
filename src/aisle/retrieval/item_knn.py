"""What the same people wanted: neighbours of the items in the history by cosine, the floor that every report compares with; by BM25, and by
sessions instead of people."""

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
    """``Σ_u x_ui x_uj / √n_u`` over ``|x_i| |x_j| + shrink``: the cosine between the items' columns of the user-item matrix, in which a
    user with ``n_u`` items counts the less the more they are, and pairs seen once weigh little.

    Cosine neighbours, and users weighed down by their length: Deshpande and Karypis, "Item-based top-N recommendation algorithms" (2004),
    section 4.1, who make every user's row of length 1, norms included; ``shrink`` after Bell and Koren (2007). ``decay`` of the history is
    the recency of Ludewig and Jannach (2018).
    """

    name = "item_knn"

    def __init__(self, shrink: float = 10.0, decay: float = 0.7, neighbours: int = 200) -> None:
        super().__init__(decay)
        self.shrink, self.neighbours = shrink, neighbours

    def fit(self, data: Dataset) -> Self:
        """Count which items share users."""
        matrix = self.matrix(Sequences.of(data.events, len(data.catalogue)))
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

    def matrix(self, log: Sequences) -> sparse.csr_array:
        """``(users, items) float32``."""
        return log.by_user()

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return super().settings() | {"shrink": self.shrink, "neighbours": self.neighbours}


class SessionKnn(ItemKnn):
    """The same with a session in the place of a user: items wanted at one go. Item-KNN of Ludewig and Jannach, "Evaluation of session-based
    recommendation algorithms" (2018), section 3.2 (IKNN). Silent where the log has no sessions."""

    name = "item_knn_session"

    def matrix(self, log: Sequences) -> sparse.csr_array:
        """``(sessions, items) float32``."""
        return log.by_session()


class Bm25Knn(ItemToItem):
    """``⟨w_i, w_j⟩`` with BM25 weights, an item being the document and who wanted it its terms:
    ``w_ui = idf_u x_ui (k1 + 1) / (x_ui + k1 (1 - b + b |i| / mean))``, ``idf_u = ln(items / (1 + n_u))``; ``|i|`` sums an item's column.

    Robertson and Zaragoza, "The probabilistic relevance framework: BM25 and beyond" (2009), section 3.5; idf as the library implicit has
    it, which weighs users so. Nothing below 0: who has all items says nothing.
    """

    name = "item_knn_bm25"

    def __init__(self, k1: float = 1.2, b: float = 0.5, decay: float = 0.7, neighbours: int = 200) -> None:
        super().__init__(decay)
        self.k1, self.b, self.neighbours = k1, b, neighbours

    def fit(self, data: Dataset) -> Self:
        """Weigh, then count which items share users."""
        weighed = self.weighed(Sequences.of(data.events, len(data.catalogue)).by_user())
        self.neighbours_ = Neighbours.of_product(weighed, weighed, self.neighbours, lambda row, column, value: value)
        return self

    def weighed(self, matrix: sparse.csr_array) -> sparse.csr_array:
        """``(users, items) float32``."""
        size, wanted = np.asarray(matrix.sum(axis=0), np.float64), np.diff(matrix.indptr)
        items = np.count_nonzero(size)
        long = size / (size.sum() / max(items, 1) or 1.0)
        idf = np.maximum(np.log(max(items, 1) / (1 + wanted)), 0)
        of = np.repeat(np.arange(len(wanted)), wanted)
        x = matrix.data.astype(np.float64)
        value = idf[of] * x * (self.k1 + 1) / (x + self.k1 * (1 - self.b + self.b * long[matrix.indices]))
        return sparse.csr_array((value.astype(np.float32), matrix.indices, matrix.indptr), shape=matrix.shape)

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return super().settings() | {"k1": self.k1, "b": self.b, "neighbours": self.neighbours}
