"""Sources that turn each request into a vector and find the items whose own vectors are nearest to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.core.candidates import Candidates
from aisle.core.stage import Allowed, Block, Scores
from aisle.retrieval.base import history, masked, proposed, without
from aisle.retrieval.unit_vectors import UnitVectors

Vector = NDArray[np.float32]
Near = tuple[NDArray[np.int32], NDArray[np.float32]]


class ByVector:
    """A source that turns each request into a vector, None where it is silent; the score is the dot product with an item's vector."""

    name = ""
    surfaces: frozenset[str] = frozenset()

    @property
    def vectors_(self) -> UnitVectors:
        """The items' vectors."""
        raise NotImplementedError

    def wanted(self, block: Block) -> Iterator[Vector | None]:
        """One vector per request."""
        raise NotImplementedError

    def _kept(self, block: Block) -> list[Vector | None]:
        """The same, kept from `retrieve` for `score`."""
        key = f"wanted/{self.name}"
        if key not in block.memo:
            block.memo[key] = list(self.wanted(block))
        found: list[Vector | None] = block.memo[key]
        return found

    def retrieve(self, block: Block, allowed: Allowed, limit: int) -> Candidates:
        """The ``limit`` nearest allowed items of each request."""
        silent = np.zeros(0, np.int32), np.zeros(0, np.float32)
        return proposed(
            [
                silent if vector is None else self.near(vector, block, allowed, request, limit)
                for request, vector in enumerate(self._kept(block))
            ]
        )

    def near(self, vector: Vector, block: Block, allowed: Allowed, request: int, limit: int) -> Near:
        """The ``limit`` allowed items nearest to a request's vector, best first, and their products."""
        return self.vectors_.nearest(vector, masked(block, allowed, request), limit)

    def score(self, block: Block, candidates: Candidates) -> Scores:
        """The same for candidates of any origin."""
        result = np.full(len(candidates), np.nan, np.float32)
        for request, vector in enumerate(self._kept(block)):
            part = candidates.of_request(request)
            if vector is not None:
                result[part] = self.vectors_.score(vector, candidates.item[part])
        return result


class LikeHistory(ByVector):
    """Like the items of the page, or else like the newest ones the user took interest in: their mean, newer ones weighing more.

    The items started from score too; the filters leave them out where they shall not be shown.
    """

    decay: float

    def wanted(self, block: Block) -> Iterator[Vector | None]:
        """The history's mean vector."""
        past = history(block, self.decay)
        for request in range(len(block)):
            part = past.of(request)
            vector = self.vectors_.mean(past.item[part], past.values["weight"][part])
            yield vector if vector.any() else None

    def without(self, block: Block, request: int, items: NDArray[np.int32]) -> Vector:
        """``(h, n) float32``: scores with each item of the history left out (`aisle.retrieval.left_out.LeavesOut`)."""
        past = history(block, self.decay)
        rows = past.item[past.of(request)]
        both = self.vectors_.take(np.concatenate([rows, items]))
        waiting = np.isnan(both[:, 0])
        if waiting.any():
            both[waiting] = 0
        weights, alike = without(block, request, self.decay), both[: len(rows)] @ both.T
        found = weights @ alike
        length = np.sqrt(np.maximum((found[:, : len(rows)] * weights).sum(axis=1, keepdims=True), np.float32(1e-18)))
        return np.asarray(found[:, len(rows) :] / length, np.float32)

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"decay": self.decay}
