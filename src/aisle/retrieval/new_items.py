"""What has just come in: items by the day they were created, else by their first event, so that new ones get seen at all."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset
from aisle.core.stage import Scores
from aisle.retrieval.overlay import Step
from aisle.retrieval.popularity import Counted, sized

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
        self._begun: tuple[int, NDArray[np.float64]] | None = None

    def fit(self, data: Dataset) -> Self:
        """Remember when each item came."""
        self.created_, self._begun = data.catalogue.number("created_at"), None
        return super().fit(data)

    def over(self, step: Step) -> Self:
        """As of the request that comes next, so that an item shows in the hour in which it came."""
        later = super().over(step)
        later.created_, later._row = step.catalogue.number("created_at"), None
        later._begun = None if step.counted is not None else self._begun
        return later

    def now(self, as_of: float) -> Scores:
        """Freshness in [0, 1]."""
        counters = self.counters_
        if not counters.clock:
            return np.zeros(self.items_, np.float32)
        as_of = as_of if np.isfinite(as_of) else counters.end
        first = sized(self._first(as_of), self.items_, np.nan)
        age = (as_of - np.where(np.isnan(self.created_), first, self.created_)) / DAY
        fresh = np.where((age >= 0) & (age <= self.oldest), 0.5 ** (np.clip(age, 0, self.oldest) / self.half_life), 0)
        return fresh.astype(np.float32)

    def _first(self, as_of: float) -> NDArray[np.float64]:
        """Hours of the items' first events, NaN in the log's first days; read once an hour."""
        hour = int(self.counters_.hour(np.array([as_of]))[0])
        begun = self._begun
        if begun is None or begun[0] != hour:
            first = self.counters_.first(np.arange(self.counters_.items), as_of)
            first[first < self.counters_.begin + self.oldest * DAY] = np.nan
            begun = self._begun = (hour, first)
        return begun[1]

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
