"""A request's history with each of its items left out in turn: what the sources' scores would be without it, for reasons that are true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from aisle.core.profiles import Slices
from aisle.core.stage import Block
from aisle.retrieval.sequences import TYPE_WEIGHT

Weights = NDArray[np.float32]
INTERESTS: list[float] = TYPE_WEIGHT.tolist()


class LeavesOut(Protocol):
    """A source that can say what it would score ``items`` ``(n,)`` with each of the ``h`` items of the request's history left out.

    `without` gives ``(h, n) float32`` in the order of `aisle.retrieval.base.history`, 0 where it would be silent.
    """

    name: str
    decay: float

    def without(self, block: Block, request: int, items: NDArray[np.int32]) -> NDArray[np.float32]: ...


@dataclass(frozen=True)
class Steps:
    """One request's ``m`` events of interest that could count, the newest first, to be seen without one of its ``h`` items at a time.

    An event does not count beside a later one on its item that says as much. ``item`` is each event's place among the ``h`` items,
    ``interest`` the interest of its type, ``behind`` how many later steps there are; ``alone`` is each step's item where it held no other,
    else -1: that step is gone without the item.
    """

    item: list[int]
    interest: list[float]
    behind: list[int]
    alone: list[int]

    @classmethod
    def of(cls, items: NDArray[np.int32], liked: Slices, request: int) -> Steps:
        """``items`` ``(h,)`` are those of the events ``liked`` of a ``request`` that has any. At most some fifty events: a plain loop."""
        part, place = liked.of(request), {item: place for place, item in enumerate(items.tolist())}
        columns = (liked.item[part], liked.values["type"][part].astype(np.int64), liked.values["age"][part])
        found, said, alone, newest = cls([], [], [], []), [0.0] * len(items), [], None
        for item, kind, age in zip(*(column[::-1].tolist() for column in columns), strict=True):
            at = place[item]
            if age != newest:
                alone.append(at)
                newest = age
            elif alone[-1] != at:
                alone[-1] = -1
            if INTERESTS[kind] > said[at]:
                said[at] = INTERESTS[kind]
                found.item.append(at)
                found.interest.append(said[at])
                found.behind.append(len(alone) - 1)
        found.alone.extend(alone)
        return found

    def weights(self, decays: Sequence[float]) -> Weights:
        """``(decays, h, h) float32``: row ``a`` are the weights of the history's items as they were without item ``a``."""
        item, behind = np.array(self.item), np.array(self.behind)
        size = int(item.max()) + 1
        gone = np.array(self.alone) == np.arange(size)[:, None]
        before = gone.cumsum(axis=1) - gone
        fallen = np.power.outer(decays, np.arange(len(self.alone))).astype(np.float32)
        weight = fallen[:, behind - before[:, behind]] * np.array(self.interest, np.float32)
        weight[:, item, np.arange(len(item))] = 0
        first = [self.item.index(place) for place in range(size)]
        merged = weight[:, :, first]
        for event in set(range(len(item))).difference(first):
            column = merged[:, :, self.item[event]]
            np.maximum(column, weight[:, :, event], out=column)
        merged /= np.maximum(merged.sum(axis=2, keepdims=True), np.float32(1e-12))
        return merged


def seeded(size: int) -> Weights:
    """The same for the ``size`` seeds of a page, which all weigh the same."""
    rest = 1 - np.eye(size, dtype=np.float32)
    return rest / np.float32(max(1, size - 1))
