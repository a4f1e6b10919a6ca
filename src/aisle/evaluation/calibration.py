"""Does a predicted probability mean what it says? The reliability table behind the report's calibration picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aisle.evaluation.intervals import Clusters
from aisle.evaluation.lists import Floats
from aisle.evaluation.probability import ece, ece_bounds, equal_mass


@dataclass(frozen=True)
class Bin:
    """Rows of similar probability: how many, their lowest, highest and mean score, and the rate at which it happened with 95 % bounds."""

    n: int
    start: float
    end: float
    predicted: float
    rate: float
    low: float
    high: float


@dataclass(frozen=True)
class Reliability:
    """Bins of equal mass, lowest first, and the expected calibration error with its bounds. ``event`` is what is predicted (``click``)."""

    event: str
    n: int
    ece: float
    low: float
    high: float
    bins: Sequence[Bin]


def reliability(labels: Floats, scores: Floats, event: str = "", clusters: Clusters | None = None, bins: int = 15) -> Reliability:
    """The table of ``scores`` ``(n,)`` in [0, 1] against ``labels`` ``(n,)`` 0 or 1; NaN rows are left out."""
    known = np.isfinite(labels) & np.isfinite(scores)
    low, high = ece_bounds(labels, scores, clusters, bins=bins)
    where = equal_mass(scores[known], bins)
    rows = [_bin(labels[known][where == number], scores[known][where == number]) for number in range(int(where.max(initial=-1)) + 1)]
    return Reliability(event, int(known.sum()), ece(labels, scores, bins), low, high, rows)


def wilson(hits: float, n: int, z: float = 1.96) -> tuple[float, float]:
    """95 % bounds of a rate that hold near 0 and 1 too (Wilson 1927).

    >>> [round(bound, 3) for bound in wilson(0, 10)]
    [0.0, 0.278]
    """
    rate = hits / n
    middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def _bin(labels: Floats, scores: Floats) -> Bin:
    low, high = wilson(float(labels.sum()), len(labels))
    return Bin(len(labels), float(scores.min()), float(scores.max()), float(scores.mean()), float(labels.mean()), low, high)
