"""A task that an encoder learns beside "this query finds that item": the label of a text, from its vector alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]
COLUMNS = ("items", "queries", "held_items", "held_queries")


@dataclass(frozen=True)
class Lesson:
    """``items`` ``(n,)`` and ``queries`` ``(q,) int64``: the label from 0 on that each text teaches, -1 for none. ``held_items``,
    ``held_queries``: those of texts that teach nothing and measure. ``weight``: of its mean cross-entropy beside the contrastive loss."""

    name: str
    weight: float
    items: Labels
    queries: Labels
    held_items: Labels
    held_queries: Labels

    @property
    def labels(self) -> int:
        """How many different ones there are."""
        return 1 + max(int(getattr(self, column).max(initial=-1)) for column in COLUMNS)

    def arrays(self) -> dict[str, Labels]:
        """What `read` takes, under names of its own in a job's file."""
        return {f"lesson_{self.name}_{column}": getattr(self, column) for column in COLUMNS}

    @classmethod
    def read(cls, name: str, weight: float, arrays: Mapping[str, Labels]) -> Self:
        """Out of a job's file."""
        return cls(name, weight, *(arrays[f"lesson_{name}_{column}"] for column in COLUMNS))
