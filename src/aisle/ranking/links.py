"""Which of a user's newest items lead to a candidate, and how surely: a source's score is one sum, which hides where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.core.candidates import Candidates
from aisle.core.stage import Block
from aisle.retrieval.base import newest
from aisle.retrieval.neighbours import Neighbours

Column = NDArray[np.float32]
READ = 8
"""The newest items that are looked at."""
TAILS = ("_links", "_strongest", "_nearest", "_from_last", "_from_second")
"""What follows the source's name in the names of the features."""


@dataclass(frozen=True)
class Links:
    """Of an item-to-item source ``name``: how many of the newest items lead to the candidate, the largest of their weights, how many steps
    back the nearest of them stands (0: it is the last), and the weights from the last and the last but one. NaN for a user without a
    history, and for what is not there to lead from.
    """

    name: str
    neighbours: Neighbours

    def __call__(self, block: Block, candidates: Candidates) -> Mapping[str, Column]:
        table = np.full((len(TAILS), len(candidates)), np.nan, np.float32)
        for request in range(len(block)):
            past = newest(block, request, len(self.neighbours))[-READ:][::-1]
            part = candidates.of_request(request)
            if len(past) and part.stop > part.start:
                table[:, part] = _told(self.neighbours.between(past, candidates.item[part]))
        return {f"{self.name}{tail}": column for tail, column in zip(TAILS, table, strict=True)}


def _told(weight: Column) -> Column:
    """``(features, n)`` from ``(h, n)`` weights, the newest item first."""
    leads = weight > 0
    nearest = np.where(leads.any(axis=0), leads.argmax(axis=0), np.nan)
    second = weight[1] if len(weight) > 1 else np.full(weight.shape[1], np.nan)
    return np.stack([leads.sum(axis=0), weight.max(axis=0), nearest, weight[0], second]).astype(np.float32)
