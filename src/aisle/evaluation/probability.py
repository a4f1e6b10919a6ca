"""Metrics of a predicted probability or click score: auc, gauc, logloss, ne, brier, ece, each as per-row values whose mean is the metric.

A metric that is no plain mean (auc, ne) is linearised: metric + influence of the row (DeLong et al. 1988 for auc), so that the same
bootstrap, tests and slices serve all of them. Rows with a NaN score or label are left out (NaN); their number is the caller's to report.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from aisle.evaluation.intervals import Clusters, Sums, resampled_sums
from aisle.evaluation.lists import Floats

_EDGE = 1e-15


def auc(labels: Floats, scores: Floats) -> Floats:
    """Chance that a positive scores above a negative, ties half (Mann & Whitney 1947); ``(n,)`` DeLong components that average to it."""
    return _known(_auc, labels, scores)


def gauc(labels: Floats, scores: Floats, users: Clusters) -> Floats:
    """AUC inside each user, weighted by the user's rows (Zhou et al. 2018); NaN for users with one class only and for rows of nobody."""
    found = np.full(len(labels), np.nan)
    usable = np.isfinite(labels) & np.isfinite(scores) & (users >= 0)
    order = np.flatnonzero(usable)[np.lexsort((scores[usable], users[usable]))]
    if not len(order):
        return found
    _, owner = np.unique(users[order], return_inverse=True)
    tie = np.cumsum((np.diff(owner, prepend=-1) != 0) | (np.diff(scores[order], prepend=np.nan) != 0))
    place = rankdata(tie)  # mean places inside ties; one order for all users, so each user's own start is taken off
    positive = labels[order] > 0.5
    count = np.bincount(owner)
    start = np.cumsum(count) - count
    hits = np.bincount(owner, positive)
    above = np.bincount(owner, (place - start[owner]) * positive) - hits * (hits + 1) / 2
    pairs = hits * (count - hits)
    found[order] = (above / np.where(pairs > 0, pairs, np.nan))[owner]
    return found


def logloss(labels: Floats, scores: Floats) -> Floats:
    """Cross-entropy in nats; probabilities are kept 1e-15 away from 0 and 1."""
    p = np.clip(scores, _EDGE, 1 - _EDGE)
    return np.asarray(-(labels * np.log(p) + (1 - labels) * np.log1p(-p)))


def brier(labels: Floats, scores: Floats) -> Floats:
    """Squared error of the probability (Brier 1950, the form for two classes)."""
    return np.square(scores - labels)


def ne(labels: Floats, scores: Floats) -> Floats:
    """Normalised entropy: logloss over the entropy of the base rate (He et al. 2014); the constant base rate reaches 1. Linearised."""
    return _known(_ne, labels, scores)


def ece(labels: Floats, scores: Floats, bins: int = 15) -> float:
    """Expected calibration error: mean distance of rate and probability over bins of equal mass (Naeini et al. 2015; Nixon et al. 2019)."""
    gap, n = _gaps(labels, scores, bins)
    return float(np.abs(gap.sum(axis=0)).sum() / n.sum()) if n.sum() else float("nan")


def ece_bounds(
    labels: Floats, scores: Floats, clusters: Clusters | None = None, *, bins: int = 15, resamples: int = 1_000, seed: int = 7
) -> tuple[float, float]:
    """95 % bounds of `ece`: a resample's own noise adds to the error, so they are mirrored at the estimate (basic bootstrap), cut at 0."""
    gap, n = _gaps(labels, scores, bins)
    known = np.isfinite(labels) & np.isfinite(scores)
    sums = Sums.of(np.hstack([gap, n[:, None]]), None if clusters is None else clusters[known]).total
    if len(sums) < 2:
        return float("nan"), float("nan")
    drawn = resampled_sums(sums, resamples, seed)
    low, high = np.quantile(np.abs(drawn[:, :-1]).sum(axis=1) / drawn[:, -1], [0.025, 0.975])
    value = ece(labels, scores, bins)
    return max(0.0, 2 * value - float(high)), max(value, 2 * value - float(low))


def equal_mass(scores: Floats, bins: int) -> NDArray[np.int64]:
    """``(n,) int64``: bin of each score, 0 lowest, as equal in size as ties allow: equal scores share a bin."""
    place = (rankdata(scores, method="min") - 1) / max(len(scores), 1)
    return np.unique(np.minimum((place * bins).astype(np.int64), bins - 1), return_inverse=True)[1].ravel()


def _gaps(labels: Floats, scores: Floats, bins: int) -> tuple[Floats, Floats]:
    """Per known row: score - label in the column of its bin, and 1."""
    known = np.isfinite(labels) & np.isfinite(scores)
    labels, scores = labels[known], scores[known]
    where = equal_mass(scores, bins)
    gap = np.zeros((len(scores), int(where.max(initial=0)) + 1))
    gap[np.arange(len(scores)), where] = scores - labels
    return gap, np.ones(len(scores))


def _known(measure: Callable[[Floats, Floats], Floats], labels: Floats, scores: Floats) -> Floats:
    found = np.full(len(labels), np.nan)
    known = np.isfinite(labels) & np.isfinite(scores)
    if 0 < labels[known].sum() < known.sum():
        found[known] = measure(labels[known], scores[known])
    return found


def _auc(labels: Floats, scores: Floats) -> Floats:
    positive = labels > 0.5
    n, hits = len(labels), int(positive.sum())
    whole, own = rankdata(scores), np.empty(n)
    own[positive], own[~positive] = rankdata(scores[positive]), rankdata(scores[~positive])
    won = (whole - own) / np.where(positive, n - hits, hits)  # share of the other class below
    parts = np.where(positive, won, 1 - won)
    value = parts[positive].mean()
    return np.asarray(value + (parts - value) * np.where(positive, n / hits, n / (n - hits)))


def _ne(labels: Floats, scores: Floats) -> Floats:
    loss, rate = logloss(labels, scores), labels.mean()
    entropy = -(rate * np.log(rate) + (1 - rate) * np.log1p(-rate))
    slope = np.log1p(-rate) - np.log(rate)
    value = loss.mean() / entropy
    return np.asarray(value + (loss - loss.mean()) / entropy - value * slope * (labels - rate) / entropy)
