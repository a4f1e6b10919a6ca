"""A sparse item-to-item matrix with few entries a row: made in strips that fit in memory, read row by row when a request comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from aisle.core.arrays import mapped

Floats = NDArray[np.float32]
Reweigh = Callable[[NDArray[np.int32], NDArray[np.int32], Floats], Floats]
"""From (row item, column item, raw value) of each entry to its weight."""

STRIP_ENTRIES = 20_000_000


@dataclass(frozen=True)
class Neighbours:
    """Row ``i`` owns ``offsets[i]:offsets[i + 1]`` of ``item`` ``(m,) int32`` and ``weight`` ``(m,) float32``.

    No item is its own neighbour.
    """

    offsets: NDArray[np.int64]
    item: NDArray[np.int32]
    weight: Floats

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def spread(self, rows: NDArray[np.int32], amounts: NDArray[np.float64]) -> tuple[NDArray[np.int32], Floats]:
        """The items that any of ``rows`` reaches, ascending, and for each the sum of ``amounts[h] * weight`` over ``rows[h]``."""
        starts, counts = self.offsets[rows], self.offsets[rows + 1] - self.offsets[rows]
        ends = counts.cumsum()
        if not len(ends) or not ends[-1]:
            return np.zeros(0, np.int32), np.zeros(0, np.float32)
        place = np.arange(ends[-1]) + (starts - ends + counts).repeat(counts)
        item, value = self.item[place], self.weight[place] * amounts.repeat(counts)
        order = item.argsort(kind="stable")
        item, value = item[order], value[order]
        first = np.concatenate([[0], (item[1:] != item[:-1]).nonzero()[0] + 1])
        return item[first], np.add.reduceat(value, first).astype(np.float32)

    def between(self, rows: NDArray[np.int32], items: NDArray[np.int32]) -> Floats:
        """``(len(rows), len(items)) float32``: the weight of each of ``items`` (each once) beside each of ``rows``, 0 for none.

        Rows and items that came after the matrix was made have none.
        """
        parts = self._parts(rows)
        result = np.zeros((len(rows), len(items)), np.float32)
        if not parts or not len(items):
            return result
        order, found = items.argsort(), np.concatenate([self.item[part] for part in parts])
        ascending = items[order]
        at = ascending.searchsorted(found)
        hit = (ascending.take(at, mode="clip") == found).nonzero()[0]
        row = np.arange(len(rows)).repeat([part.stop - part.start for part in parts])
        result[row[hit], order[at[hit]]] = np.concatenate([self.weight[part] for part in parts])[hit]
        return result

    def joined(self, rows: NDArray[np.int32], items: NDArray[np.int32]) -> NDArray[np.bool_]:
        """``(n,) bool``: whether each of ``items`` ``(n,)`` is a neighbour of the one of ``rows`` ``(n,)`` beside it; -1 has none."""
        parts = self._parts(rows)
        counts = np.array([part.stop - part.start for part in parts], np.int64)
        found = np.concatenate([np.zeros(0, np.int32), *(self.item[part] for part in parts)]) == items.repeat(counts)
        total = np.concatenate([[0], found.cumsum()])
        ends = counts.cumsum()
        return np.asarray(total[ends] > total[ends - counts])

    def moved(self, rows: NDArray[np.int32]) -> Neighbours:
        """The same between items that stand elsewhere now: ``rows`` ``(n,) int32`` says where each stood, -1 for a new one."""
        if not len(self):
            return Neighbours.none(len(rows))
        known, place = rows >= 0, np.full(len(self), -1, np.int32)
        place[rows[known]] = np.flatnonzero(known)
        counts = np.where(known, np.diff(self.offsets)[rows], 0)
        at = np.arange(counts.sum()) + np.repeat(self.offsets[rows] - np.cumsum(counts) + counts, counts)
        item, owner = place[self.item[at]], np.repeat(np.arange(len(rows)), counts)
        there = item >= 0
        offsets = np.concatenate([[0], np.cumsum(np.bincount(owner[there], minlength=len(rows)))]).astype(np.int64)
        return Neighbours(offsets, item[there], self.weight[at][there])

    def _parts(self, rows: NDArray[np.int32]) -> list[slice]:
        """Where the entries of each of ``rows`` stand; a row that came later, or -1, has none."""
        if not len(self):
            return [slice(0, 0)] * len(rows)
        old = np.clip(rows, 0, len(self) - 1)
        edges = zip(self.offsets[old].tolist(), self.offsets[old + 1].tolist(), (old == rows).tolist(), strict=True)
        return [slice(start, end if known else start) for start, end, known in edges]

    def matrix(self) -> sparse.csr_array:
        """The same as a scipy matrix, ``(items, items) float32``."""
        return sparse.csr_array((self.weight, self.item, self.offsets), shape=(len(self), len(self)))

    def save(self, folder: Path, name: str = "neighbours") -> None:
        """Write ``name.offsets.npy``, ``name.item.npy``, ``name.weight.npy``."""
        folder.mkdir(parents=True, exist_ok=True)
        for part in ("offsets", "item", "weight"):
            np.save(folder / f"{name}.{part}.npy", getattr(self, part))

    @classmethod
    def load(cls, folder: Path, name: str = "neighbours") -> Neighbours:
        """Open what `save` wrote."""
        return cls(*(mapped(folder / f"{name}.{part}.npy") for part in ("offsets", "item", "weight")))

    @classmethod
    def none(cls, items: int) -> Neighbours:
        """No neighbours at all."""
        return cls(np.zeros(items + 1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32))

    @classmethod
    def of_product(cls, left: sparse.csr_array, right: sparse.csr_array, most: int, reweigh: Reweigh) -> Neighbours:
        """The ``most`` largest positive entries in each row of ``left.T @ right``, reweighed, without the diagonal.

        ``left`` and ``right`` are ``(events or users, items)``. Rows are multiplied in strips, so that memory stays at some 20 million
        entries however large the shop.
        """
        by_item = left.T.tocsr()
        work = np.cumsum(_row_cost(by_item, right))
        parts: list[sparse.csr_array] = []
        start = 0
        while start < by_item.shape[0]:
            done = work[start - 1] if start else 0
            stop = max(start + 1, int(np.searchsorted(work, done + STRIP_ENTRIES)))
            parts.append(_strip((by_item[start:stop] @ right).tocsr(), start, most, reweigh))
            start = stop
        whole = sparse.vstack(parts, format="csr") if parts else sparse.csr_array((0, 0), dtype=np.float32)
        return cls(whole.indptr.astype(np.int64), whole.indices.astype(np.int32), whole.data.astype(np.float32))


def _row_cost(left: sparse.csr_array, right: sparse.csr_array) -> NDArray[np.int64]:
    """Upper bound of the entries that each row of ``left @ right`` can have."""
    reach = np.diff(right.indptr)
    total = np.r_[0, np.cumsum(reach[left.indices])]
    return np.minimum(total[left.indptr[1:]] - total[left.indptr[:-1]], right.shape[1])


def _strip(product: sparse.csr_array, start: int, most: int, reweigh: Reweigh) -> sparse.csr_array:
    counts = np.diff(product.indptr)
    row = np.repeat(np.arange(start, start + len(counts), dtype=np.int32), counts)
    column = product.indices.astype(np.int32, copy=False)
    weight = reweigh(row, column, product.data.astype(np.float32, copy=False))
    weight[(row == column) | ~(weight > 0)] = 0
    return largest(sparse.csr_array((weight, column, product.indptr), shape=product.shape), most)


def largest(matrix: sparse.csr_array, most: int) -> sparse.csr_array:
    """Only the ``most`` largest positive entries of each row; among equals the lower column stays."""
    keep = matrix.data > 0
    for row in np.flatnonzero(np.diff(matrix.indptr) > most).tolist():
        start, stop = int(matrix.indptr[row]), int(matrix.indptr[row + 1])
        value = matrix.data[start:stop]
        ordered = value.copy()
        ordered.partition(len(value) - most)
        edge = ordered[len(value) - most]
        if edge <= 0:
            continue
        over = value >= edge
        if (many := int(np.count_nonzero(over))) > most:
            equal = np.flatnonzero(value == edge)
            over[equal[matrix.indices[start:stop][equal].argsort()[len(equal) - (many - most) :]]] = False
        keep[start:stop] = over
    parts = (np.where(keep, matrix.data, matrix.dtype.type(0)), matrix.indices.copy(), matrix.indptr.copy())
    found = sparse.csr_array(parts, shape=matrix.shape)
    found.eliminate_zeros()
    return found
