"""What is known of an item as of a request: how often it is taken, lately and ever, and how new it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from aisle.core.candidates import Candidates
from aisle.core.catalogue import Catalogue
from aisle.core.stage import Block
from aisle.retrieval.counters import Counters

DAY = 86_400.0


@dataclass(frozen=True)
class ItemFacts:
    """Popularity against the catalogue's mean, its trend, days since the last event and since launch; all as of the request.

    Events after the request's hour change nothing, so the counters of the whole log serve every window. In a log without a clock the
    counters must come from the events that may be known.
    """

    catalogue: Catalogue
    counters: Counters
    _hour: dict[int, tuple[list[str], NDArray[np.float64]]] = field(default_factory=dict, repr=False, compare=False)

    def __call__(self, block: Block, candidates: Candidates) -> Mapping[str, NDArray[np.floating]]:
        if self.counters.clock and len(block) == 1:
            return self._one(candidates.item, float(block.as_of[0]))
        return self._many(candidates.item, block.as_of[candidates.request])

    def _one(self, items: NDArray[np.int32], as_of: float) -> Mapping[str, NDArray[np.floating]]:
        """One request: what holds for the hour is worked out once for all items, and an item's facts lie side by side: a page reads some
        hundred items from anywhere in the shop, each from one place."""
        hour = int(self.counters.hour(np.array([as_of]))[0])
        held = self._hour.get(hour)
        if held is None:
            every = np.arange(len(self.catalogue), dtype=np.int32)
            known = self._counted(every, np.full(len(every), as_of))
            known |= {"last": self.counters.last(every, as_of), "first": self.counters.first(every, as_of)}
            self._hour.clear()
            self._hour[hour] = held = list(known), np.stack([*known.values()], axis=1)
        names, facts = held
        columns = dict(zip(names, facts.take(items, axis=0).T, strict=True))
        return columns | self._days(columns.pop("last"), columns.pop("first"), as_of) | self._age(items, as_of)

    def _many(self, items: NDArray[np.int32], as_of: NDArray[np.float64]) -> Mapping[str, NDArray[np.floating]]:
        columns = self._counted(items, as_of)
        if self.counters.clock:
            columns |= self._days(self.counters.last(items, as_of), self.counters.first(items, as_of), as_of)
        return columns | self._age(items, as_of)

    def _counted(self, items: NDArray[np.int32], as_of: NDArray[np.float64]) -> dict[str, NDArray[np.floating]]:
        ever = self.counters.count(items, as_of)
        columns = {"popularity_ever": np.log((ever + 0.1) / (self.counters.usual + 0.1))}
        if self.counters.clock:
            month, week = (self.counters.decayed(items, as_of, half_life) for half_life in (30.0, 7.0))
            columns |= {
                "popularity_month": np.log1p(month),
                "popularity_week": np.log1p(week),
                "trend": np.log((week + 0.5) / (month + 0.5)),
            }
        return columns

    def _days(
        self, last: NDArray[np.floating], first: NDArray[np.floating], as_of: float | NDArray[np.float64]
    ) -> dict[str, NDArray[np.floating]]:
        return {"days_idle": np.log1p((as_of - last) / DAY), "days_known": np.log1p((as_of - first) / DAY)}

    def _age(self, items: NDArray[np.int32], as_of: float | NDArray[np.float64]) -> dict[str, NDArray[np.floating]]:
        if "created_at" not in self.catalogue.numbers:
            return {}
        return {"days_old": np.log1p(np.maximum((as_of - self.catalogue.number("created_at")[items]) / DAY, 0))}
