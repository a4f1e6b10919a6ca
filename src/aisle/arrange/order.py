"""From scores to an order: what the request asks to be sorted by, inside the candidates that ranking chose."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aisle.core.candidates import Candidates
from aisle.core.catalogue import Catalogue

POPULAR = "popular"
"""Column that the order by popularity reads; the pipeline adds it where a request asks for that order."""


def keys(sort: str, candidates: Candidates, catalogue: Catalogue, rows: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """``(rows,) float64``: what ``sort`` goes by, least first, infinite where an item lacks it; None where that is the score."""
    items = candidates.item[rows]
    if sort in ("price", "-price"):
        found = catalogue.number("price")[items] * (-1 if sort == "-price" else 1)
    elif sort == "newest":
        found = -catalogue.number("created_at")[items]
    elif sort == POPULAR and POPULAR in candidates.columns:
        found = -candidates[POPULAR][rows].astype(float)
    else:
        return None
    return np.where(np.isnan(found), np.inf, found)


def sorted_by(sort: str, candidates: Candidates, catalogue: Catalogue, best: NDArray[np.int64]) -> NDArray[np.int64]:
    """``best`` (rows by score) in the order of ``sort``: price, age or popularity; an item without the value comes last, ties by score."""
    by = keys(sort, candidates, catalogue, best)
    return best if by is None else best[np.argsort(by, kind="stable")]


def foremost(sort: str, candidates: Candidates, catalogue: Catalogue, rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """The ``most`` of ``rows`` that stand first in the order of ``sort``, in any order: a whole large shop is not sorted for its first
    pages."""
    if len(rows) <= most:
        return rows
    by = keys(sort, candidates, catalogue, rows)
    by = -candidates["score"][rows] if by is None else by
    return rows[np.sort(np.argpartition(by, most)[:most])]
