"""What lay strictly before a moment, for many groups and moments at once: counts, last times, last rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.integer]
Floats = NDArray[np.float64]


class Past:
    """Facts of groups: ``group`` ``(m,)`` (-1 belongs to none) and ``time`` ``(m,) float64``. A question is a group and a time; a fact of
    the same moment is not before it. Asking of group -1 finds nothing."""

    def __init__(self, group: Numbers, time: Floats) -> None:
        rows = np.flatnonzero(group >= 0)
        self.rows = rows[np.lexsort((time[rows], group[rows]))]
        self.moments, place = np.unique(time[self.rows], return_inverse=True)
        self.span = len(self.moments) + 1
        self.keys = group[self.rows].astype(np.int64) * self.span + place
        self.time = time[self.rows]

    def _range(self, group: Numbers, time: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        wide = np.maximum(group, 0).astype(np.int64) * self.span
        start = np.searchsorted(self.keys, wide)
        end = np.searchsorted(self.keys, wide + np.searchsorted(self.moments, time))
        return start, np.where(group >= 0, end, start)

    def count(self, group: Numbers, time: Floats) -> Floats:
        """``(n,) float64``: facts before."""
        start, end = self._range(group, time)
        return (end - start).astype(np.float64)

    def since(self, group: Numbers, time: Floats) -> Floats:
        """``(n,) float64``: seconds since the last fact, NaN without one."""
        start, end = self._range(group, time)
        found = np.full(len(start), np.nan)
        has = end > start
        found[has] = time[has] - self.time[end[has] - 1]
        return found

    def last(self, group: Numbers, time: Floats, length: int) -> NDArray[np.int64]:
        """``(n, length) int64``: the places of the last facts, the newest at the right, -1 where there were fewer."""
        start, end = self._range(group, time)
        place = end[:, None] + np.arange(-length, 0)
        inside = place >= start[:, None]
        found = np.full(place.shape, -1, np.int64)
        found[inside] = self.rows[place[inside]]
        return found
