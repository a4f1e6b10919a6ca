"""Counts of the events since a bundle, read from the log a little at a time and added up once an hour."""

from __future__ import annotations

from collections.abc import Iterable
from math import floor, inf, isnan, nan

import numpy as np

from aisle.core.catalogue import Catalogue
from aisle.retrieval.counters import HOUR, Counters
from aisle.schema import EVENT_CODE
from aisle.state.protocols import EventLog

AT_ONCE = 2_000
"""Facts of the log that are counted beside one answer, so that none waits long and the full hour finds little left to count."""


class Tally:
    """How often what was done with each item in each hour since a sequence of the log. Not for several threads at once.

    An event counts from the next full hour on (`Counters`), so counters are made anew when a request comes from an hour in which some
    event counts that the last ones lack: at most once for each hour asked for.
    """

    def __init__(self, log: EventLog, after: int) -> None:
        self.log, self.sequence, self.newest = log, after, nan
        self._count: dict[tuple[str, int, int], int] = {}
        self._items: set[str] = set()
        self._waiting, self._asked = inf, nan

    def read(self, newest: int, most: int = AT_ONCE) -> None:
        """Count on, ``most`` facts; ``newest`` is the log's newest sequence."""
        until = min(newest, self.sequence + most)
        if until <= self.sequence:
            return
        for item, kind, hour, count, time in self.log.counts(self.sequence, until):
            key = item, EVENT_CODE[kind], hour
            self._count[key] = self._count.get(key, 0) + count
            self._items.add(item)
            self._waiting = min(self._waiting, hour * HOUR)
            self.newest = float(np.fmax(self.newest, time))
        self.sequence = until

    def read_all(self, newest: int) -> None:
        """Count everything up to ``newest``: about a second for a million events."""
        self.read(newest, max(newest - self.sequence, 0))

    def meet(self, items: Iterable[str]) -> None:
        """Items came into the shop: events on them that were counted as nobody's are counted anew at the next full hour."""
        if any(item in self._items for item in items):
            self._waiting = -inf

    def due(self, as_of: float, newest: int) -> bool:
        """Whether a request at ``as_of`` may need counters that were not made yet."""
        behind = self.sequence < newest
        if isnan(as_of):
            return behind or self._waiting < inf
        hour = floor(as_of / HOUR)
        return hour != self._asked and (behind or self._waiting < hour * HOUR)

    def counters(self, catalogue: Catalogue, clock: bool, as_of: float) -> Counters | None:
        """Everything read so far added up, for a request at ``as_of``; None where the last counters still hold."""
        self._asked = nan if isnan(as_of) else floor(as_of / HOUR)
        if self._waiting == inf or (not isnan(as_of) and self._waiting >= self._asked * HOUR):
            return None
        self._waiting = inf
        table = np.array([(kind, hour, count) for (_, kind, hour), count in self._count.items()], np.int64).reshape(-1, 3)
        each = np.repeat(np.arange(len(table)), table[:, 2])
        rows = catalogue.rows(item for item, _, _ in self._count)[each]
        return Counters.counted(rows, table[each, 1] * HOUR, table[each, 0].astype(np.uint8), clock, len(catalogue))
