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
    to ``window`` steps after ``i``, plus ``backward`` of the same for ``j`` before ``i``; all of it divided by
    ``count(i) ** .5 * count(j) ** damping + shrink``: rare items count nearly plain, where chance would rule a share, common ones by lift.

    A first-order chain is ``window=1, backward=0``; ``backward=1`` forgets direction. Items of one step (a basket) are companions with
    weight ``together``, and an event in a step of many weighs one over the square root of their number. After the sequential rules of
    Ludewig and Jannach, "Evaluation of session-based recommendation algorithms" (2018), section 3.1, whose weighting by 1 / distance is
    ``falloff=1``; the rest is ours.
    """

    name = "markov"

    def __init__(
        self,
        window: int = 20,
        falloff: float = 0.5,
        backward: float = 0.3,
        together: float = 5.0,
        damping: float = 0.4,
        shrink: float = 20.0,
        decay: float = 0.6,
        neighbours: int = 300,
    ) -> None:
        super().__init__(decay)
        self.window, self.falloff, self.backward, self.together = window, falloff, backward, together
        self.damping, self.shrink, self.neighbours = damping, shrink, neighbours

    def fit(self, data: Dataset) -> Self:
        """Count transitions in the log."""
        log = Sequences.of(data.events, len(data.catalogue))
        steps = log.by_step()
        steps.data[:] = np.sqrt(steps.data)
        counts = np.asarray(steps.multiply(steps).sum(axis=0), np.float32)
        together = np.maximum(np.diff(steps.indptr), 1).astype(np.float32)
        steps = sparse.csr_array(sparse.diags_array(together**-0.5) @ steps)
        near = sparse.csr_array(self.nearness(log.user_of_step()) @ steps)

        def reweigh(row: NDArray[np.int32], column: NDArray[np.int32], value: Floats) -> Floats:
            return (value / (np.sqrt(counts[row]) * counts[column] ** self.damping + self.shrink)).astype(np.float32)

        self.neighbours_ = Neighbours.of_product(steps, near, self.neighbours, reweigh)
        return self

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments."""
        names = ("window", "falloff", "backward", "together", "damping", "shrink", "neighbours")
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


class FirstOrder(Markov):
    """The first-order chain: what came right after the newest step, and little else. Beside the window it says where order matters most.

    Rendle, Freudenthaler and Schmidt-Thieme, "Factorizing personalized Markov chains" (2010), section 3.3 (their unfactorised chain, not
    personalised).
    """

    name = "markov_first"

    def __init__(self, decay: float = 0.2, **settings: float) -> None:
        super().__init__(**({"window": 1, "backward": 0.0, "together": 0.0} | settings), decay=decay)  # type: ignore[arg-type]
