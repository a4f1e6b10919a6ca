"""A source of one bundle in the next: under the rows of another catalogue, and carried on from what it had learned."""

from __future__ import annotations

from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from aisle.core.events import Dataset

Rows = NDArray[np.int32]
"""``(items,) int32``: where each item of a catalogue stood in the one before, -1 for one that was not there."""


@runtime_checkable
class Movable(Protocol):
    """A source that knows the same of each item wherever it stands, and nothing of items that are new."""

    def moved(self, rows: Rows) -> Self: ...


@runtime_checkable
class GoesOn(Protocol):
    """A source that need not begin anew: `go_on` gives it after a little more learning from a log, of which it knew what lies no later
    than ``since``, and leaves this one as it was. ``goes_on`` is false where what it would begin with is not there."""

    @property
    def goes_on(self) -> bool: ...
    def go_on(self, data: Dataset, since: float) -> Self: ...


def moved_rows(table: NDArray[Any], rows: Rows) -> NDArray[Any]:
    """``(len(rows), ...)``: each item's row of ``table``, zero for a new item."""
    found = np.zeros((len(rows), *table.shape[1:]), table.dtype)
    known = rows >= 0
    found[known] = table[rows[known]]
    return found
