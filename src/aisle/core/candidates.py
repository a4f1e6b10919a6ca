"""The candidates of a block of requests: flat columns with row offsets per request. Online a block has one request, offline thousands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.core.errors import StageError

Column = NDArray[Any]


class Candidates:
    """``n`` candidates of ``len(offsets) - 1`` requests; request ``r`` owns ``offsets[r]:offsets[r + 1]``, each item at most once in it.

    ``item`` ``(n,) int32`` catalogue rows; ``columns`` maps a name to ``(n,)`` or ``(n, k)``. A stage adds columns or removes rows;
    overwriting a column raises `StageError`.
    """

    def __init__(self, offsets: NDArray[np.int64], item: NDArray[np.int32], columns: Mapping[str, Column] | None = None) -> None:
        self.offsets, self.item = offsets, item
        self.columns: dict[str, Column] = dict(columns or {})

    @classmethod
    def none(cls, requests: int) -> Candidates:
        """A block of ``requests`` requests without candidates."""
        return cls(np.zeros(requests + 1, np.int64), np.zeros(0, np.int32))

    @classmethod
    def of(cls, lists: Sequence[NDArray[np.int32]], **columns: Sequence[Column]) -> Candidates:
        """From one array of items per request, and for each column one array per request."""
        offsets = np.zeros(len(lists) + 1, np.int64)
        np.cumsum([len(rows) for rows in lists], out=offsets[1:])
        flat = {name: np.concatenate(parts) if parts else np.zeros(0, np.float32) for name, parts in columns.items()}
        return cls(offsets, np.concatenate(lists).astype(np.int32) if len(lists) else np.zeros(0, np.int32), flat)

    def __len__(self) -> int:
        return len(self.item)

    @property
    def requests(self) -> int:
        """How many requests the block has."""
        return len(self.offsets) - 1

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """``(requests,) int64``: candidates per request."""
        return np.diff(self.offsets)

    @cached_property
    def request(self) -> NDArray[np.int64]:
        """``(n,) int64``: the request each candidate belongs to."""
        if self.requests == 1:
            return np.zeros(len(self), np.int64)
        return np.repeat(np.arange(self.requests), self.counts)

    def of_request(self, number: int) -> slice:
        """The rows of one request."""
        return slice(int(self.offsets[number]), int(self.offsets[number + 1]))

    def __getitem__(self, name: str) -> Column:
        try:
            return self.columns[name]
        except KeyError:
            raise StageError(f"Column `{name}` is not there.", f"There are: {', '.join(self.columns) or 'none'}.") from None

    def add(self, name: str, values: Column) -> None:
        """Add a column of ``n`` rows; the wrong length or a name already taken raises `StageError`."""
        if name in self.columns:
            raise StageError(f"Column `{name}` is there already.", "A stage adds columns, it never overwrites one.")
        if len(values) != len(self):
            raise StageError(f"Column `{name}` has {len(values)} rows for {len(self)} candidates.")
        self.columns[name] = values

    def keep(self, mask: NDArray[np.bool_]) -> Candidates:
        """The candidates where ``mask`` ``(n,) bool`` is true, in the same order."""
        rows = np.flatnonzero(mask)
        offsets = np.searchsorted(rows, self.offsets)
        return Candidates(offsets, self.item[rows], {name: values[rows] for name, values in self.columns.items()})

    def take(self, order: NDArray[np.int64]) -> Candidates:
        """The same candidates in another order; ``order`` must stay inside each request."""
        return Candidates(self.offsets, self.item[order], {name: values[order] for name, values in self.columns.items()})

    def order_by(self, name: str) -> NDArray[np.int64]:
        """``(n,) int64``: rows from best to worst inside each request; non-finite scores sink, ties go to the lower item row."""
        score = np.where(np.isfinite(self[name]), self[name], -np.inf)
        return np.lexsort((self.item, -score, self.request))


def union(blocks: Mapping[str, Candidates], requests: int) -> Candidates:
    """Merge what several sources proposed: each item once per request.

    Column ``<source>_rank`` is the rank that the source gave it, 0 first, NaN where it did not propose it; ``<source>_best`` is the
    source's best score in that request. Each source's own rows must be ordered best first.
    """
    if not blocks:
        return Candidates.none(requests)
    request = np.concatenate([block.request for block in blocks.values()])
    item = np.concatenate([block.item for block in blocks.values()]).astype(np.int64)
    counts = np.stack([block.counts for block in blocks.values()])
    span = int(item.max(initial=0)) + 1
    keys, place = np.unique(request * span + item, return_inverse=True)
    offsets = np.searchsorted(keys, np.arange(requests + 1) * span)
    result = Candidates(offsets, (keys % span).astype(np.int32))
    source, start = np.repeat(np.arange(len(blocks)), counts.sum(axis=1)), np.cumsum(counts) - counts.ravel()
    ranks = np.full((len(blocks), len(keys)), np.nan, np.float32)
    ranks[source, place] = np.arange(len(item)) - np.repeat(start, counts.ravel())
    first = np.full(counts.size, np.nan, np.float32)
    some = counts.ravel() > 0
    first[some] = np.concatenate([block["score"] for block in blocks.values()])[start[some]]
    bests = first.reshape(counts.shape)[:, result.request]
    for number, name in enumerate(blocks):
        result.add(f"{name}_rank", ranks[number])
        result.add(f"{name}_best", bests[number])
    return result
