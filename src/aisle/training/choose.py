"""Which sources a task keeps: greedy forward selection on window 3, by the weighted sum of what the sources say."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Self

import numpy as np
from numpy.typing import NDArray

from aisle.evaluation.lists import gain, judge
from aisle.evaluation.metrics import per_request
from aisle.evaluation.results import PlanRow
from aisle.fusion.recall import normal_equations, solve, terms
from aisle.training.budget import Left
from aisle.training.frames import Column, Frame

METRIC = "ndcg@10"
MOST = 6_000
"""Requests of each window that the choice needs to look at."""
NEAR = 50
"""Places from the top by some source within which a candidate may reach the first ten of a weighted sum."""
FEWEST = 1_000
"""Requests of window 3 that trials look at however little time there is: some hundredths of a second each."""


def quality(frame: Frame, score: NDArray[np.floating]) -> NDArray[np.float64]:
    """``(requests,) float64``: NDCG@10 of each request's list, NaN where nothing was wanted."""
    return per_request(judge(lists := frame.ranked(score, 10), frame.replay.truth), lists, METRIC)


def weighed(frame: Frame, score: NDArray[np.floating], often: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(requests,) float64``: DCG@10 in which each row of the truth counts as ``often`` ``(m,)`` as it says, over the mean of what the
    requests could gain at the first place; NaN where nothing was wanted.

    With inverse propensities the mean over requests says what `quality` would say of clicks that places had no part in, up to a factor
    (Agarwal et al. 2019): NDCG of a page's own clicks would not, since its ideal leans on which of them were seen.
    """
    truth, worth = frame.replay.truth, often * gain(frame.replay.truth.grade)
    judged = judge(frame.ranked(score, 10), truth)
    got = judged.total(worth[judged.wanted] / np.log2(judged.rank + 2.0), judged.rank < 10)
    wanted = truth.relevant_count > 0
    whole = np.bincount(truth.request, worth, minlength=len(truth))
    return np.where(wanted, got / max(float(whole[wanted].mean()) if wanted.any() else 1.0, 1e-12), np.nan)


def mean(values: NDArray[np.float64]) -> float:
    """Mean over the requests that wanted something, 0 when none did."""
    return float(np.nanmean(values)) if np.isfinite(values).any() else 0.0


def gain_of(difference: NDArray[np.float64]) -> tuple[float, float]:
    """Mean of a paired difference ``(requests,)`` over what is known and its standard error; 0 and infinite where nothing is."""
    known = difference[np.isfinite(difference)]
    return (float(known.mean()), float(known.std() / np.sqrt(len(known)))) if len(known) else (0.0, inf)


def choose(sources: Sequence[str], floor: Sequence[str], fit: Frame, dev: Frame, left: Left = lambda: inf) -> list[PlanRow]:
    """A row for each source that proposed anything.

    A source stays when the weighted sum of those chosen before gains from it on ``dev`` (window 3); weights come from ``fit`` (window 2).
    ``floor`` sources stay whatever they add: the fallback and the report's baselines need them. The less time is ``left``, the fewer
    requests are looked at.
    """
    present = [name for name in sources if f"{name}_rank" in fit.features]
    trials = Trials(present, fit, dev).within(left)
    chosen: list[str] = []
    rows: list[PlanRow] = []
    best, waiting = -1.0, list(present)
    while waiting:
        gains = {name: trials.quality([*chosen, name]) for name in waiting}
        name = max(gains, key=lambda key: gains[key])
        if chosen and gains[name] <= best + 1e-5:
            break
        rows.append(PlanRow(name, True, gain=gains[name] - max(best, 0.0), why="raises NDCG@10 on window 3"))
        best = gains[name]
        chosen.append(name)
        waiting.remove(name)
    for name in waiting:
        why = "stays as a baseline and for the fallback" if name in floor else "adds nothing on window 3 to those chosen before it"
        rows.append(PlanRow(name, name in floor, gain=0.0, why=why))
    return rows


class Trials:
    """The terms of every source, made once: a trial is a small system of equations and one sum over what may count of window 3."""

    def __init__(self, sources: Sequence[str], fit: Frame, dev: Frame) -> None:
        self.place = {name: number for number, name in enumerate(sources)}
        self.gram, self.right = normal_equations([column for name in sources for column in terms(fit.features, name)], fit.grade > 0)
        self._look_at(_counting(dev, sources))

    def within(self, left: Left) -> Self:
        """These trials on as many requests as a whole selection has the time ``left`` for."""
        begun = left()
        if not self.place or begun == inf:
            return self
        self.quality(list(self.place)[:1])
        rest, rounds = left(), len(self.place) * (len(self.place) + 1) / 2
        fits = len(self.dev.groups) * rest / max(1e-9, rounds * (begun - rest))
        if fits < len(self.dev.groups):
            self._look_at(self.dev.head(max(FEWEST, int(fits))))
        return self

    def _look_at(self, dev: Frame) -> None:
        self.dev, self.terms = dev, [column for name in self.place for column in terms(dev.features, name)]
        self.proposed = [np.isfinite(dev.features[f"{name}_rank"]) for name in self.place]

    def quality(self, sources: Sequence[str]) -> float:
        """Mean NDCG@10 of these sources together on the later frame."""
        return mean(self.values(sources))

    def values(self, sources: Sequence[str]) -> NDArray[np.float64]:
        """``(requests,) float64``: NDCG@10 of these sources' weighted sum on the later frame, NaN where nothing was wanted."""
        return quality(self.dev, self._score(sources))

    def _score(self, sources: Sequence[str]) -> Column:
        numbers = [self.place[name] for name in sources]
        columns = [2 * number + one for number in numbers for one in (0, 1)]
        theta = solve(self.gram[np.ix_(columns, columns)], self.right[columns])
        theta = theta if theta.any() else np.ones(len(columns))
        score: Column = np.zeros(len(self.dev.item), np.float32)
        proposed = np.zeros(len(score), bool)
        for number in numbers:
            proposed |= self.proposed[number]
        for column, weight in zip(columns, theta, strict=True):
            if weight:
                score += np.float32(weight) * self.terms[column]
        return np.where(proposed, score, np.float32(np.nan))


def _counting(frame: Frame, sources: Sequence[str]) -> Frame:
    """The rows that can change a trial: of requests whose wanted item some source proposed (the others gain nothing by any choice), and
    not so far down by all of them that no sum lifts them into the first ten."""
    near = np.zeros(len(frame.item), bool)
    for name in sources:
        near |= frame.features[f"{name}_rank"] < np.log1p(NEAR)  # the column is log(1 + rank)
    return frame.keep(near & frame.wanting[frame.request], [f"{name}_{what}" for name in sources for what in ("share", "rank")])
