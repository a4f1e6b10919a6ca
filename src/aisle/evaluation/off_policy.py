"""What another order of the logged pages would have got in clicks, from the log alone: IPS, SNIPS, doubly robust, each with its support.

Two ways to weigh a logged click. *Item-position* (Li et al. 2018, "Offline evaluation of ranking policies with click models"): a click
depends on the item and its place, so only what the new order leaves at its logged place counts, over the probability with which the log
put it there. *Position-based*: a click is an item looked at and liked, so each click counts by how much more its new place is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from aisle.evaluation.intervals import bootstrap
from aisle.evaluation.lists import Floats

NAN = float("nan")
LEAST = 50.0
"""Effective sample size below which an estimate is refused."""
UNSUPPORTED = 0.05
"""Share of the new order's places that the log never tried above which an estimate is refused: it would count them as no click."""


@dataclass(frozen=True)
class Estimate:
    """Clicks a page under the new order with 95 % bounds, and its ``difference`` to what was logged on the same pages; ``ess``: effective
    sample size (Kish 1965), in shown items. ``refused`` says why there is no number, empty where there is one."""

    value: float = NAN
    low: float = NAN
    high: float = NAN
    difference: float = NAN
    difference_low: float = NAN
    difference_high: float = NAN
    ess: float = NAN
    refused: str = ""


@dataclass(frozen=True)
class OffPolicy:
    """One task's answer: over how many ``pages``, clicks a page as they were ``logged`` (value, low, high), each estimator's number, where
    the propensities came from, how much each rank is looked at (rank 0 is 1), and the answer in words, or why there is none."""

    pages: int = 0
    logged: Sequence[float] = ()
    estimates: Mapping[str, Estimate] = field(default_factory=dict)
    propensities: str = ""
    examined: Sequence[float] = ()
    text: str = ""


@dataclass(frozen=True)
class Pages:
    """``m`` shown items, all ``(m,)``: ``page`` int64 from 0, ``rank`` int64 as logged, ``new`` int64 as the order asked about has it,
    ``clicked`` float64 0 or 1; ``users`` ``(pages,)``, whose each page was."""

    page: NDArray[np.int64]
    rank: NDArray[np.int64]
    new: NDArray[np.int64]
    clicked: Floats
    users: NDArray[np.integer]

    def total(self, values: Floats) -> Floats:
        """``(pages,)``: the sum over each page."""
        return np.asarray(np.bincount(self.page, values, minlength=len(self.users)), np.float64)

    @cached_property
    def logged(self) -> Estimate:
        """Clicks a page as they were: what a plain average says of any order."""
        return self.estimate(self.clicked, np.ones(len(self.page)))

    def estimate(self, values: Floats, weights: Floats, error: float = 0.0) -> Estimate:
        """From each shown item's part of the answer; ``error`` is the standard error that estimated propensities add."""
        clicks, found = self.total(self.clicked), self.total(values)
        bounds = bootstrap(np.stack([found, found - clicks], axis=1), self.users)
        (low, below), (high, above), value = bounds.low, bounds.high, bounds.value
        whole, apart = _wider(value[0], low, high, error), _wider(value[1], below, above, error)
        return Estimate(float(value[0]), *whole, float(value[1]), *apart, effective(weights))


def _wider(value: float, low: float, high: float, error: float) -> tuple[float, float]:
    """Bounds with an independent error added: half-widths add up as squares do."""
    more = 1.96 * error
    return float(value - np.hypot(value - low, more)), float(value + np.hypot(high - value, more))


def effective(weights: Floats) -> float:
    """Effective sample size ``(Σw)² / Σw²`` (Kish 1965): as good as so many rows of equal weight.

    >>> effective(np.array([1.0, 1.0, 0.0, 0.0]))
    2.0
    """
    square = float(np.square(weights).sum())
    return float(weights.sum()) ** 2 / square if square > 0 else 0.0


def matched(pages: Pages, propensity: Floats) -> Floats:
    """``(m,)`` item-position weights: 0 where the new order moves the item, else one over ``propensity`` ``(m,)``, the probability with
    which the log put it there; NaN where that is unknown or 0."""
    known = np.where(propensity > 0, propensity, np.nan)
    return np.asarray((pages.new == pages.rank) / known)


def looked(pages: Pages, examined: Floats) -> Floats:
    """``(m,)`` position-based weights: how much more the new rank is looked at than the logged one, by ``examined`` ``(ranks,)``; deeper
    ranks count as the last."""
    known = np.where(examined > 0, examined, np.nan)
    last = len(examined) - 1
    return np.asarray(known[np.minimum(pages.new, last)] / known[np.minimum(pages.rank, last)])


def spread(pages: Pages, again: Sequence[Floats]) -> float:
    """Standard error that estimated propensities add, from each shown item's part ``(m,)`` by the propensities of each resampled log."""
    means = [float(pages.total(one).mean()) for one in again]
    return float(np.std(means)) if len(means) > 1 else 0.0


def refusal(weights: Floats, unsupported: float = 0.0) -> str:
    """Why these weights cannot answer, empty where they can. ``unsupported``: share of the new order's places that the log never tried."""
    lacking = float(np.mean(~np.isfinite(weights))) if len(weights) else 1.0
    if not len(weights):
        return "nothing was shown"
    if lacking > 0:
        return f"the logged propensity of {lacking:.0%} of what was shown is unknown or zero"
    if unsupported > UNSUPPORTED:
        return f"the log never tried {unsupported:.0%} of the places that the new order gives"
    if (ess := effective(weights)) < LEAST:
        return f"as good as only {ess:.0f} shown products (effective sample size), {LEAST:.0f} are needed"
    return ""


def ips(pages: Pages, weights: Floats, error: float = 0.0, unsupported: float = 0.0) -> Estimate:
    """Inverse propensity scoring (Horvitz & Thompson 1952): the weighted clicks; unbiased where every weight is true."""
    if said := refusal(weights, unsupported):
        return Estimate(refused=said)
    return pages.estimate(weights * pages.clicked, weights, error)


def snips(pages: Pages, weights: Floats, unsupported: float = 0.0) -> Estimate:
    """Self-normalised IPS (Swaminathan & Joachims 2015): over the mean weight, which must be 1 in expectation, so for item-position weights
    alone. Per-item parts are linearised, so that the interval knows of the ratio."""
    if said := refusal(weights, unsupported):
        return Estimate(refused=said)
    mean = float(weights.mean())
    rate = float((weights * pages.clicked).mean()) / mean
    return pages.estimate(rate + weights * (pages.clicked - rate) / mean, weights)


def doubly_robust(pages: Pages, weights: Floats, said: tuple[Floats, Floats], unsupported: float = 0.0) -> Estimate:
    """Doubly robust (Dudík et al. 2011), by item-position weights: what a click model says of each item at its new rank, corrected by the
    weighted errors that it makes at the logged one; right where either weights or model are. ``said``: its probabilities at both ranks."""
    if reason := refusal(weights, unsupported):
        return Estimate(refused=reason)
    logged, new = said
    return pages.estimate(new + weights * (pages.clicked - logged), weights)


def doubly_robust_by_look(
    pages: Pages, examined: Floats, liked: Floats, group: NDArray[np.integer], resampled: Sequence[Floats] = ()
) -> Estimate:
    """Doubly robust, position-based (Oosterhuis 2023): a model's guess ``liked`` ``(m,)`` of a click at rank 0, corrected by its errors
    over how much the same thing, numbered by ``group`` ``(m,)``, was looked at on all its pages; one shown once counts as in `ips`.

    A click model's own view of ranks must not enter: ``new - weight * logged`` averages to nothing only where it shares ``examined``.
    ``resampled``: curves of resampled logs, whose differences widen the bounds.
    """
    parts, weights = _by_look(pages, examined, liked, group)
    if reason := refusal(weights):
        return Estimate(refused=reason)
    return pages.estimate(parts, weights, spread(pages, [_by_look(pages, curve, liked, group)[0] for curve in resampled]))


def _by_look(pages: Pages, examined: Floats, liked: Floats, group: NDArray[np.integer]) -> tuple[Floats, Floats]:
    """Each shown item's part of the answer, and the weight of its click."""
    last = len(examined) - 1
    new, logged = examined[np.minimum(pages.new, last)], examined[np.minimum(pages.rank, last)]
    seen = (np.bincount(group, logged) / np.maximum(np.bincount(group), 1))[group]
    weights = new / np.where(seen > 0, seen, np.nan)
    return np.asarray(new * liked + weights * (pages.clicked - logged * liked)), np.asarray(weights)


def reordered(page: NDArray[np.int64], rank: NDArray[np.int64], score: NDArray[np.floating]) -> NDArray[np.int64]:
    """``(m,) int64``: the rank of each item when every page's own places are dealt out by ``score``, best first; ties keep their order, an
    item without a score goes last."""
    worth = np.where(np.isfinite(score), score, -np.inf)
    new = np.empty_like(rank)
    new[np.lexsort((rank, -worth, page))] = rank[np.lexsort((rank, page))]
    return new
