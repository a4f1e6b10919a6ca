"""What is wanted more now than it used to be: the last days against the weeks before."""

from __future__ import annotations

import numpy as np

from aisle.core.stage import Scores
from aisle.retrieval.popularity import Counted


class Trending(Counted):
    """Recent interest against what the item's longer past leads to expect, in standard deviations of a count: ``(r - e) / sqrt(e + 1)``.

    ``r`` counts the last ``recent`` days, ``e`` is the rate of the ``past`` days before them over as many days. Items above expectation
    are proposed. Silent in a log without a clock.
    """

    name = "trending"

    def __init__(self, recent: int = 7, past: int = 56) -> None:
        super().__init__()
        self.recent, self.past = recent, past

    def now(self, as_of: float) -> Scores:
        """Standard deviations above expectation."""
        every = np.arange(self.counters_.items)
        if not self.counters_.clock:
            return np.zeros(len(every), np.float32)
        recent = self.counters_.windowed(every, as_of, 24 * self.recent)
        past = self.counters_.windowed(every, as_of, 24 * (self.recent + self.past)) - recent
        expected = past * self.recent / self.past
        return np.maximum((recent - expected) / np.sqrt(expected + 1), 0).astype(np.float32)

    def settings(self) -> dict[str, float]:
        """The constructor's arguments."""
        return {"recent": self.recent, "past": self.past}
