"""One row of scores: what a source says of each item to one request. 0 is silence and only items above 0 are proposed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from aisle.core.arrays import looked_up
from aisle.core.stage import Mask, Scores

Rows = NDArray[np.int32]

FRONT = 1_000
"""Items at the head of a row that many requests read, kept in order."""
TOGETHER = 32
"""Users whose products are made at once."""


class Row(Protocol):
    """``nbytes`` is what keeping it costs; `best` gives the ``limit`` best items that ``mask`` ``(items,)`` allows and their scores, best
    first, ties to the lower item row; `of` gives the scores of ``items`` ``(n,) int32``."""

    @property
    def nbytes(self) -> int: ...
    def best(self, mask: Mask, limit: int) -> tuple[Rows, Scores]: ...
    def of(self, items: Rows) -> Scores: ...


@dataclass(frozen=True)
class Full:
    """``scores`` ``(items,) float32``, one for every item."""

    scores: Scores

    @property
    def nbytes(self) -> int:
        """Bytes of the scores."""
        return self.scores.nbytes

    def best(self, mask: Mask, limit: int) -> tuple[Rows, Scores]:
        """As `Row.best`."""
        found = best(self.scores, mask, limit)
        return found, self.scores[found]

    def of(self, items: Rows) -> Scores:
        """As `Row.of`."""
        return self.scores[items]


class Standing(Full):
    """A full row that many requests read one after another: its head is kept in order, so that most of them sort nothing."""

    @cached_property
    def front(self) -> Rows:
        """The first `FRONT` items of all."""
        return best(self.scores, np.ones(len(self.scores), bool), FRONT)

    def best(self, mask: Mask, limit: int) -> tuple[Rows, Scores]:
        """As `Row.best`."""
        found = self.front[mask[self.front]][:limit]
        if len(found) < limit and len(self.front) == FRONT:
            return super().best(mask, limit)
        return found, self.scores[found]


@dataclass(frozen=True)
class Few:
    """``scores`` ``(k,) float32`` of ``items`` ``(k,) int32``, ascending; silent on all others, so that a large shop costs no more."""

    items: Rows
    scores: Scores

    @classmethod
    def none(cls) -> Few:
        """Silence."""
        return cls(np.zeros(0, np.int32), np.zeros(0, np.float32))

    @property
    def nbytes(self) -> int:
        """Bytes of both."""
        return self.items.nbytes + self.scores.nbytes

    def best(self, mask: Mask, limit: int) -> tuple[Rows, Scores]:
        """As `Row.best`."""
        found = best(self.scores, mask[self.items], limit)
        return self.items[found], self.scores[found]

    def of(self, items: Rows) -> Scores:
        """As `Row.of`."""
        return looked_up(self.items, self.scores, items)


def best(scores: Scores, mask: Mask, limit: int) -> Rows:
    """The ``limit`` places with the largest score above 0 among those that ``mask`` allows, best first; ties go to the lower place."""
    found = ((scores > 0) & mask).nonzero()[0]
    negative = -scores[found]
    if len(found) > limit:
        edge = np.partition(negative, limit - 1)[limit - 1]
        near = (negative <= edge).nonzero()[0]
        found, negative = found[near], negative[near]
    return found[negative.argsort(kind="stable")[:limit]].astype(np.int32)


def products(vectors: Scores, users: Iterable[Scores | None]) -> Iterator[Scores | None]:
    """What ``vectors`` ``(n, d) float32`` give with each of ``users`` ``(d,)``: ``(n,) float32``, None for None.

    Some users at once: reading the vectors takes longer than multiplying them. A product's last digit may depend on how many they are.
    """
    waiting = iter(users)
    while part := list(islice(waiting, TOGETHER)):
        known = [user for user in part if user is not None]
        found = iter([vectors @ known[0]] if len(known) == 1 else np.stack(known) @ vectors.T if known else [])
        for user in part:
            yield None if user is None else next(found)
