"""The fusion page's ways to fuse: each on window 3 and on the first requests of window 4, with what it has fitted and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from aisle.evaluation.members import NAN, Method, values
from aisle.evaluation.replay import Replay
from aisle.fusion.fuser import CTR, RER, asked
from aisle.fusion.methods import WEIGHTED
from aisle.fusion.rank_fusion import reciprocal_rank
from aisle.fusion.segments import mixed
from aisle.training.choose import quality
from aisle.training.frames import Column, Frame
from aisle.training.fusers import VOTE
from aisle.training.job import Job
from aisle.training.judge import ctr
from aisle.training.learn import Learned

TIMED = 16
"""Requests that every way fuses, one after the other."""
RECALL = "recall_side"
Way = Callable[[Mapping[str, Column]], Column]
"""A score ``(n,)`` from the features and both sides."""


def ways(job: Job, learned: Learned, dev: Replay, test: Frame) -> list[Method]:
    """A row a way, none where none competed; those that learn on window 3 are judged on requests of it that they did not learn from."""
    contest, stack = learned.contest, learned.stack
    if not contest.contenders or stack.ranker is None:
        return []
    known = _ways(learned)
    late = {name: quality(test, test.scored(way, _sides(learned, test))) for name, way in known.items()}
    named = {CTR: stack.ranker.name, RER: RECALL}
    early = {named.get(name, name): one for name, one in contest.plain.items()}
    early |= {WEIGHTED: contest.weighted, **{name: one.quality for name, one in contest.contenders.items()}}
    seed, took = job.settings.seed, _costs(job, learned, known, test)
    then, now = values(early, dev.users[: len(contest.weighted)], seed), values(late, test.replay.users, seed)
    weights = {RECALL: stack.recall.weights, WEIGHTED: {CTR: stack.alpha, RER: 1 - stack.alpha}}
    weights |= {name: one.fuser.weights for name, one in contest.contenders.items()}
    return [Method(name, then[name], now[name], weights.get(name, {}), took.get(name, NAN), name == contest.name) for name in known]


def _ways(learned: Learned) -> dict[str, Way]:
    """The vote by rank, either side alone, the global α, and whatever competed with it."""
    stack, contest = learned.stack, learned.contest
    assert stack.ranker is not None  # the caller looked
    return {
        VOTE: lambda columns: reciprocal_rank(columns, stack.sources),
        RECALL: lambda columns: columns[RER],
        stack.ranker.name: lambda columns: columns[CTR],
        WEIGHTED: lambda columns: mixed(stack.alpha, columns[CTR], columns[RER]),
        **{name: one.fuser.score for name, one in contest.contenders.items()},
    }


def _sides(learned: Learned, frame: Frame) -> dict[str, Column]:
    """Both sides of every candidate, and what its request is like."""
    ranked = ctr(learned, frame)
    assert ranked is not None  # the caller looked
    about = asked(frame.replay.requests, frame.request, learned.contest.heads)
    return {CTR: ranked, RER: frame.scored(learned.stack.recall_score), **about}


def _costs(job: Job, learned: Learned, known: Mapping[str, Way], test: Frame) -> dict[str, float]:
    """Way to the median milliseconds of one request whose members have scored; what only reads a side costs nothing."""
    one = [test.keep(test.request == number, test.names) for number in range(min(TIMED, len(test.replay)))]
    held = [{**frame.features, **_sides(learned, frame)} for frame in one if len(frame.item)]
    took: dict[str, float] = {}
    for name, way in known.items():
        spent = []
        for columns in held:
            begun = job.budget.clock()
            way(columns)
            spent.append(1_000 * (job.budget.clock() - begun))
        took[name] = float(np.median(spent)) if spent else NAN
    return took
