"""At which place of a page the log showed what to whom: where a click was made, and what was shown how often at which rank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from aisle.core.events import Dataset, Events
from aisle.evaluation.impressions import SHOWN, was_clicked
from aisle.evaluation.lists import Floats
from aisle.evaluation.replay import Replay
from aisle.ranking.ctr.labels import PATIENCE

KNOWN = 0.8
"""Share of what was wanted whose place the log must say: with many gaps the weights would say more of the log than of the pages."""
LOGGED = 100_000
"""Shown items, the newest of the time asked about, that propensities are read from."""
Ints = NDArray[np.integer]


@dataclass(frozen=True)
class Places:
    """Where the log showed what for a query, in order of ``key`` ``(n,) int64`` (user, query, item) and ``time``."""

    number: dict[str, int]
    spans: tuple[int, int]
    key: NDArray[np.int64]
    time: Floats
    rank: Floats

    @classmethod
    def of(cls, events: Events) -> Self:
        """Read from the impressions that carry a rank."""
        there = (events.item >= 0) & (events.user >= 0) & (events.query >= 0) & np.isfinite(events.rank)
        rows = np.flatnonzero((events.type == SHOWN) & there)
        spans = len(events.queries) + 1, int(events.item.max(initial=0)) + 1
        key = (events.user[rows].astype(np.int64) * spans[0] + events.query[rows]) * spans[1] + events.item[rows]
        order = np.lexsort((events.time[rows], key))
        number = {text: code for code, text in enumerate(events.queries)}
        return cls(number, spans, key[order], events.time[rows][order], events.rank[rows][order].astype(np.float64))

    def rank_of(self, replay: Replay) -> Floats:
        """``(m,) float64``: the rank at which each item of the replay's truth was last shown to that user for that query, within `PATIENCE`
        seconds of the search; NaN where it was not."""
        truth = replay.truth
        query = np.array([self.number.get(request.query or "", -1) for request in replay.requests], np.int64)[truth.request]
        when = np.array([request.as_of for request in replay.requests], float)[truth.request]
        return self.last(replay.users[truth.request].astype(np.int64), query, truth.item, when - PATIENCE, when + PATIENCE)

    def last(self, user: Ints, query: Ints, item: Ints, first: Floats, until: Floats) -> Floats:
        """``(m,) float64``: the rank at which each item was last shown to the user for the query, from ``first`` to ``until`` (both
        included); NaN where it was not, and where user, query or item is -1."""
        if not len(self.key) or not len(item):
            return np.full(len(item), np.nan)
        key = (user.astype(np.int64) * self.spans[0] + query) * self.spans[1] + item
        shown = np.rec.fromarrays([self.key, self.time])
        place = np.maximum(np.searchsorted(shown, np.rec.fromarrays([key, until]), side="right") - 1, 0)
        there = (query >= 0) & (user >= 0) & (item >= 0) & (item < self.spans[1])
        held = there & (self.key[place] == key) & (self.time[place] >= first)
        return np.where(held, self.rank[place], np.nan)


@dataclass(frozen=True)
class Past:
    """Shown items before a window: what was the same thing, where it stood, whether it was clicked, whose page it was."""

    group: NDArray[np.int64]
    rank: NDArray[np.int64]
    clicked: Floats
    user: NDArray[np.int32]
    query: NDArray[np.int32]
    item: NDArray[np.int32]


def past(data: Dataset, before: NDArray[np.bool_], searching: bool) -> Past:
    """What was shown in the events that ``before`` ``(n,) bool`` keeps; the same thing is a product for a query, on other pages a product
    for a shopper: what decides about its rank there is chance."""
    events = data.events
    asked = before & (events.type == SHOWN) & (events.item >= 0) & (events.user >= 0) & np.isfinite(events.rank)
    rows = np.flatnonzero(asked & ((events.query >= 0) == searching))[-LOGGED:]
    for_whom = events.query[rows] if searching else events.user[rows]
    keys = for_whom.astype(np.int64) * (len(data.catalogue) + 1) + events.item[rows]
    group = np.unique(keys, return_inverse=True)[1]
    clicked = was_clicked(events, rows).astype(float)
    return Past(group, events.rank[rows].astype(np.int64), clicked, events.user[rows], events.query[rows], events.item[rows])
