"""The four windows: sources learn on 1, rankers on 2, fusion and choices on 3 (development), 4 is scored once (test)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aisle.core.events import Events, Judgements

SHARES = (0.6, 0.2, 0.1, 0.1)
Numbers = NDArray[np.int8]
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True)
class Windows:
    """``event`` ``(n,) int8``, 1 to 4, for each event; ``query`` the same for each judged query. ``cuts``: the times at which windows 2, 3
    and 4 begin; empty where the log is cut by each user's last positions."""

    event: Numbers
    query: Numbers
    by: Literal["time", "position"]
    cuts: tuple[float, ...] = ()

    def of(self, *numbers: int) -> NDArray[np.bool_]:
        """``(n,) bool``: the events of these windows."""
        return np.isin(self.event, numbers)

    @property
    def masks(self) -> tuple[NDArray[np.bool_], ...]:
        """The events of windows 1, 2, 3 and 4."""
        return tuple(self.event == number for number in (1, 2, 3, 4))

    def describe(self) -> dict[str, Json]:
        """For the report: how the log is cut, where, and the number of events and judged queries in each window."""
        counts: list[Json] = [int(mask.sum()) for mask in self.masks]
        queries: list[Json] = [int((self.query == number).sum()) for number in (1, 2, 3, 4)]
        begin: list[Json] = [_day(cut) for cut in self.cuts]
        return {"by": self.by, "events": counts, "queries": queries, "cuts": list(self.cuts), "begin": begin}


def cut(events: Events, judgements: Judgements | None = None, shares: tuple[float, ...] = SHARES) -> Windows:
    """Cut a log with a clock at three times so that about ``shares`` of the events fall before, between and after them; events of one
    moment stay together. Without a clock, or with fewer than four moments, a user's last event is in window 4, the one before in 3, the one
    before that in 2, all others in 1. Judgements are cut by query, see `cut_queries`."""
    queries = cut_queries(judgements, shares) if judgements is not None else np.zeros(0, np.int8)
    if not events.clock or len(events) < 4 or len(np.unique(events.time)) < 4:
        return Windows(_positions(events), queries, "position")
    places = np.ceil(np.cumsum(shares)[:3] / np.sum(shares) * len(events) - 1e-9).astype(np.int64)
    cuts = events.time[np.minimum(places, len(events) - 1)]
    window = (1 + np.searchsorted(cuts, events.time, side="right")).astype(np.int8)
    return Windows(window, queries, "time", tuple(float(time) for time in cuts))


def _positions(events: Events) -> Numbers:
    order = np.argsort(events.user, kind="stable")
    ends = np.cumsum(np.bincount(events.user, minlength=1))
    behind = np.empty(len(events), np.int64)
    behind[order] = ends[events.user[order]] - 1 - np.arange(len(events))
    return np.maximum(4 - behind, 1).astype(np.int8)


def cut_queries(judgements: Judgements, shares: tuple[float, ...] = SHARES) -> Numbers:
    """``(number of queries,) int8``, 1 to 4. Stated splits are obeyed: test is 4, dev is 3, the rest divides what is left by a hash of the
    query's lower-cased text; nothing depends on the other queries or their order."""
    return cut_texts(judgements.queries, judgements.split, shares)


def cut_texts(texts: Iterable[str], stated: Numbers, shares: tuple[float, ...] = SHARES) -> Numbers:
    """``(n,) int8``, 1 to 4, for any texts as `cut_queries` has it; ``stated``: 0 train, 1 dev, 2 test, -1 not."""
    fixed = {2: 4, 1: 3}
    weights = np.array(shares, np.float64)
    for split, number in fixed.items():
        if (stated == split).any():
            weights[number - 1] = 0
    edges = np.cumsum(weights)[:3] / weights.sum()
    drawn = np.array([_draw(text) for text in texts])
    window = (1 + np.searchsorted(edges, drawn, side="right")).astype(np.int8) if len(drawn) else np.zeros(0, np.int8)
    for split, number in fixed.items():
        window[stated == split] = number
    return window


def _draw(query: str) -> float:
    """A number in [0, 1) that depends on the lower-cased query alone."""
    return int.from_bytes(sha256(b"window:" + query.lower().encode()).digest()[:7], "big") / (1 << 56)


def _day(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="seconds")
