"""A shop whose titles are English, for all claims about which encoder it gets."""

from __future__ import annotations

from aisle.core.events import Dataset
from aisle.testing.toys import bilingual, catalogue


def english(count: int = 50) -> Dataset:
    return Dataset(catalogue({str(place): {"title": f"Red lamp {place}"} for place in range(count)}), bilingual().events)
