"""What followed an impression: the label of a click-through model, for any types of event."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aisle.core.events import Events
from aisle.schema import EVENT_CODE

SHOWN = EVENT_CODE["impression"]
PATIENCE = 1_800.0
"""Seconds after an impression within which an event counts as its own."""


def followed(events: Events, rows: NDArray[np.int64], types: Sequence[int], patience: float = PATIENCE) -> NDArray[np.bool_]:
    """``(rows,) bool``: within ``patience`` seconds after the impression at the row, the same actor did one of ``types`` with the item, and
    had not been shown it again by then: what was done is that of the last page before it."""
    taken = _next(events, np.isin(events.type, types), rows, strictly=False)
    shown = _next(events, events.type == SHOWN, rows, strictly=True)
    return np.asarray((taken - events.time[rows] <= patience) & ~(shown <= taken))


def _next(events: Events, kind: NDArray[np.bool_], rows: NDArray[np.int64], strictly: bool) -> NDArray[np.float64]:
    """``(rows,) float64``: when an event of this kind next joins the actor and the item of each row, inf where none does."""
    span = int(events.item.max(initial=0)) + 1
    later = np.flatnonzero(kind & (events.item >= 0) & (events.user >= 0))
    pair = events.user.astype(np.int64) * span + events.item
    order = np.lexsort((events.time[later], pair[later]))
    keys, times = pair[later][order], events.time[later][order]
    if not len(keys):
        return np.full(len(rows), np.inf)
    wanted = np.rec.fromarrays([pair[rows], events.time[rows]])
    place = np.searchsorted(np.rec.fromarrays([keys, times]), wanted, side="right" if strictly else "left")
    near = np.minimum(place, len(keys) - 1)
    return np.where((place < len(keys)) & (keys[near] == pair[rows]), times[near], np.inf)
