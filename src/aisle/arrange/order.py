"""From scores to the page: the order that the request asks for, inside the candidates that ranking chose."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aisle.core.candidates import Candidates
from aisle.core.catalogue import Catalogue
from aisle.core.request import MOST_ITEMS
from aisle.core.stage import Block


def arrange(block: Block, candidates: Candidates, catalogue: Catalogue) -> list[NDArray[np.int64]]:
    """For each request the rows of ``candidates`` in page order, at most 500, so that pages never repeat an item.

    Any sort but ``relevance`` orders those 500 by price, age or popularity; an item without the value comes last.
    """
    by_score = candidates.order_by("score")
    return [_sorted(block, candidates, catalogue, number, by_score[candidates.of_request(number)]) for number in range(len(block))]


def _sorted(block: Block, candidates: Candidates, catalogue: Catalogue, number: int, best: NDArray[np.int64]) -> NDArray[np.int64]:
    best = best[np.isfinite(candidates["score"][best])][:MOST_ITEMS]
    sort = block.requests[number].sort
    if sort == "relevance":
        return best
    items = candidates.item[best]
    if sort in ("price", "-price"):
        keys = catalogue.number("price")[items] * (-1 if sort == "-price" else 1)
    elif sort == "newest":
        keys = -catalogue.number("created_at")[items]
    else:
        keys = -candidates.columns["popular"][best].astype(float) if "popular" in candidates.columns else np.full(len(best), np.nan)
    return best[np.argsort(np.where(np.isnan(keys), np.inf, keys), kind="stable")]
