"""The report's fusion page: each member alone, in pairs and all together, its weight, whose errors go together, the ways to fuse them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from aisle.evaluation.intervals import Clusters, bootstrap
from aisle.evaluation.lists import Floats

NAN = float("nan")
NOTHING = 0.01
"""Share of the whole's quality below which a loss is called nothing; the upper end of the interval must lie below it."""
ENOUGH = 100
"""Requests from which it is said."""


@dataclass(frozen=True)
class Value:
    """A mean with 95 % bounds."""

    value: float = NAN
    low: float = NAN
    high: float = NAN


@dataclass(frozen=True)
class Member:
    """A source, or one of the two sides. ``weight``: its share of the recall side, or of Z for a side; ``milliseconds`` of one request, the
    median."""

    name: str
    alone: Value
    weight: float = NAN
    milliseconds: float = NAN


@dataclass(frozen=True)
class Pair:
    """Two members: the correlation of their errors over the requests, and what both reach together (NaN where that was not tried)."""

    a: str
    b: str
    correlation: float
    together: Value = Value()


@dataclass(frozen=True)
class Method:
    """A way to fuse the members: its quality on window 3 (learned from other requests of it where it learns there) and on the test window,
    what it has fitted, the milliseconds that fusing one request takes when its members have scored, the median, and whether it is
    ``served``."""

    name: str
    development: Value
    test: Value
    weights: Mapping[str, float]
    milliseconds: float = NAN
    served: bool = False


@dataclass(frozen=True)
class Fusion:
    """One task: ``metric`` over ``n`` requests of the test window, the whole fused, its members, every pair of them, the ``methods`` to
    fuse them, and what follows from the ablation in words: which member may go, and which was not tried."""

    metric: str
    n: int
    whole: Value
    members: Sequence[Member]
    pairs: Sequence[Pair]
    advice: Sequence[str] = ()
    methods: Sequence[Method] = ()

    def advised(self, advice: Sequence[str]) -> Fusion:
        """The same with what follows from it."""
        return replace(self, advice=advice)


def values(columns: Mapping[str, Floats], users: Clusters, seed: int = 7) -> dict[str, Value]:
    """The mean of each column of per-request quality ``(n,)``, all over the same resamples."""
    if not columns:
        return {}
    found = bootstrap(np.stack(list(columns.values()), axis=1), users, resamples=1_000, seed=seed)
    return {name: Value(float(found.value[at]), float(found.low[at]), float(found.high[at])) for at, name in enumerate(columns)}


def correlations(columns: Mapping[str, Floats]) -> dict[tuple[str, str], float]:
    """Pearson's correlation of each two members' errors (1 - quality, which correlate as the qualities do) over the requests that both
    answered for; NaN where one of them never varies."""
    found = {}
    for a, b in combinations(columns, 2):
        both = np.isfinite(columns[a]) & np.isfinite(columns[b])
        x, y = columns[a][both], columns[b][both]
        varies = len(x) > 1 and x.std() > 0 and y.std() > 0
        found[a, b] = float(np.corrcoef(x, y)[0, 1]) if varies else NAN
    return found


def advice(n: int, whole: float, losses: Mapping[str, tuple[float, float]], needed: Sequence[str], untried: Sequence[str]) -> list[str]:
    """Which member may go. ``losses``: member to what the whole, fitted again without it, loses: the mean and its interval's upper end.

    ``needed`` members stay whatever they add: the fallback and the baselines are made of them. Nothing is said from fewer than `ENOUGH`
    requests: where few could differ, none differing proves nothing.

    >>> advice(400, 0.5, {"als": (0.0, 0.004), "ease": (0.01, 0.02)}, (), ["markov"])
    ['Remove als: you lose nothing (at most 0.0040 of 0.5000).', 'Whether markov can be removed was not measured: the time was used up.']
    """
    if losses and n < ENOUGH:
        return [f"Which member may go cannot be told from {n} requests, {ENOUGH} are needed."]
    said = []
    for name, (_, high) in losses.items():
        if high <= NOTHING * whole:
            reason = f"(at most {max(high, 0.0):.4f} of {whole:.4f})"
            keep = f"{name} adds nothing to the ranking {reason}; it stays for the fallback and as a baseline."
            said.append(keep if name in needed else f"Remove {name}: you lose nothing {reason}.")
    return [*said, *(f"Whether {name} can be removed was not measured: the time was used up." for name in untried)]
