"""What followed an impression: the label of a click-through model, for any types of event."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aisle.core.events import Events

PATIENCE = 1_800.0
"""Seconds after an impression within which an event counts as its own."""


def followed(events: Events, rows: NDArray[np.int64], types: Sequence[int], patience: float = PATIENCE) -> NDArray[np.bool_]:
    """``(rows,) bool``: within ``patience`` seconds after the event at the row, the same actor did one of ``types`` with the same item."""
    span = int(events.item.max(initial=0)) + 1
    taken = np.flatnonzero(np.isin(events.type, types) & (events.item >= 0) & (events.user >= 0))
    pair = events.user.astype(np.int64) * span + events.item
    order = np.lexsort((events.time[taken], pair[taken]))
    keys, times = pair[taken][order], events.time[taken][order]
    if not len(keys):
        return np.zeros(len(rows), bool)
    both = np.rec.fromarrays([keys, times])
    place = np.searchsorted(both, np.rec.fromarrays([pair[rows], events.time[rows]]))
    near = np.minimum(place, len(keys) - 1)
    return (place < len(keys)) & (keys[near] == pair[rows]) & (times[near] - events.time[rows] <= patience)
