"""Bootstrap intervals over requests, whole users at a time, for any number of metrics in one pass over the same resamples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from aisle.evaluation.lists import Floats

Clusters = NDArray[np.integer]
FEW = 30
"""Below so many cases a number is shown with a warning."""
_CELLS = 1 << 21


@dataclass(frozen=True)
class Intervals:
    """Means of ``m`` columns with bounds, each ``(m,) float64``; ``n`` ``(m,) int64`` counts the values that are not NaN."""

    value: Floats
    low: Floats
    high: Floats
    n: NDArray[np.int64]


@dataclass(frozen=True)
class Sums:
    """Columns summed per cluster, all that a bootstrap of means needs: ``total`` and ``count`` ``(clusters, m)``."""

    total: Floats
    count: Floats

    @classmethod
    def of(cls, values: Floats, clusters: Clusters | None = None) -> Sums:
        """Sum ``values`` ``(n, m)`` per cluster; NaN counts nothing; ``clusters`` ``(n,)`` names each row's user, -1 for nobody (a cluster
        of its own). Absent: every row is a cluster."""
        present = np.isfinite(values)
        clean = np.where(present, values, 0.0)
        if clusters is None:
            return cls(clean, present.astype(np.float64))
        _, owner = np.unique(np.where(clusters < 0, -1 - np.arange(len(clusters)), clusters), return_inverse=True)
        order = np.argsort(owner, kind="stable")
        starts = np.flatnonzero(np.diff(owner[order], prepend=-1))
        return cls(np.add.reduceat(clean[order], starts, axis=0), np.add.reduceat(present[order].astype(np.float64), starts, axis=0))

    @property
    def mean(self) -> Floats:
        """``(m,) float64``, NaN where a column has no value."""
        return _divide(self.total.sum(axis=0), self.count.sum(axis=0))

    @property
    def error(self) -> Floats:
        """``(m,) float64``: standard error of the mean with clusters (a ratio estimator, Cochran 1977, 6.4), NaN with only one."""
        used = (self.count > 0).sum(axis=0)
        rest = np.square(self.total - self.count * np.nan_to_num(self.mean)).sum(axis=0)
        return np.where(used > 1, np.sqrt(rest * used / np.maximum(used - 1, 1)) / np.maximum(self.count.sum(axis=0), 1), np.nan)


def bootstrap(values: Floats, clusters: Clusters | None = None, *, resamples: int = 2_000, level: float = 0.95, seed: int = 7) -> Intervals:
    """BCa intervals (Efron 1987) of the column means of ``values`` ``(n, m)``; the same seed gives the same bounds.

    Bounds are NaN where fewer than two clusters have a value; where all values are equal both bounds are that value (see `exact_bounds`).
    """
    if not len(values):
        nothing = np.full(values.shape[1], np.nan)
        return Intervals(nothing, nothing, nothing, np.zeros(values.shape[1], np.int64))
    sums = Sums.of(values, clusters)
    draws = _resampled_means(sums, resamples, seed)
    low, high = _bca(sums, draws, level)
    value = sums.mean  # the bounds of a column that never varies differ from it by rounding
    return Intervals(value, np.minimum(low, value), np.maximum(high, value), sums.count.sum(axis=0).astype(np.int64))


def resampled_sums(columns: Floats, resamples: int, seed: int) -> Floats:
    """``(resamples, m)``: column sums of as many rows drawn with replacement as ``columns`` ``(c, m)`` has."""
    rows = len(columns)
    random = np.random.default_rng(seed)
    found = np.empty((resamples, columns.shape[1]))
    step = max(1, _CELLS // max(rows, 1))
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        times = np.empty((size, rows))
        for row in times:
            row[:] = np.bincount(random.integers(rows, size=rows, dtype=np.int32), minlength=rows)
        found[start : start + size] = times @ columns
    return found


def exact_bounds(value: float, n: int, level: float = 0.95) -> tuple[float, float]:
    """Bounds for ``n`` cases that all came out 0 or all came out 1, where a bootstrap would claim certainty (Clopper & Pearson 1934)."""
    room = 1 - ((1 - level) / 2) ** (1 / n) if n else 1.0
    return (max(0.0, value - room), min(1.0, value + room))


def few(n: int, of_what: str = "requests with a relevant item") -> str:
    """The remark that belongs to a number over so few cases, empty where there are enough.

    >>> few(7)
    'only 7 requests with a relevant item'
    """
    if n >= FEW:
        return ""
    return f"only {n} {of_what}" if n else f"no {of_what}"


def _resampled_means(sums: Sums, resamples: int, seed: int) -> Floats:
    """Counts repeat among columns (most metrics miss the same requests), so each distinct one is resampled once."""
    distinct, which = np.unique(sums.count, axis=1, return_inverse=True)
    drawn = resampled_sums(np.hstack([sums.total, distinct]), resamples, seed)
    width = sums.total.shape[1]
    return _divide(drawn[:, :width], drawn[:, width:][:, which.ravel()])


def _bca(sums: Sums, draws: Floats, level: float) -> tuple[Floats, Floats]:
    centre = sums.mean
    spare = _divide(sums.total.sum(axis=0) - sums.total, sums.count.sum(axis=0) - sums.count)
    pull = np.nan_to_num(_mean(spare) - spare)
    speed = _divide(np.power(pull, 3).sum(axis=0), 6 * np.power(np.square(pull).sum(axis=0), 1.5))
    below = np.mean(draws < centre, axis=0) + np.mean(draws == centre, axis=0) / 2
    shift = ndtri(np.clip(below, 0.5 / len(draws), 1 - 0.5 / len(draws)))
    bounds = []
    for tail in ((1 - level) / 2, (1 + level) / 2):
        point = shift + ndtri(tail)
        share = ndtr(shift + point / (1 - np.nan_to_num(speed) * point))
        bounds.append(_quantiles(draws, share))
    used = (sums.count > 0).sum(axis=0)
    return np.where(used > 1, bounds[0], np.nan), np.where(used > 1, bounds[1], np.nan)


def _quantiles(draws: Floats, share: Floats) -> Floats:
    """Each column's own quantile; resamples that drew no case are left out."""
    found = np.full(draws.shape[1], np.nan)
    for column in range(draws.shape[1]):
        good = draws[np.isfinite(draws[:, column]), column]
        if len(good) and np.isfinite(share[column]):
            found[column] = np.quantile(good, share[column])
    return found


def _mean(values: Floats) -> Floats:
    present = np.isfinite(values)
    return _divide(np.where(present, values, 0).sum(axis=0), present.sum(axis=0).astype(np.float64))


def _divide(above: Floats, below: Floats) -> Floats:
    return above / np.where(below > 0, below, np.nan)
