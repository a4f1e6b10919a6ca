"""How often each click counts when rankers learn to search: by how seldom the place is looked at where it was clicked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from aisle.evaluation.lists import Floats
from aisle.evaluation.places import KNOWN, Places
from aisle.evaluation.propensity import examination
from aisle.evaluation.replay import Replay
from aisle.ranking.unbiased import weights
from aisle.training.frames import Frame
from aisle.training.job import Job
from aisle.training.off_policy import past

Often = Callable[[Replay], Floats]
"""From a replay to ``(m,) float64``: how often each row of its truth counts."""


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
