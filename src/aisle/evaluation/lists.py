"""Ranked lists and what was wanted, both as flat arrays with offsets, and the join of the two that every ranking metric reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from aisle.core.arrays import found_at
from aisle.core.errors import StageError

Offsets = NDArray[np.int64]
Rows = NDArray[np.int32]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Lists(Protocol):
    """Item rows per request, best first: request ``r`` owns ``item[offsets[r]:offsets[r + 1]]``. Ordered `core.Candidates` are such."""

    @property
    def offsets(self) -> Offsets: ...
    @property
    def item(self) -> Rows: ...


@dataclass(frozen=True)
class Ranked:
    """The plain form of `Lists`: ``offsets`` ``(n + 1,) int64``, ``item`` ``(m,) int32``, best first, each item once per request."""

    offsets: Offsets
    item: Rows

    @classmethod
    def of(cls, lists: Sequence[Sequence[int] | Rows]) -> Ranked:
        """From one sequence of item rows per request.

        >>> Ranked.of([[4, 2], [], [7]]).offsets.tolist()
        [0, 2, 2, 3]
        """
        flat = np.concatenate([np.zeros(0, np.int32), *(np.asarray(rows, np.int32) for rows in lists)])
        return cls(_offsets(np.array([len(rows) for rows in lists], np.int64)), flat)


@dataclass(frozen=True)
class Truth:
    """What each of ``n`` requests wanted; each item at most once per request (`of` sees to that).

    ``item`` ``(m,) int32`` catalogue row, -1 for one that the catalogue does not hold (it counts as missed); ``grade`` ``(m,) float64``
    shifted to start at 0; ``relevant`` ``(m,) bool``; ``bought`` ``(m,) bool``; ``value`` ``(m,) float64`` money paid, NaN where unknown.
    """

    offsets: Offsets
    item: Rows
    grade: Floats
    relevant: Mask
    bought: Mask
    value: Floats

    @classmethod
    def of(
        cls,
        requests: int,
        request: NDArray[np.integer],
        item: NDArray[np.integer],
        grade: Floats | None = None,
        relevant: Mask | None = None,
        bought: Mask | None = None,
        value: Floats | None = None,
    ) -> Truth:
        """From one row per wanted item, in any order; rows of one item in one request become one (highest grade, values summed).

        Absent ``grade`` is 1 everywhere, absent ``relevant`` is ``grade > 0``, absent ``bought`` is nowhere, absent ``value`` is unknown.
        """
        grades = np.ones(len(item)) if grade is None else np.asarray(grade, np.float64)
        wanted = grades > 0 if relevant is None else relevant
        paid = np.full(len(item), np.nan) if value is None else np.asarray(value, np.float64)
        sold = np.zeros(len(item), bool) if bought is None else bought
        order, starts = _groups(np.asarray(request, np.int64), np.asarray(item, np.int64))
        if not len(order):
            starts = np.zeros(0, np.int64)
        first = order[starts]
        counts = np.bincount(np.asarray(request)[first], minlength=requests) if len(first) else np.zeros(requests, np.int64)
        return cls(
            _offsets(counts),
            np.asarray(item, np.int32)[first],
            _reduce(np.maximum, grades[order], starts),
            _reduce(np.logical_or, wanted[order], starts).astype(bool),
            _reduce(np.logical_or, sold[order], starts).astype(bool),
            _reduce(np.add, paid[order], starts),
        )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def request(self) -> NDArray[np.int64]:
        """``(m,) int64``: the request each wanted item belongs to."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    @cached_property
    def relevant_count(self) -> NDArray[np.int64]:
        """``(n,) int64``: relevant items per request."""
        return np.bincount(self.request[self.relevant], minlength=len(self))

    @cached_property
    def ideal(self) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
        """Request, rank and gain of every graded item when each request's items stand in the best order."""
        order = np.lexsort((-self.grade, self.request))
        rank = np.arange(len(order)) - np.repeat(self.offsets[:-1], np.diff(self.offsets))
        return self.request[order], rank, gain(self.grade[order])


@dataclass(frozen=True)
class Judged:
    """Ranked lists laid against the truth: one row per wanted item that a list holds, ordered by request, then rank (0 first)."""

    truth: Truth
    request: NDArray[np.int64]
    rank: NDArray[np.int64]
    wanted: NDArray[np.int64]
    """Which row of ``truth`` was met."""

    @property
    def relevant(self) -> Mask:
        """``(hits,) bool``: the met item is relevant, not only graded."""
        return self.truth.relevant[self.wanted]

    def total(self, weights: Floats, mask: Mask) -> Floats:
        """``(n,) float64``: sum of ``weights`` ``(hits,)`` over each request's hits where ``mask`` is true."""
        return np.asarray(np.bincount(self.request[mask], weights[mask], minlength=len(self.truth)), np.float64)


def judge(lists: Lists, truth: Truth) -> Judged:
    """Find every wanted item in its request's list.

    Raises `StageError` when the numbers of requests differ or a list holds a wanted item twice (it would be paid twice).
    """
    if len(lists.offsets) != len(truth.offsets):
        raise StageError(f"{len(lists.offsets) - 1} ranked lists for {len(truth)} requests.", "One list per request, an empty one too.")
    counts = np.diff(lists.offsets)
    request = np.repeat(np.arange(len(truth)), counts)
    span = int(max(lists.item.max(initial=0), truth.item.max(initial=0))) + 2
    place = found_at(truth.request * span + truth.item + 1, request * span + lists.item + 1)
    hit = (place >= 0) & (lists.item >= 0)
    wanted = place[hit]
    if len(np.unique(wanted)) < len(wanted):
        raise StageError("A ranked list holds an item twice.", "Each item stands at most once in a request's list.")
    rank = np.arange(len(request)) - np.repeat(lists.offsets[:-1], counts)
    return Judged(truth, request[hit], rank[hit], wanted)


def gain(grade: Floats) -> Floats:
    """``2^g - 1`` on grades that start at 0 (Burges et al. 2005)."""
    return np.asarray(np.exp2(grade) - 1)


def head(lists: Lists, k: int) -> tuple[NDArray[np.int64], Rows]:
    """Request and item of the first ``k`` places of every list."""
    counts = np.diff(lists.offsets)
    rank = np.arange(len(lists.item)) - np.repeat(lists.offsets[:-1], counts)
    kept = rank < k
    return np.repeat(np.arange(len(counts)), counts)[kept], lists.item[kept]


def _offsets(counts: NDArray[np.int64]) -> Offsets:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])


def _groups(request: NDArray[np.int64], item: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The order by request and item, and where each pair starts; unknown items (-1) stay apart, they are different things."""
    order = np.lexsort((item, request))
    same = (np.diff(request[order]) == 0) & (np.diff(item[order]) == 0) & (item[order][1:] >= 0)
    return order, np.flatnonzero(np.concatenate([np.ones(1, bool), ~same]))


def _reduce(how: np.ufunc, values: NDArray[np.generic], starts: NDArray[np.int64]) -> Floats:
    return np.asarray(how.reduceat(values, starts), np.float64) if len(starts) else np.zeros(0)
