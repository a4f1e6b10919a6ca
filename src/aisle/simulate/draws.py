"""Weighted draws from many groups at once: the one trick that lets thousands of pages be filled without a loop."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int32]


class Groups:
    """Members ordered by group. `weigh` sets their weights (they change by the day), `draw` picks members of given groups."""

    def __init__(self, group: Ints, groups: int) -> None:
        """``group`` ``(n,)``: the group of each member, below ``groups``."""
        self.member = np.argsort(group, kind="stable").astype(np.int32)
        self.edge = np.searchsorted(group[self.member], np.arange(groups + 1))
        self.total = np.zeros(len(group) + 1)

    def weigh(self, weight: NDArray[np.floating]) -> None:
        """``weight`` ``(n,)`` in the order of the members' numbers; 0 is never drawn."""
        np.cumsum(weight[self.member], out=self.total[1:])

    def draw(self, group: Ints, rng: np.random.Generator) -> Ints:
        """One member for each entry of ``group`` (any shape), -1 where the group is negative or has no weight."""
        known = np.maximum(group, 0)
        low, high = self.total[self.edge[known]], self.total[self.edge[known + 1]]
        at = np.searchsorted(self.total, low + rng.random(group.shape) * (high - low), side="right") - 1
        at = np.clip(at, self.edge[known], np.maximum(self.edge[known + 1] - 1, 0))
        return np.where((group >= 0) & (high > low), self.member[np.minimum(at, len(self.member) - 1)], -1).astype(np.int32)


def pick(logits: NDArray[np.floating], rng: np.random.Generator) -> NDArray[np.int64]:
    """``(m,)``: one column of each row of ``logits`` ``(m, c)``, by softmax."""
    chosen: NDArray[np.int64] = np.argmax(logits + rng.gumbel(size=logits.shape), 1)
    return chosen
