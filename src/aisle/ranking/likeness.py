"""How alike a candidate is to what its user last took interest in: to the newest item, and to the nearest of the newest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.core.candidates import Candidates
from aisle.core.stage import Block
from aisle.core.vectors import Vectors
from aisle.retrieval.base import newest

Column = NDArray[np.float32]
READ = 10
"""The newest items that are compared: those before them rarely say more, and each costs a product with every candidate."""


@dataclass(frozen=True)
class Likeness:
    """``<name>_last`` and ``<name>_most``: cosines of the items' ``vectors``, NaN for a user of whose newest items none has one, and for an
    item without.

    The source that reads the same vectors looks for what is like the whole history's mean; here the ranker sees whether the candidate
    continues the last step or belongs to any one of the steps before it.
    """

    vectors: Vectors
    name: str = "alike"

    def __call__(self, block: Block, candidates: Candidates) -> Mapping[str, NDArray[np.floating]]:
        last, most = (np.full(len(candidates), np.nan, np.float32) for _ in range(2))
        for request in range(len(block)):
            past = newest(block, request, len(self.vectors))[-READ:]
            part = candidates.of_request(request)
            if len(past) and part.stop > part.start:
                last[part], most[part] = self._like(candidates.item[part], past)
        return {f"{self.name}_last": last, f"{self.name}_most": most}

    def _like(self, items: NDArray[np.int32], past: NDArray[np.int32]) -> tuple[Column, Column] | tuple[float, float]:
        """``(n,)`` and ``(n,)``: to the last of ``past`` that has a vector and to whichever of it is nearest."""
        known = items < len(self.vectors)
        held = self.vectors.take(np.concatenate([np.where(known, items, 0), past]))
        told = np.asarray(held.any(axis=1)) & np.isfinite(held[:, 0])
        steps = held[len(items) :][told[len(items) :]]
        if not len(steps):
            return np.nan, np.nan
        alike = held[: len(items)] @ steps.T
        alike[~(known & told[: len(items)])] = np.nan
        return alike[:, -1], alike.max(axis=1)
