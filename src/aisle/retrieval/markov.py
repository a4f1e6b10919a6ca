"""What comes after what: transitions inside a window of each user's steps, nearer ones heavier (the first source to beat on next items)."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from aisle.core.events import Dataset
from aisle.retrieval.base import ItemToItem
from aisle.retrieval.neighbours import Floats, Neighbours
from aisle.retrieval.sequences import Sequences


class Markov(ItemToItem):
    """Window-Markov: the weight of ``j`` after ``i`` is the sum over users of ``1 / distance ** falloff`` for each time that ``j`` stood up
    to ``window`` steps after ``i``, plus ``backward`` of the same for ``j`` before ``i``; both divided by a power of the items' own counts.

    A first-order chain is ``window=1, backward=0``; ``backward=1`` forgets direction. Items of one step (a basket) are companions with
    weight ``together``. ``damping`` is the power of the count of ``j`` (popular items follow everything), ``share`` that of ``i``
    (1 makes rows shares). After the sequential rules of Ludewig and Jannach, "Evaluation of session-based recommendation algorithms"
    (2018), section 3.1, whose weighting by 1 / distance is ``falloff=1``; the backward share and the damping are ours.
    """

    name = "markov"

    def __init__(
        self,
        window: int = 20,
        falloff: float = 0.5,
        backward: float = 0.3,
        together: float = 0.5,
        damping: float = 0.1,
        share: float = 0.35,
        decay: float = 0.6,
        neighbours: int = 300,
    ) -> None:
        super().__init__(decay)
        self.window, self.falloff, self.backward, self.together = window, falloff, backward, together
        self.damping, self.share, self.neighbours = damping, share, neighbours

    def fit(self, data: Dataset) -> Self:
        """Count transitions in the log."""
        log = Sequences.of(data.events, len(data.catalogue))
        steps = log.by_step()
        steps.data[:] = np.sqrt(steps.data)
        near = sparse.csr_array(self.nearness(log.user_of_step()) @ steps)
        counts = np.maximum(np.asarray(steps.multiply(steps).sum(axis=0), np.float32), 1)

        def reweigh(row: NDArray[np.int32], column: NDArray[np.int32], value: Floats) -> Floats:
            return (value / (counts[row] ** self.share * counts[column] ** self.damping)).astype(np.float32)

        self.neighbours_ = Neighbours.of_product(steps, near, self.neighbours, reweigh)
        return self

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments."""
        names = ("window", "falloff", "backward", "together", "damping", "share", "neighbours")
        return super().settings() | {name: getattr(self, name) for name in names}

    def nearness(self, owner: NDArray[np.int32]) -> sparse.csr_array:
        """``(steps, steps) float32``: how near each step stands to each other one of its user.

        ``owner`` ``(steps,) int32`` is whose step it is; the steps of one user stand together, in order.
        """
        steps = len(owner)
        total = sparse.csr_array(self.together * sparse.eye_array(steps, dtype=np.float32))
        for distance in range(1, min(self.window, steps - 1) + 1):
            same = (owner[:-distance] == owner[distance:]).astype(np.float32) / distance**self.falloff
            if not same.any():
                break
            after = sparse.diags_array(same, offsets=distance, shape=(steps, steps), dtype=np.float32).tocsr()
            total = total + after + self.backward * after.T
        total.eliminate_zeros()
        return total

