"""What is known of an item as of a request: how often it is taken, lately and ever, and how new it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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

    def __call__(self, block: Block, candidates: Candidates) -> Mapping[str, NDArray[np.floating]]:
        items, as_of = candidates.item, block.as_of[candidates.request]
        ever = self.counters.count(items, as_of)
        columns = {"popularity_ever": np.log((ever + 0.1) / (self.counters.usual + 0.1))}
        if self.counters.clock:
            month, week = (self.counters.decayed(items, as_of, half_life) for half_life in (30.0, 7.0))
            columns |= {
                "popularity_month": np.log1p(month),
                "popularity_week": np.log1p(week),
                "trend": np.log((week + 0.5) / (month + 0.5)),
                "days_idle": np.log1p((as_of - self.counters.last(items, as_of)) / DAY),
                "days_known": np.log1p((as_of - self.counters.first(items, as_of)) / DAY),
            }
        if "created_at" in self.catalogue.numbers:
            age = (as_of - self.catalogue.number("created_at")[items]) / DAY
            columns["days_old"] = np.log1p(np.maximum(age, 0))
        return columns
