"""How much of what is wanted stands among the first, by vectors alone: the measure by which encoders are chosen."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

FIRST = 10


def shares(asked: NDArray[np.float32], items: NDArray[np.float32], wanted: Sequence[Collection[int]]) -> list[float]:
    """recall@10 of each query ``(q, d)`` among ``items`` ``(n, d)``; ``wanted`` are rows of ``items``, at least one a query."""
    found = []
    for vector, rows in zip(asked, wanted, strict=True):
        scores = items @ vector
        first = np.argpartition(-scores, min(FIRST, len(scores) - 1))[:FIRST]
        found.append(len(set(rows).intersection(first.tolist())) / len(rows))
    return found
