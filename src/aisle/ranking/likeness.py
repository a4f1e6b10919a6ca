"""How alike a candidate is by its text to what its user last took interest in: to the newest item, and to the nearest of the newest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from aisle.core.candidates import Candidates
from aisle.core.stage import Block
from aisle.retrieval.base import newest

Column = NDArray[np.float32]
READ = 10
"""The newest items that are compared: those before them rarely say more, and each costs a product with every candidate."""


class Vectors(Protocol):
    """Items' vectors of unit length; NaN for a text that is still to be encoded, zero for an item without one."""

    def __len__(self) -> int: ...
    def take(self, rows: NDArray[np.integer]) -> Column: ...


@dataclass(frozen=True)
class Likeness:
    """Cosine of the items' ``vectors``, NaN for a user without history and for an item without a vector.

    The source `content` looks for what is like the whole history's mean; here the ranker sees whether the candidate continues the last step
    or belongs to any one of the steps before it.
    """

    vectors: Vectors

    def __call__(self, block: Block, candidates: Candidates) -> Mapping[str, NDArray[np.floating]]:
        last, most = (np.full(len(candidates), np.nan, np.float32) for _ in range(2))
        for request in range(len(block)):
            past = newest(block, request, len(self.vectors))[-READ:]
            part = candidates.of_request(request)
            if len(past) and part.stop > part.start:
                last[part], most[part] = self._like(candidates.item[part], past)
        return {"alike_last": last, "alike_most": most}

    def _like(self, items: NDArray[np.int32], past: NDArray[np.int32]) -> tuple[Column, Column]:
        """``(n,)`` and ``(n,)``: to the last of ``past`` and to whichever of it is nearest."""
        known = items < len(self.vectors)
        held = self.vectors.take(np.concatenate([np.where(known, items, 0), past]))
        alike = held[: len(items)] @ held[len(items) :].T
        told = np.asarray(held.any(axis=1))
        alike[:, ~told[len(items) :]] = np.nan
        alike[~(known & told[: len(items)])] = np.nan
        return alike[:, -1], np.fmax.reduce(alike, axis=1)
