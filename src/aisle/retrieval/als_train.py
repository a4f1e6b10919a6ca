"""Fits the factors that `als` serves; apart, because serving does without the library that factorises."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from numpy.typing import NDArray
from scipy import sparse
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from aisle.core.events import Dataset
from aisle.retrieval.sequences import Sequences

if TYPE_CHECKING:
    from aisle.retrieval.als import Als


def item_factors(data: Dataset, settings: Als) -> NDArray[np.float32]:
    """``(items, embedding_size) float32``: zeros for items that no event names."""
    matrix = Sequences.of(data.events, len(data.catalogue)).by_user()
    if not matrix.nnz:
        return np.zeros((len(data.catalogue), settings.embedding_size), np.float32)
    matrix.data[:] = 1 + settings.confidence * matrix.data
    with threadpool_limits(limits=1, user_api="blas"):
        model = AlternatingLeastSquares(
            factors=settings.embedding_size,
            regularization=settings.regularization,
            iterations=settings.epochs,
            random_state=settings.seed,
        )
        model.fit(sparse.csr_matrix(matrix), show_progress=False)
    factors = np.asarray(model.item_factors, np.float32)
    factors[np.diff(matrix.tocsc().indptr) == 0] = 0
    return factors
