"""Impressions read back from the log: what was shown together, at which rank, and whether it was clicked."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from aisle.core.events import Dataset, Events
from aisle.core.request import Request
from aisle.evaluation.lists import Truth
from aisle.evaluation.replay import Replay
from aisle.ranking.ctr.labels import followed
from aisle.schema import EVENT_CODE

SHOWN = EVENT_CODE["impression"]
TAKEN = tuple(EVENT_CODE[name] for name in ("click", "cart", "purchase", "favourite"))


@dataclass(frozen=True)
class Shown:
    """A replay of shown pages (each a `rank` request over what was shown), and the ``rank`` ``(m,) float64`` of each item of its truth.

    The truth grades a clicked item 1 and any other 0. ``propensity`` ``(m,) float64``: the probability of that rank where the log says it.
    """

    replay: Replay
    rank: NDArray[np.float64]
    propensity: NDArray[np.float64]


def shown_pages(data: Dataset, inside: NDArray[np.bool_], searching: bool) -> Shown:
    """The pages shown in a window: impressions of one actor, session, query and moment. Items unknown to the catalogue are left out."""
    events = data.events
    rows = np.flatnonzero(inside & (events.type == SHOWN) & (events.item >= 0) & (events.user >= 0) & ((events.query >= 0) == searching))
    keys = np.stack([events.user[rows], events.session[rows], events.query[rows], events.time[rows]], axis=1)
    _, first, page = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    page = page.ravel()
    order = np.lexsort((rows, page))
    rows, page = rows[order], page[order]
    clicked = was_clicked(events, rows)
    starts = np.searchsorted(page, np.arange(len(first)))
    ids = data.catalogue.ids
    requests = [
        Request(
            f"page-{number}",
            "rank",
            user_id=events.users[int(events.user[rows[start]])],
            query=events.queries[int(events.query[rows[start]])] if searching else None,
            items=tuple(ids[int(item)] for item in events.item[rows[start:stop]]),
            as_of=float(np.nextafter(events.time[rows[start]], -np.inf)),
            limit=500,
        )
        for number, (start, stop) in enumerate(pairwise([*starts.tolist(), len(rows)]))
    ]
    truth = Truth.of(len(first), page, events.item[rows], clicked.astype(float))
    users = events.user[rows[starts]].astype(np.int32) if len(starts) else np.zeros(0, np.int32)
    first_shown = rows[_first(truth, page, events.item[rows], events.rank[rows])]
    said = np.full(len(first_shown), np.nan) if events.propensity is None else events.propensity[first_shown].astype(float)
    return Shown(Replay("clicks", requests, truth, users), events.rank[first_shown].astype(float), said)


def was_clicked(events: Events, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """``(rows,) bool``: taken within `labels.PATIENCE` seconds by the same actor, and not shown again by then (`labels.followed`)."""
    return followed(events, rows, TAKEN)


def _first(truth: Truth, page: NDArray[np.int64], item: NDArray[np.int32], rank: NDArray[np.float32]) -> NDArray[np.int64]:
    """The place of each row of the truth among what was shown; of an item shown twice on a page, where it stood first."""
    span = int(item.max(initial=0)) + 1
    keys = page.astype(np.int64) * span + item
    order = np.lexsort((rank, keys))
    place = np.searchsorted(keys[order], truth.request * span + truth.item)
    return order[place] if len(keys) else np.zeros(0, np.int64)
