"""A request's history with each of its items left out in turn: what the sources' scores would be without it, for reasons that are true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from aisle.core.profiles import Slices
from aisle.core.stage import Block
from aisle.retrieval.sequences import TYPE_WEIGHT

Weights = NDArray[np.float64]


class LeavesOut(Protocol):
    """A source that can say what it would score ``items`` ``(n,)`` with each of the ``h`` items of the request's history left out.

    `without` gives ``(h, n) float32`` in the order of `aisle.retrieval.base.history`, 0 where it would be silent.
    """

    name: str
    decay: float

    def without(self, block: Block, request: int, items: NDArray[np.int32]) -> NDArray[np.float32]: ...


@dataclass(frozen=True)
class Steps:
    """One request's events of interest, seen from a history that lacks one of its ``h`` items at a time.

    ``behind`` ``(h, m) int64``: how many later steps each of the ``m`` events has then, since steps that held nothing but the item are
    gone; ``kept`` ``(h, m)``: 1 for events on other items, each with the interest of its type. The events stand by item; those of item
    ``a`` begin at ``starts[a]``.
    """

    behind: NDArray[np.int64]
    kept: NDArray[np.float32]
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, items: NDArray[np.int32], liked: Slices, request: int) -> Steps:
        """``items`` ``(h,)`` (ascending) are those of the events ``liked`` of a ``request`` that has any."""
        part = liked.of(request)
        age, held = liked.values["age"][part], np.searchsorted(items, liked.item[part])
        step = np.concatenate([[0], np.cumsum(age[1:] != age[:-1])])
        last, first = np.zeros(step[-1] + 1, np.int64), np.full(step[-1] + 1, len(items))
        np.maximum.at(last, step, held)
        np.minimum.at(first, step, held)
        each = np.arange(len(items))[:, None]
        gone = np.cumsum((each == last) & (first == last), axis=1)
        order = np.argsort(held, kind="stable")
        behind = (len(last) - 1 - step) - (gone[:, -1:] - gone[:, step])
        kept = TYPE_WEIGHT[liked.values["type"][part].astype(np.int64)] * (held != each)
        starts = np.searchsorted(held[order], np.arange(len(items)))
        return cls(np.maximum(behind, 0)[:, order], kept[:, order].astype(np.float32), starts)

    def weights(self, decay: float) -> Weights:
        """``(h, h) float64``: row ``a`` are the weights of the history's items as they were without item ``a``."""
        fallen = decay ** np.arange(int(self.behind.max()) + 1)
        merged = np.maximum.reduceat(self.kept * fallen[self.behind], self.starts, axis=1)
        return np.asarray(merged / np.maximum(merged.sum(axis=1, keepdims=True), 1e-12), np.float64)


def seeded(size: int) -> Weights:
    """The same for the ``size`` seeds of a page, which all weigh the same."""
    rest = 1 - np.eye(size)
    return rest / max(1, size - 1)
