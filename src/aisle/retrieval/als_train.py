"""Fits the factors that `als` serves; apart, because serving does without the library that factorises."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from numpy.typing import NDArray
from scipy import sparse
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

WARM = 3
"""Rounds that are enough from factors which knew most of the log."""
SMALL = 0.01
"""How large random factors are at most, as the library begins with them."""


class Factorised(Protocol):
    """What the factorisation reads of `als.Als`, said here so that neither file needs the other to be understood."""

    embedding_size: int
    regularization: float
    confidence: float
    epochs: int
    seed: int


def confidence(matrix: sparse.csr_array) -> float:
    """Hu's alpha for a ``(users, items)`` matrix: 19 where one pair in 1,400 was seen, 4 where one in 60 was, the best of each by trial."""
    seen = matrix.nnz / max(1, np.count_nonzero(np.diff(matrix.indptr)) * np.count_nonzero(np.diff(matrix.tocsc().indptr)))
    return float(np.clip(0.5 / np.sqrt(seen), 1, 40)) if seen else 1.0


def item_factors(matrix: sparse.csr_array, settings: Factorised, start: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """``(items, embedding_size) float32`` from ``(users, items)``: zeros for items that no event names. From ``start``, of the same shape,
    it takes `WARM` rounds; items that are zero there begin at random as all do without it."""
    if not matrix.nnz:
        return np.zeros((matrix.shape[1], settings.embedding_size), np.float32)
    matrix = matrix.copy()
    matrix.data[:] = 1 + settings.confidence * matrix.data
    with threadpool_limits(limits=1, user_api="blas"):
        model = AlternatingLeastSquares(
            factors=settings.embedding_size,
            regularization=settings.regularization,
            iterations=settings.epochs if start is None else min(WARM, settings.epochs),
            random_state=settings.seed,
        )
        if start is not None:
            dice = np.random.default_rng(settings.seed).random(start.shape, np.float32) * SMALL
            model.item_factors = np.where(start.any(axis=1, keepdims=True), start, dice).astype(np.float32)
        model.fit(sparse.csr_matrix(matrix), show_progress=False)
    factors = np.asarray(model.item_factors, np.float32)
    factors[np.diff(matrix.tocsc().indptr) == 0] = 0
    return factors
