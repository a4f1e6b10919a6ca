"""How much a candidate looks like what its user took interest in last: features for the rankers, where the shop has pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.core.candidates import Candidates
from aisle.core.stage import Block
from aisle.ranking.features import Columns
from aisle.retrieval.base import newest
from aisle.retrieval.picture_vectors import PictureVectors

KEPT = 10
"""Newest items that a candidate is compared with."""


@dataclass(frozen=True)
class PictureMatch:
    """``picture_nearest``: the largest likeness of the candidate's picture to one of the newest `KEPT` items with a picture, or to one of
    the page's items; ``picture_mean``: the mean likeness; ``picture_last``: that to the newest. NaN where either side has no picture."""

    vectors: PictureVectors

    def __call__(self, block: Block, candidates: Candidates) -> Columns:
        found = np.full((3, len(candidates)), np.nan, np.float32)
        for request in range(len(block)):
            past = newest(block, request, len(self.vectors))
            past = past[self.vectors.seen[past]][-KEPT:]
            part = candidates.of_request(request)
            if len(past) and part.stop > part.start:
                alike = self._of(candidates.item[part]) @ self.vectors.take(past).T
                found[:, part] = alike.max(axis=1), alike.mean(axis=1), alike[:, -1]
        return dict(zip(("picture_nearest", "picture_mean", "picture_last"), found, strict=True))

    def _of(self, items: NDArray[np.int32]) -> NDArray[np.float32]:
        """Vectors of items, NaN for those that came after the bundle too."""
        known = items < len(self.vectors)
        vectors = self.vectors.take(np.where(known, items, 0))
        vectors[~known] = np.nan
        return vectors
