"""Diversity: maximal marginal relevance, so that a row does not show one thing ten times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.core.catalogue import Catalogue
from aisle.core.vectors import Vectors

POOL = 60
"""Items from the top that may change places; those behind stay where they are."""

Alike = Callable[[NDArray[np.int32]], NDArray[np.float32]]
"""From ``(k,)`` items to ``(k, k)`` likenesses in [0, 1]."""


def diversified(items: NDArray[np.int32], picks: int, strength: float, alike: Alike) -> NDArray[np.int64]:
    """``(k,) int64``: places of ``items`` (best first) in their new order; only the first ``picks`` are chosen anew, and a larger
    ``picks`` changes nothing before them, so that pages never repeat an item.

    Carbonell and Goldstein, "The use of MMR" (1998): each next item maximises ``(1 - strength) * relevance - strength * likeness`` to the
    most alike one before it. Relevance falls evenly with the place, from 1 to 0 over `POOL`, since scores of models differ in scale; so
    an item falls back by at most ``POOL * strength / (1 - strength)`` places. The first item stays first; ties go to the better place.
    """
    places = np.arange(len(items))
    pool = items[:POOL]
    if not 0 < strength < 1 or len(pool) < 3:
        return places
    likeness = alike(pool)
    worth = (1 - strength) * (1 - np.arange(len(pool)) / POOL)
    nearest = np.zeros(len(pool))
    chosen: list[int] = []
    for _ in range(min(picks, len(pool))):
        best = int(np.argmax(worth - strength * nearest))
        chosen.append(best)
        worth[best] = -np.inf
        np.maximum(nearest, likeness[best], out=nearest)
    kept = np.ones(len(items), bool)
    kept[chosen] = False
    return np.concatenate([np.array(chosen, np.int64), places[kept]])


@dataclass(frozen=True)
class Likeness:
    """How alike items are: cosine of their ``vectors`` where there are any, else 1 for the same first category and 0 otherwise.

    Items without a vector are like nothing.
    """

    catalogue: Catalogue
    vectors: Vectors | None = None

    def __call__(self, items: NDArray[np.int32]) -> NDArray[np.float32]:
        """``(k, k) float32`` in [0, 1]."""
        if self.vectors is None:
            codes = self.catalogue.labels("category").first[items]
            return ((codes[:, None] == codes) & (codes >= 0)).astype(np.float32)
        known = items < len(self.vectors)
        held = np.nan_to_num(self.vectors.take(np.where(known, items, 0)))
        held[~known] = 0
        return np.clip(held @ held.T, 0, 1)
