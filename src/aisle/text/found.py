"""How much of what is wanted stands among the first, and how far in front, by vectors alone: the measures by which encoders are chosen."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from math import inf

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


def ndcg(scores: NDArray[np.float32], gain: NDArray[np.float32], first: float = inf) -> float:
    """Mean over rows of ``(q, wide)``: discounted gain of the ``first`` in the order of the scores over that of the best order (Järvelin
    and Kekäläinen 2002); rows without any gain are left out. Where recall is 1 for nearly all it still tells."""
    some = gain[gain.any(axis=1)]
    if not len(some):
        return 0.0
    place = np.arange(gain.shape[1])
    worth = np.where(place < first, 1 / np.log2(place + 2), 0.0)
    order = np.argsort(-scores[gain.any(axis=1)], axis=1, kind="stable")
    found = (np.take_along_axis(some, order, axis=1) * worth).sum(axis=1)
    return float(np.mean(found / (-np.sort(-some, axis=1) * worth).sum(axis=1)))


def shares_of(scores: Iterable[NDArray[np.float32]], wanted: Sequence[Collection[int]]) -> list[float]:
    """The same by each query's scores ``(n,)``."""
    found = []
    for said, rows in zip(scores, wanted, strict=True):
        first = np.argpartition(-said, min(FIRST, len(said) - 1))[:FIRST]
        found.append(len(set(rows).intersection(first.tolist())) / len(rows))
    return found
