"""What has just come in: items by the day they were created, else by their first event, so that new ones get seen at all."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset
from aisle.retrieval.base import Row
from aisle.retrieval.popularity import Counted

DAY = 86_400.0


class NewItems(Counted):
    """Freshness: halved for each ``half_life`` days of age, silent beyond ``oldest`` days, for items not yet there as of the request,
    and in a log without a clock. Items first seen in the log's first ``oldest`` days count as old: the log, not the item, began there.
    """

    name = "new"

    def __init__(self, half_life: float = 7.0, oldest: float = 30.0) -> None:
        super().__init__()
        self.half_life, self.oldest = half_life, oldest
        self.created_: NDArray[np.float64] = np.zeros(0)

    def fit(self, data: Dataset) -> Self:
        """Remember when each item came."""
        self.created_ = data.catalogue.number("created_at")
        return super().fit(data)

    def now(self, as_of: float) -> Row:
        """Freshness in [0, 1]."""
        counters = self.counters_
        if not counters.clock:
            return np.zeros(counters.items, np.float32)
        as_of = as_of if np.isfinite(as_of) else counters.end
        first = counters.first(np.arange(counters.items), as_of)
        first[first < counters.begin + self.oldest * DAY] = np.nan
        age = (as_of - np.where(np.isnan(self.created_), first, self.created_)) / DAY
        fresh = np.where((age >= 0) & (age <= self.oldest), 0.5 ** (np.clip(age, 0, self.oldest) / self.half_life), 0)
        return fresh.astype(np.float32)

    def settings(self) -> dict[str, float]:
        """The constructor's arguments."""
        return {"half_life": self.half_life, "oldest": self.oldest}

    def save(self, folder: Path) -> None:
        """Write what `Counted` writes and the days of creation."""
        super().save(folder)
        np.save(folder / "created.npy", self.created_)

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> Self:
        """Open what `save` wrote."""
        source = super().load(folder, catalogue)
        source.created_ = np.load(folder / "created.npy", allow_pickle=False)
        return source
