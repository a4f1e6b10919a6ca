"""From scores to an order: what the request asks to be sorted by, inside the candidates that ranking chose."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aisle.core.candidates import Candidates
from aisle.core.catalogue import Catalogue

POPULAR = "popular"
"""Column that the order by popularity reads; the pipeline adds it where a request asks for that order."""


def sorted_by(sort: str, candidates: Candidates, catalogue: Catalogue, best: NDArray[np.int64]) -> NDArray[np.int64]:
    """``best`` (rows by score) in the order of ``sort``: price, age or popularity; an item without the value comes last, ties by score."""
    items = candidates.item[best]
    if sort in ("price", "-price"):
        keys = catalogue.number("price")[items] * (-1 if sort == "-price" else 1)
    elif sort == "newest":
        keys = -catalogue.number("created_at")[items]
    elif sort == POPULAR and POPULAR in candidates.columns:
        keys = -candidates[POPULAR][best].astype(float)
    else:
        return best
    return best[np.argsort(np.where(np.isnan(keys), np.inf, keys), kind="stable")]
