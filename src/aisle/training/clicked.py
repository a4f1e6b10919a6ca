"""How often each click counts when rankers learn to search: by how seldom the place is looked at where it was clicked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from aisle.core.events import Events
from aisle.evaluation.impressions import SHOWN
from aisle.evaluation.lists import Floats
from aisle.evaluation.propensity import examination
from aisle.evaluation.replay import Replay
from aisle.ranking.ctr.labels import PATIENCE
from aisle.ranking.unbiased import weights
from aisle.training.frames import Frame
from aisle.training.job import Job
from aisle.training.off_policy import past

KNOWN = 0.8
"""Share of what was wanted whose place the log must say: with many gaps the weights would say more of the log than of the pages."""

Often = Callable[[Replay], Floats]
"""From a replay to ``(m,) float64``: how often each row of its truth counts."""


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
        user, item = replay.users[truth.request].astype(np.int64), truth.item
        if not len(self.key) or not len(item):
            return np.full(len(item), np.nan)
        key = (user * self.spans[0] + query) * self.spans[1] + item
        shown = np.rec.fromarrays([self.key, self.time])
        place = np.maximum(np.searchsorted(shown, np.rec.fromarrays([key, when + PATIENCE]), side="right") - 1, 0)
        held = (query >= 0) & (user >= 0) & (item >= 0) & (self.key[place] == key) & (self.time[place] >= when - PATIENCE)
        return np.where(held, self.rank[place], np.nan)


@dataclass(frozen=True)
class Clicked:
    """How much each place of a search page is looked at, ``looked_at`` ``(ranks,)``, and where things stood."""

    places: Places
    looked_at: Floats

    def __call__(self, replay: Replay) -> Floats:
        """How often each row of the truth counts (`unbiased.weights`)."""
        return weights(self.looked_at, self.places.rank_of(replay))


def clicked(job: Job, fit: Frame) -> Clicked | None:
    """What weighs a task's clicks, the places' worth read from the windows before 3; None where what is wanted is no click on a logged
    page: purchases of a visit, judgements, pages logged without ranks, too few clicks to tell places apart."""
    judged = job.data.judgements is not None and len(job.data.judgements.query) > 0
    if fit.replay.task != "search" or judged:
        return None
    places = Places.of(job.data.events)
    rank = places.rank_of(fit.replay)
    if not len(rank) or np.isfinite(rank).mean() < KNOWN:
        return None
    before = past(job, True, window=3)
    looked_at = examination(before.group, before.rank, before.clicked)
    return Clicked(places, looked_at) if len(looked_at) else None


def on_rows(frame: Frame, often: Floats) -> Floats:
    """``(n,) float64``: what each row of the truth is worth, laid on the candidates of ``frame``; 1 for what was not wanted."""
    truth, found = frame.replay.truth, np.ones(len(frame.item))
    span = int(max(truth.item.max(initial=0), frame.item.max(initial=0))) + 2
    wanted = np.flatnonzero(frame.grade > 0)
    keys = truth.request * span + truth.item + 1
    found[wanted] = often[np.searchsorted(keys, frame.request[wanted].astype(np.int64) * span + frame.item[wanted] + 1)]
    return found
