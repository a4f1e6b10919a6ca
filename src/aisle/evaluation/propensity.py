"""How much each place of a page is looked at, and how often the log put an item where it did: propensities estimated from the log."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aisle.core.arrays import found_at
from aisle.evaluation.intervals import Clusters
from aisle.evaluation.lists import Floats

FEWEST = 10
"""Clicks that a rank needs for a value of its own; deeper ranks share one."""
ROUNDS, CLOSE = 300, 1e-5


def examination(group: NDArray[np.integer], rank: NDArray[np.integer], clicked: Floats, weight: Floats | None = None) -> Floats:
    """``(ranks,) float64``: how much a rank is clicked beside rank 0, the same things shown; the last holds for all deeper ranks.

    ``group`` ``(m,)`` numbers what is the same thing (a product for a query), shown at several ranks over time: clicks are
    ``rate of the group * value of the rank``, fitted as Poisson regression with a fixed effect a group (Hausman et al. 1984), which is
    intervention harvesting (Agarwal et al. 2019) by maximum likelihood. Empty where fewer than two ranks have enough clicks. What it finds
    is how often the same thing is clicked, hence looked at and trusted: from 2,000 clicks of a simulated shop it is off the truth by .03 to
    .045 on average (tests/simulate), and lies up to .12 below the share that looks at all.
    """
    times = np.ones(len(clicked)) if weight is None else weight
    place = np.minimum(rank, max(0, depth(rank, clicked) - 1))
    clicks, size = times * clicked, int(group.max(initial=-1)) + 1
    by_rank = np.bincount(place, clicks, minlength=1)
    if len(by_rank) < 2 or not by_rank.all():
        return np.zeros(0)
    by_group = np.bincount(group, clicks, minlength=size)
    value = np.ones(len(by_rank))
    for _ in range(ROUNDS):
        seen = np.bincount(group, times * value[place], minlength=size)
        rate = by_group / np.where(seen > 0, seen, 1.0)
        found = by_rank / np.bincount(place, times * rate[group], minlength=len(by_rank))
        found /= found[0]
        close = bool(np.abs(found - value).max() < CLOSE)
        value = found
        if close:
            break
    return value


def depth(rank: NDArray[np.integer], clicked: Floats) -> int:
    """Ranks from 0 on that have `FEWEST` clicks each."""
    counts = np.bincount(rank[clicked > 0], minlength=1)
    return int(np.argmax(np.append(counts, 0) < FEWEST))


def resampled(
    group: NDArray[np.integer], rank: NDArray[np.integer], clicked: Floats, users: Clusters, resamples: int = 20, seed: int = 7
) -> list[Floats]:
    """`examination` over as many users drawn with replacement, as often as ``resamples``; those that miss a rank are left out."""
    names, owner = np.unique(users, return_inverse=True)
    random = np.random.default_rng(seed)
    size = len(examination(group, rank, clicked))
    found = []
    for _ in range(resamples):
        times = np.bincount(random.integers(len(names), size=len(names)), minlength=len(names)).astype(float)
        one = examination(group, rank, clicked, times[owner])
        if len(one) == size:
            found.append(one)
    return found


def shares(group: NDArray[np.integer], rank: NDArray[np.integer], asked: NDArray[np.integer]) -> Floats:
    """``(m,) float64``: of the times that the log showed each row's group, the share at rank ``asked`` ``(m,)``."""
    span = int(max(rank.max(initial=0), asked.max(initial=0))) + 1
    keys, counts = np.unique(group.astype(np.int64) * span + rank, return_counts=True)
    wanted = group.astype(np.int64) * span + asked
    place = found_at(keys, wanted)
    hits = np.where(place >= 0, np.append(counts, 0)[place], 0)
    return np.asarray(hits / np.bincount(group)[group])
