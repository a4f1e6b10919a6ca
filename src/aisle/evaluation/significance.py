"""Is model a better than model b? Paired tests over requests, users as clusters, corrected for many comparisons, their power stated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtr

from aisle.evaluation.intervals import Clusters, Intervals, Sums, bootstrap, resampled_sums
from aisle.evaluation.lists import Floats

Method = Literal["sign_flip", "t", "bootstrap"]
_CELLS = 1 << 22


@dataclass(frozen=True)
class Paired:
    """Mean differences a - b of ``m`` columns with bounds; ``p`` ``(m,)`` two-sided; ``detectable`` ``(m,)`` the smallest true
    difference that this many users would have shown with power .8 at level .05."""

    difference: Intervals
    p: Floats
    detectable: Floats


def paired(
    differences: Floats, clusters: Clusters | None = None, *, method: Method = "sign_flip", resamples: int = 10_000, seed: int = 7
) -> Paired:
    """Test each column of per-request differences ``(n, m)`` against 0; NaN rows take no part.

    ``sign_flip``: without a difference each user's sum is as likely with either sign (Fisher 1935; for retrieval Smucker et al. 2007, who
    find it, the t test and the bootstrap in agreement). ``t``: by the clustered standard error. ``bootstrap``: share of resamples, shifted
    to no difference, that lie as far out. p is NaN with fewer than two clusters and 1 where every difference is 0.
    """
    interval = bootstrap(differences, clusters, seed=seed)
    if not len(differences):
        return Paired(interval, interval.value, interval.value)
    sums = Sums.of(differences, clusters)
    p = _METHODS[method](sums, resamples, seed)
    p = np.where((sums.count > 0).sum(axis=0) > 1, np.where(np.abs(sums.total).sum(axis=0) == 0, 1.0, p), np.nan)
    return Paired(interval, p, detectable(sums.error))


def detectable(error: Floats, power: float = 0.8, alpha: float = 0.05) -> Floats:
    """The smallest true difference found with ``power`` at two-sided level ``alpha``, given its standard error: 2.80 of them by default."""
    return np.asarray((ndtri(1 - alpha / 2) + ndtri(power)) * error)


def holm(p: Floats) -> Floats:
    """Adjusted p-values that keep the chance of even one false claim below the level (Holm 1979); NaN stays NaN and counts for nothing."""
    return _adjust(p, lambda ordered: np.maximum.accumulate(ordered * np.arange(len(ordered), 0, -1)))


def benjamini_hochberg(p: Floats) -> Floats:
    """Adjusted p-values that keep the expected share of false claims below the level (Benjamini & Hochberg 1995); NaN stays NaN."""

    def step_up(ordered: Floats) -> Floats:
        n = len(ordered)
        return np.minimum.accumulate((ordered * n / np.arange(1, n + 1))[::-1])[::-1]

    return _adjust(p, step_up)


def _adjust(p: Floats, rule: Callable[[Floats], Floats]) -> Floats:
    found = np.full(len(p), np.nan)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    found[order] = np.minimum(rule(p[order]), 1.0)
    return found


def _sign_flip(sums: Sums, resamples: int, seed: int) -> Floats:
    scale = np.abs(sums.total).sum(axis=0)
    columns = (sums.total / np.where(scale > 0, scale, 1)).astype(np.float32)
    seen = np.abs(columns.sum(axis=0, dtype=np.float64))
    random = np.random.default_rng(seed)
    step = max(1, _CELLS // len(columns))
    far = np.zeros(len(seen), np.int64)
    for start in range(0, resamples, step):
        signs = _signs(random, min(step, resamples - start), len(columns))
        far += (np.abs(signs @ columns) >= seen - 1e-5).sum(axis=0)  # 1e-5: rounding of float32, small beside any spread of the sum
    return np.asarray((far + 1) / (resamples + 1))


def _signs(random: np.random.Generator, rows: int, columns: int) -> NDArray[np.float32]:
    bits = np.unpackbits(random.integers(256, size=(rows, (columns + 7) // 8), dtype=np.uint8), axis=1, count=columns)
    return bits.astype(np.float32) * 2 - 1


def _t(sums: Sums, _resamples: int, _seed: int) -> Floats:
    used = (sums.count > 0).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(2 * stdtr(np.maximum(used - 1, 1), -np.abs(sums.mean / sums.error)))


def _bootstrap(sums: Sums, resamples: int, seed: int) -> Floats:
    centred = sums.total - sums.count * np.nan_to_num(sums.mean)
    drawn = np.abs(resampled_sums(centred, resamples, seed))
    far = (drawn >= np.abs(sums.total.sum(axis=0)) - 1e-12).sum(axis=0)
    return np.asarray((far + 1) / (resamples + 1))


_METHODS: dict[Method, Callable[[Sums, int, int], Floats]] = {"sign_flip": _sign_flip, "t": _t, "bootstrap": _bootstrap}
