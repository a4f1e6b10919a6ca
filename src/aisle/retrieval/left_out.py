"""A request's history with each of its items left out in turn: what the sources' scores would be without it, for reasons that are true."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from aisle.core.profiles import Slices
from aisle.core.stage import Block
from aisle.retrieval.sequences import TYPE_WEIGHT

Weights = NDArray[np.float64]


@runtime_checkable
class LeavesOut(Protocol):
    """A source that can say what it would score ``items`` ``(n,)`` with each of the ``h`` items of the request's history left out.

    `without` gives ``(h, n) float32`` in the order of `aisle.retrieval.base.history`, 0 where it would be silent.
    """

    name: str
    decay: float

    def without(self, block: Block, request: int, items: NDArray[np.int32]) -> NDArray[np.float32]: ...


def weights(items: NDArray[np.int32], liked: Slices, request: int, decay: float) -> Weights:
    """``(h, h) float64``: row ``a`` are the weights of the history's ``items`` ``(h,)`` (ascending) as they were without item ``a``.

    ``liked`` are the events that the history was made of. Steps that held nothing but the item are gone, so that older steps come nearer.
    """
    if not len(items):
        return np.zeros((0, 0))
    part = liked.of(request)
    order = np.lexsort((np.arange(part.start, part.stop), liked.item[part]))
    event, age, kind = liked.item[part], liked.values["age"][part], liked.values["type"][part].astype(np.int64)
    step = np.r_[0, np.cumsum(age[1:] != age[:-1])]
    held = np.searchsorted(items, event)
    last, first = np.zeros(step[-1] + 1, np.int64), np.full(step[-1] + 1, len(items))
    np.maximum.at(last, step, held)
    np.minimum.at(first, step, held)
    gone = (np.arange(len(items))[:, None] == last) & (first == last)
    behind = (len(last) - 1 - step) - (gone.sum(axis=1)[:, None] - np.cumsum(gone, axis=1)[:, step])
    weight = TYPE_WEIGHT[kind] * decay ** np.maximum(behind, 0)
    weight[held == np.arange(len(items))[:, None]] = 0
    starts = np.flatnonzero(np.r_[True, np.diff(held[order]) > 0])
    merged = np.maximum.reduceat(weight[:, order], starts, axis=1)
    return np.asarray(merged / np.maximum(merged.sum(axis=1, keepdims=True), 1e-12), np.float64)


def seeded(size: int) -> Weights:
    """The same for the ``size`` seeds of a page, which all weigh the same."""
    rest = 1 - np.eye(size)
    return rest / max(1, size - 1)
