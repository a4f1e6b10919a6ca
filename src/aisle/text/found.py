"""How much of what is wanted stands among the first, and how far in front, by vectors alone: the measures by which encoders are chosen."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

FIRST = 10


def wanted_among(rows: NDArray[np.int64], answers: Iterable[Collection[int]]) -> list[set[int]]:
    """For each query the places in ``rows`` ``(n,)``, among which is measured, of those of its ``answers`` that stand there."""
    place = {row: number for number, row in enumerate(rows.tolist())}
    return [{place[row] for row in found if row in place} for found in answers]


def shares(asked: NDArray[np.float32], items: NDArray[np.float32], wanted: Sequence[Collection[int]]) -> list[float]:
    """recall@10 of each query ``(q, d)`` among ``items`` ``(n, d)``; ``wanted`` are rows of ``items``, at least one a query."""
    return shares_of((items @ vector for vector in asked), wanted)


def gains(asked: NDArray[np.float32], items: NDArray[np.float32], wanted: Sequence[Collection[int]]) -> list[float]:
    """nDCG@10 of each query, all that is wanted alike (Järvelin and Kekäläinen 2002): where recall is 1 for nearly all it still tells."""
    found, worth = [], 1 / np.log2(np.arange(2, FIRST + 2))
    for vector, rows in zip(asked, wanted, strict=True):
        said = items @ vector
        first = np.argpartition(-said, min(FIRST, len(said) - 1))[:FIRST]
        right = np.isin(first[np.argsort(-said[first], kind="stable")], list(rows))
        found.append(float(worth[: len(right)][right].sum() / worth[: len(rows)].sum()))
    return found


def shares_of(scores: Iterable[NDArray[np.float32]], wanted: Sequence[Collection[int]]) -> list[float]:
    """The same by each query's scores ``(n,)``."""
    found = []
    for said, rows in zip(scores, wanted, strict=True):
        first = np.argpartition(-said, min(FIRST, len(said) - 1))[:FIRST]
        found.append(len(set(rows).intersection(first.tolist())) / len(rows))
    return found
