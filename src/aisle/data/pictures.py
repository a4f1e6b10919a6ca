"""The numbers behind the pictures of the quality report: volume over time, the long tail of items and actors, missing cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from aisle.core.events import Dataset, Events

DAY = 86_400.0
STEPS = ((DAY, "day"), (7 * DAY, "week"), (30 * DAY, "30 days"), (365 * DAY, "year"))
MOST_BARS, MOST_POINTS = 70, 60


@dataclass(frozen=True)
class Picture:
    """Bars (``values`` by ``labels``) or, for ``kind`` "line", points ``(x, y)`` with both axes logarithmic."""

    title: str
    says: str
    kind: str
    values: tuple[float, ...]
    labels: tuple[str, ...] = ()
    xs: tuple[float, ...] = ()


def pictures(data: Dataset, missing: Mapping[str, Mapping[str, float]]) -> list[Picture]:
    """All pictures that the data has something for."""
    events = data.events
    found = [_volume(events)] if len(events) else []
    if len(events):
        found.append(_tail("Items by events", "item", events.item[events.item >= 0]))
        found.append(_tail("Actors by events", "actor", events.user[events.user >= 0]))
    for table, cells in missing.items():
        says = "Share of cells without a value, as read."
        found.append(Picture(f"Missing cells: {table}", says, "share", tuple(cells.values()), tuple(cells)))
    return [picture for picture in found if picture.values]


def _volume(events: Events) -> Picture:
    low, high = float(events.time[0]), float(events.time[-1])
    if not events.clock:
        counts, edges = np.histogram(events.time, min(MOST_BARS, max(1, int(high - low) + 1)))
        labels = tuple(f"{edge:.0f}" for edge in edges[:-1])
        return Picture("Events by place in the user's order", "The log has no clock.", "bars", _tuple(counts), labels)
    step, word = next((step for step in STEPS if (high - low) / step[0] < MOST_BARS), ((high - low) / MOST_BARS, "bar"))
    first = low // step
    counts = np.bincount((events.time // step - first).astype(np.int64))
    labels = tuple(datetime.fromtimestamp((first + place) * step, UTC).date().isoformat() for place in range(len(counts)))
    return Picture("Events over time", f"One bar a {word}.", "bars", _tuple(counts), labels)


def _tail(title: str, word: str, owners: NDArray[np.int32]) -> Picture:
    counts = np.sort(np.bincount(owners))[::-1] if len(owners) else np.zeros(0, np.int64)
    counts = counts[counts > 0]
    if not len(counts):
        return Picture(title, "", "line", ())
    spots = np.unique(np.geomspace(1, len(counts), MOST_POINTS).astype(np.int64))
    head = float(counts[: max(1, len(counts) // 10)].sum() / counts.sum())
    says = f"The busiest tenth of {len(counts):,} has {head:.0%} of the events. Both axes are logarithmic; at the left the busiest {word}."
    return Picture(title, says, "line", _tuple(counts[spots - 1]), xs=_tuple(spots))


def _tuple(values: NDArray[np.integer]) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
