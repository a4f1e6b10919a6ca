"""Lessons made by hand: two sides, two sources, users of whom much or nothing is known, and what was taken."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from aisle.fusion.fuser import CTR, HEAD, KNOWN, RER, Columns, Lesson

NAN = float("nan")
WIDE = 4


def lesson(
    right: Mapping[str, NDArray[np.bool_]], known: NDArray[np.floating], head: NDArray[np.floating] | None = None, alpha: float = 0.5
) -> Lesson:
    """Requests of four candidates, the first of which is taken. A member of ``right`` (a side or a source) puts it first where its array
    ``(requests,)`` says so and last elsewhere; ``known`` is the number of events known of each request's user."""
    requests = len(known)
    taken = np.tile(np.arange(WIDE) == 0, requests)
    columns: dict[str, NDArray[np.float32]] = {KNOWN: each(np.log1p(known))}
    if head is not None:
        columns[HEAD] = each(head)
    for name, good in right.items():
        rank = np.where(good[:, None], np.arange(WIDE), np.arange(WIDE)[::-1]).ravel()
        if name in (CTR, RER):
            columns[name] = (0.8 / 2.0**rank).astype(np.float32)
        else:
            columns |= {f"{name}_rank": np.log1p(rank).astype(np.float32), f"{name}_share": (1 / (1 + rank)).astype(np.float32)}
    return Lesson(columns, taken, np.arange(0, requests * WIDE + 1, WIDE), first, alpha, np.ones(requests, bool))


def each(values: NDArray[np.floating]) -> NDArray[np.float32]:
    """A number a request for each of its candidates."""
    return np.repeat(values, WIDE).astype(np.float32)


def first(score: NDArray[np.float32]) -> NDArray[np.float64]:
    """1 for each request whose first candidate has the highest score, of equals none."""
    table = score.reshape(-1, WIDE)
    return (table[:, 0] > table[:, 1:].max(axis=1)).astype(float)


def some() -> Columns:
    """Four candidates, the first the best in everything, the third known to one source alone, the last to nobody."""
    return {
        CTR: np.array([0.6, 0.3, 0.2, 0.1], np.float32),
        RER: np.array([0.5, 0.2, 0.1, 0.1], np.float32),
        "one_share": np.array([1, 0.5, 0.2, NAN], np.float32),
        "one_rank": np.log1p(np.array([0, 1, 2, NAN], np.float32)),
        "two_share": np.array([1, 0.4, NAN, NAN], np.float32),
        "two_rank": np.log1p(np.array([0, 1, NAN, NAN], np.float32)),
        KNOWN: np.full(4, 2.0, np.float32),
    }
