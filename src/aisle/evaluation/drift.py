"""Does the shop still look as it did when the models learned? How far columns moved from window to window, and how models age."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from aisle.evaluation.intervals import FEW, Clusters, bootstrap
from aisle.evaluation.lists import Floats, Mask
from aisle.evaluation.significance import benjamini_hochberg

MOVED, FAR = 0.1, 0.25
"""Population stability index from which a distribution is said to have moved, and moved far (Siddiqi 2006)."""
MOST = 20
"""Values of a column that count by themselves; rarer ones count together."""
BINS = 10
EXPECTED = 5.0
"""Cases that a cell of the test must expect; cells with fewer are put together (Cochran 1954)."""
FLOOR = 1e-4
BUCKETS = 6
NAN = float("nan")


@dataclass(frozen=True)
class Shift:
    """A column in window ``later`` beside window ``before``: rows in each, population stability index and what chance alone would make
    of it, ``p`` of the chi-square test over one row a user, corrected by Benjamini-Hochberg over the report, and the verdict in words."""

    column: str
    before: int
    later: int
    n_before: int
    n_later: int
    psi: float
    chance: float
    p: float = NAN
    p_fdr: float = NAN
    verdict: str = ""


@dataclass(frozen=True)
class Point:
    """A model's quality over ``n`` requests that came ``start`` to ``end`` (in the middle ``age``) after what it learned from, with 95 %
    bounds."""

    model: str
    start: float
    end: float
    age: float
    n: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Drift:
    """The report's section: every shift, each task's ageing, its unit (``days`` or ``events of the user``), and what to know about both."""

    shifts: Sequence[Shift] = ()
    aging: Mapping[str, Sequence[Point]] = field(default_factory=dict)
    unit: str = "days"
    text: str = ""


def compare(column: str, codes: NDArray[np.integer], users: Clusters, before: Mask, later: Mask, windows: tuple[int, int]) -> Shift:
    """``codes`` ``(n,)`` with -1 for missing, a value of its own; ``before`` and ``later`` ``(n,) bool`` pick the rows of both windows."""
    place = _common(codes, before)
    p, q = (np.bincount(place[mask], minlength=MOST + 2) for mask in (before, later))
    used = (p + q) > 0
    n, m = int(p.sum()), int(q.sum())
    if not n or not m:
        return Shift(column, *windows, n, m, NAN, NAN)
    chance = (int(used.sum()) - 1) * (1 / n + 1 / m)
    drawn = [np.bincount(place[_one_each(mask, users)], minlength=MOST + 2) for mask in (before, later)]
    return Shift(column, *windows, n, m, index(p[used], q[used]), chance, homogeneous(np.stack(drawn)))


def index(before: NDArray[np.integer], later: NDArray[np.integer]) -> float:
    """Population stability index ``Σ (q - p) ln(q / p)`` of counts in the same cells; no share counts as less than 0.0001.

    >>> round(index(np.array([50, 50]), np.array([75, 25])), 4)
    0.2747
    """
    p, q = (np.maximum(counts / max(counts.sum(), 1), FLOOR) for counts in (before, later))
    return float(((q - p) * np.log(q / p)).sum())


def homogeneous(table: NDArray[np.integer]) -> float:
    """Two-sided p of Pearson's chi-square test that both rows of ``table`` ``(2, cells)`` come from one distribution; NaN where fewer than
    two cells can be expected to hold `EXPECTED` cases."""
    from scipy.stats import chi2_contingency  # here, since it takes a second to load and serving never tests

    total, rows = table.sum(axis=0), table.sum(axis=1)
    if not rows.all():
        return NAN
    enough = total * rows.min() / rows.sum() >= EXPECTED
    cells = np.column_stack([table[:, enough], table[:, ~enough].sum(axis=1)])
    if cells[:, -1].sum() * rows.min() / rows.sum() < EXPECTED:
        cells = cells[:, :-1]
    if cells.shape[1] < 2 or not cells.sum(axis=1).all():
        return NAN
    return float(chi2_contingency(cells, correction=False).pvalue)


def corrected(shifts: Sequence[Shift]) -> list[Shift]:
    """With p-values corrected over all of them, and each one's verdict."""
    found = benjamini_hochberg(np.array([one.p for one in shifts], float))
    return [replace(one, p_fdr=float(p), verdict=_verdict(one.psi, float(p))) for one, p in zip(shifts, found, strict=True)]


def _verdict(psi: float, p: float) -> str:
    if not isfinite(psi):
        return "no data"
    if psi < MOVED:
        return "steady"
    if not isfinite(p):
        return "too few users to tell"
    if p >= 0.05:
        return "not told from chance"
    return "moved far" if psi >= FAR else "moved"


def binned(values: NDArray[np.floating], before: Mask, bins: int = BINS) -> NDArray[np.int64]:
    """``(n,) int64``: bins of equal mass of the rows in ``before``, -1 where the value is missing."""
    known = np.isfinite(values)
    if not (known & before).any():
        return np.where(known, 0, -1).astype(np.int64)
    edges = np.unique(np.quantile(values[known & before], np.linspace(0, 1, bins + 1)[1:-1]))
    return np.where(known, np.searchsorted(edges, values), -1).astype(np.int64)


def stability(old: NDArray[np.floating], new: NDArray[np.floating], bins: int = BINS) -> float:
    """Population stability index over equal-mass bins of ``old``, 0 for the same distribution and for too few values."""
    if len(old) < bins or len(new) < bins:
        return 0.0
    first = np.arange(len(old) + len(new)) < len(old)
    codes = binned(np.concatenate([old, new]), first, bins)
    width = int(codes.max()) + 1
    return index(np.bincount(codes[first], minlength=width), np.bincount(codes[~first], minlength=width))


def aging(age: Floats, quality: Mapping[str, Floats], users: Clusters, buckets: int = BUCKETS, seed: int = 7) -> list[Point]:
    """Each model's mean quality in at most ``buckets`` groups of requests of similar ``age`` ``(n,)``, of equal size as ties allow; NaN
    quality takes no part.

    Buckets of a model with fewer than `intervals.FEW` requests are left out; ages that are not known, too.
    """
    known = np.isfinite(age)
    if not known.any() or not quality:
        return []
    buckets = max(1, min(buckets, int(known.sum()) // (FEW + 1)))
    edges = np.unique(np.quantile(age[known], np.linspace(0, 1, buckets + 1)[1:-1]))
    where = np.where(known, np.searchsorted(edges, age), -1)
    columns = {(model, at): np.where(where == at, values, np.nan) for model, values in quality.items() for at in range(len(edges) + 1)}
    found = bootstrap(np.stack(list(columns.values()), axis=1), users, resamples=1_000, seed=seed)
    points = []
    for place, ((model, _), values) in enumerate(columns.items()):
        ages = age[np.isfinite(values)]
        if len(ages) >= FEW:
            bounds = float(found.value[place]), float(found.low[place]), float(found.high[place])
            points.append(Point(model, float(ages.min()), float(ages.max()), float(np.median(ages)), len(ages), *bounds))
    return points


def _common(codes: NDArray[np.integer], before: Mask) -> NDArray[np.int64]:
    """The `MOST` commonest values of ``before`` numbered from 2, all others 1, missing 0."""
    counts = np.bincount(codes[before & (codes >= 0)], minlength=int(codes.max(initial=-1)) + 1)
    number = np.ones(len(counts), np.int64)
    common = np.argsort(-counts, kind="stable")[:MOST]
    common = common[counts[common] > 0]
    number[common] = 2 + np.arange(len(common))
    return np.where(codes >= 0, number[codes] if len(number) else 1, 0)


def _one_each(mask: Mask, users: Clusters, seed: int = 7) -> NDArray[np.int64]:
    """One drawn row of every user: rows of one user are no independent cases. Rows of nobody (-1) all count."""
    rows = np.random.default_rng(seed).permutation(np.flatnonzero(mask))
    owner = np.where(users[rows] < 0, -1 - np.arange(len(rows)), users[rows])
    return rows[np.unique(owner, return_index=True)[1]]
