"""How much each answer teaches the encoder: by its grade, else by what was done with the item and how seldom its place is looked at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from aisle.core.arrays import found_at
from aisle.core.events import Dataset, Judgements
from aisle.data.windows import Windows
from aisle.evaluation.lists import Floats
from aisle.evaluation.places import KNOWN, Places, past
from aisle.evaluation.propensity import examination
from aisle.profile.fold import INTEREST
from aisle.ranking.ctr.labels import PATIENCE
from aisle.ranking.unbiased import weights
from aisle.training.answers import Answers

Rows = NDArray[np.int64]
BY_GRADE, BY_DEED = "answers weighed by their grade", "answers weighed by what was done with them"
TOO_FEW = "too few clicks tell places apart"


def weighed(answers: Answers, data: Dataset, windows: Windows) -> Answers:
    """``answers`` (all of `Answers.of`, in any order) with their weights, 1 on average over window 1, whose log alone is read; None where
    all would weigh the same. Answers of other windows teach nothing and weigh 1 where nobody judged."""
    judgements = data.judgements
    if judgements is not None and len(judgements.query):
        worth, how = _graded(answers, judgements), BY_GRADE
    else:
        worth, how = _done(answers, data, windows)
    teaching = answers.window[answers.query] == 1
    if not teaching.any() or not np.ptp(worth[teaching]):
        return replace(answers, weight=None, how="" if how == BY_GRADE else how.replace(BY_DEED, "answers weighed alike"))
    return replace(answers, weight=(worth / worth[teaching].mean()).astype(np.float32), how=how)


def _graded(answers: Answers, judgements: Judgements) -> Floats:
    """1 for a grade at the mark from which items are relevant, 2 for the highest one, a line between: whatever the grades' scale."""
    place, pair = _laid(answers, judgements.query, judgements.item)
    mark, highest = judgements.relevant_from, float(judgements.grade.max())
    height = (judgements.grade.astype(float) - mark) / (highest - mark) if highest > mark else np.zeros(len(judgements.grade))
    worth = np.ones(int(pair.max(initial=-1)) + 1)
    np.maximum.at(worth, place[place >= 0], 1 + height[place >= 0])
    return worth[pair]


def _done(answers: Answers, data: Dataset, windows: Windows) -> tuple[Floats, str]:
    """The most that was done with an item for a query (`profile.fold.INTEREST`), times the mean of what the places of its events weigh."""
    events = data.events
    rows = np.flatnonzero((windows.event == 1) & (events.query >= 0) & (events.item >= 0) & np.isin(events.type, list(INTEREST)))
    place, pair = _laid(answers, events.query[rows], events.item[rows])
    rows, place = rows[place >= 0], place[place >= 0]
    often, why = _seldom(data, windows, rows)
    size = int(pair.max(initial=-1)) + 1
    most = np.zeros(size)
    np.maximum.at(most, place, np.array([INTEREST[int(kind)] for kind in events.type[rows]], float))
    times = np.bincount(place, minlength=size)
    worth = np.where(times > 0, most * np.bincount(place, often, minlength=size) / np.maximum(times, 1), 1.0)
    return worth[pair], f"{BY_DEED}, {why}"


def _seldom(data: Dataset, windows: Windows, rows: Rows) -> tuple[Floats, str]:
    """``(rows,)``: what each event weighs by the inverse propensity of its place (`unbiased.weights`), read from window 1's pages; 1 for
    all where the log tells too few places or too little of them. And a word on which it was."""
    events, first = data.events, windows.event == 1
    time = events.time[rows]
    shown = Places.of(events.where(first)).last(events.user[rows], events.query[rows], events.item[rows], time - PATIENCE, time)
    rank = np.where(np.isfinite(events.rank[rows]), events.rank[rows], shown).astype(np.float64)
    share = float(np.isfinite(rank).mean()) if len(rank) else 0.0
    if share < KNOWN:
        return np.ones(len(rows)), f"not by place: the log tells that of {share:.0%} of what answered, {KNOWN:.0%} are needed"
    before = past(data, first, searching=True)
    looked_at = examination(before.group, before.rank, before.clicked)
    if not len(looked_at):
        return np.ones(len(rows)), f"not by place: {TOO_FEW}"
    return weights(looked_at, rank), "and by how seldom their places are looked at"


def _laid(answers: Answers, query: NDArray[np.integer], item: NDArray[np.integer]) -> tuple[Rows, Rows]:
    """Which of the answers' distinct pairs each of these (query, item) is, -1 for none; and which each answer is."""
    span = int(max(answers.item.max(initial=0), item.max(initial=0))) + 2
    known, pair = np.unique(answers.query * span + answers.item + 1, return_inverse=True)
    wanted = query.astype(np.int64) * span + item + 1
    return found_at(known, wanted), pair
