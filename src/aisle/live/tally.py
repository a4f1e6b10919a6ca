"""Counts of the events since a bundle, read from the log a little at a time and added up once an hour."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from math import floor, inf, isnan, nan

import numpy as np

from aisle.core.catalogue import Catalogue
from aisle.retrieval.counters import HOUR, Counters
from aisle.schema import EVENT_CODE
from aisle.state.protocols import EventLog

AT_ONCE = 500
"""Events read beside one answer, so that none waits long and the full hour finds little left to read."""
ALL = 10_000


class Tally:
    """Items, times and types of the log's events after a sequence: 13 bytes an event. Not for several threads at once.

    An event counts from the next full hour on (`Counters`), so counts are made anew when a request comes from an hour in which some
    event counts that the last ones lack: at most once for each hour asked for.
    """

    def __init__(self, log: EventLog, after: int) -> None:
        self.log, self.after = log, after
        self.reset()

    def reset(self) -> None:
        """Read everything again at the next need: someone was forgotten."""
        self.sequence, self.behind, self.newest = self.after, True, nan
        self._ids: dict[str, int] = {}
        self._item, self._time, self._type = array("i"), array("d"), array("B")
        self._waiting, self._asked = inf, nan

    def read(self, newest: int, most: int = AT_ONCE) -> None:
        """Read on, ``most`` events; ``newest`` is the log's newest sequence."""
        events = self.log.since(self.sequence, most)
        for one in events:
            event = one.event
            self.newest = max(event.time, self.newest) if self.newest == self.newest else event.time
            if event.item_id is not None and event.type in EVENT_CODE:
                self._item.append(self._ids.setdefault(event.item_id, len(self._ids)))
                self._time.append(event.time)
                self._type.append(EVENT_CODE[event.type])
                self._waiting = min(self._waiting, event.time)
        last = events[-1].sequence if events else self.sequence
        self.behind = len(events) >= most
        self.sequence = last if self.behind else max(last, newest)

    def meet(self, items: Iterable[str]) -> None:
        """Items came into the shop: events on them that were counted as nobody's are counted anew at the next full hour."""
        if any(item in self._ids for item in items):
            self._waiting = -inf

    def due(self, as_of: float) -> bool:
        """Whether a request at ``as_of`` may need counts that were not made yet."""
        if isnan(as_of):
            return self.behind or self._waiting < inf
        hour = floor(as_of / HOUR)
        return hour != self._asked and (self.behind or self._waiting < hour * HOUR)

    def counters(self, catalogue: Catalogue, clock: bool, as_of: float) -> Counters | None:
        """Everything read so far added up, for a request at ``as_of``; None where the last counts still hold."""
        self._asked = nan if isnan(as_of) else floor(as_of / HOUR)
        if not isnan(as_of) and self._waiting >= self._asked * HOUR:
            return None
        if self._waiting == inf:
            return None
        self._waiting = inf
        rows = catalogue.rows(self._ids)[np.array(self._item, np.int64)]
        return Counters.counted(rows, np.array(self._time), np.array(self._type), clock, len(catalogue))
