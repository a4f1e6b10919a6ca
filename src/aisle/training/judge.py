"""From a frame to one task's numbers: every source and model beside every other on the same requests, in slices too."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from aisle.core.events import Events
from aisle.evaluation import slices
from aisle.evaluation.lists import Floats, Lists, Mask
from aisle.evaluation.metrics import ItemFacts
from aisle.evaluation.replay import Replay
from aisle.evaluation.summary import RANKING, TaskRuns, TaskSummary, summarise
from aisle.fusion.fuser import CTR, RER
from aisle.fusion.rank_fusion import reciprocal_rank
from aisle.fusion.segments import mixed
from aisle.profile.fold import FOLDED
from aisle.training.frames import Column, Frame
from aisle.training.job import Job
from aisle.training.learn import Learned


def ctr(learned: Learned, frame: Frame) -> Column | None:
    """``(n,) float32``: the calibrated ranker of each candidate, None without one."""
    stack = learned.stack
    if stack.ranker is None or stack.ctr is None:
        return None
    return np.asarray(stack.ctr.apply(frame.by(stack.ranker, stack.names)), np.float32)


def fused(learned: Learned, frame: Frame) -> Column:
    """``(n,) float32``: Z of each candidate, as `Stack.fuse` has it, from scores that are made once."""
    ranked, summed = ctr(learned, frame), frame.scored(learned.stack.recall_score)
    if ranked is None:
        return summed
    stack = learned.stack
    if stack.fuser is None:
        return mixed(stack.alpha, ranked, summed)
    return frame.scored(stack.fuser.score, {CTR: ranked, RER: summed, **stack.asked(frame.replay.requests, frame.request)})


def together(learned: Learned, frame: Frame) -> dict[str, Lists]:
    """Rank fusion, the recall side, each ranker, all fused; ``frame`` holds what the stack's sources propose and nothing else."""
    stack = learned.stack
    runs: dict[str, Lists] = {"rank_fusion": frame.ranked(frame.scored(lambda features: reciprocal_rank(features, stack.sources)))}
    runs["recall_side"] = frame.ranked(frame.scored(stack.recall.score))
    for name, model in learned.rankers.items():
        runs[name] = frame.ranked(frame.by(model, stack.names))
    return {**runs, "fused": frame.ranked(fused(learned, frame))}


def measure(job: Job, frame: Frame, runs: Mapping[str, Lists], test: bool) -> TaskSummary:
    """The metrics of every list; for the ``test`` window also what tells models apart and the slices."""
    replay, catalogue = frame.replay, job.data.catalogue
    group = catalogue.labels("category").first if "category" in catalogue.texts else None
    seen = _seen(job)
    masks = _slices(job, frame, seen) if test else {}
    asked = TaskRuns(replay.task, replay.truth, runs, replay.users, ItemFacts(seen, group), masks)
    if test:
        return summarise(asked, seed=job.settings.seed)
    return summarise(asked, RANKING, (), (), seed=job.settings.seed)


def _seen(job: Job) -> Floats:
    """Events of each item in window 1."""
    events = job.data.events
    taken = events.item[(job.windows.event == 1) & (events.item >= 0)]
    return np.bincount(taken, minlength=len(job.data.catalogue)).astype(float)


def _slices(job: Job, frame: Frame, seen: Floats) -> dict[str, Mask]:
    """Users by what was known of them when they asked, items by their events in window 1, queries by script and frequency, categories."""
    replay, events, catalogue = frame.replay, job.data.events, job.data.catalogue
    masks = slices.items(replay.truth, seen) if len(events) else {}
    if (replay.users >= 0).any():
        masks |= slices.users(np.where(replay.users >= 0, _known(events, replay), -1))
    if replay.task == "search":
        masks |= slices.languages([request.query for request in replay.requests])
        masks |= _by_frequency(job, frame)
    if "category" in catalogue.texts:
        labels = catalogue.labels("category")
        masks |= slices.categories(replay.truth, labels.first, labels.names)
    return masks


def _known(events: Events, replay: Replay) -> NDArray[np.int64]:
    """``(requests,) int64``: events of each request's user that his profile is made of, up to the request."""
    rows = np.flatnonzero(np.isin(events.type, FOLDED) & (events.user >= 0) & (events.item >= 0))
    rows = rows[np.lexsort((events.time[rows], events.user[rows]))]
    keys = np.rec.fromarrays([events.user[rows], events.time[rows]])
    asked = np.array([request.as_of for request in replay.requests], float)
    users = replay.users.astype(events.user.dtype)
    upto = np.searchsorted(keys, np.rec.fromarrays([users, np.where(np.isfinite(asked), asked, np.inf)]), side="right")
    return np.asarray(upto - np.searchsorted(events.user[rows], users), np.int64)


def _by_frequency(job: Job, frame: Frame) -> dict[str, Mask]:
    events = job.data.events
    typed = events.query[(job.windows.event == 1) & (events.query >= 0)]
    if not len(typed):
        return {}
    counts = np.bincount(typed, minlength=len(events.queries))
    number = {text: place for place, text in enumerate(events.queries)}
    asked = [int(counts[number[request.query]]) if request.query in number else 0 for request in frame.replay.requests]
    return slices.queries(np.array(asked), counts[counts > 0])
