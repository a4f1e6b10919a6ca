"""What is known of the users of a block, as arrays over catalogue rows: the form in which sources and features read profiles."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from aisle.schema import EVENT_CODE

Rows = NDArray[np.int32]
Floats = NDArray[np.float64]

LIKED = tuple(EVENT_CODE[name] for name in ("click", "favourite", "cart", "purchase", "rating"))
"""Event types that say that an item was of interest."""


@dataclass(frozen=True)
class Slices:
    """Numbers per request: request ``r`` owns ``offsets[r]:offsets[r + 1]`` of ``item`` and of each value column (all ``(m,)``)."""

    offsets: NDArray[np.int64]
    item: Rows
    values: dict[str, Floats]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def request(self) -> NDArray[np.int64]:
        """``(m,) int64``: the request each row belongs to."""
        if len(self) == 1:
            return np.zeros(len(self.item), np.int64)
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    def of(self, request: int) -> slice:
        """The rows of one request."""
        return slice(int(self.offsets[request]), int(self.offsets[request + 1]))

    def where(self, mask: NDArray[np.bool_]) -> Slices:
        """Only the rows that ``mask`` keeps."""
        offsets = np.zeros_like(self.offsets)
        np.cumsum(np.bincount(self.request[mask], minlength=len(self)), out=offsets[1:])
        return Slices(offsets, self.item[mask], {name: column[mask] for name, column in self.values.items()})

    @classmethod
    def none(cls, requests: int, *names: str) -> Slices:
        """No rows for any of ``requests`` requests."""
        return cls(np.zeros(requests + 1, np.int64), np.zeros(0, np.int32), {name: np.zeros(0) for name in names})


@dataclass(frozen=True)
class Profiles:
    """The profiles of a block's ``n`` requests, each as of its request's time.

    - ``recent``: the last events on items of this catalogue, oldest first, at most 200 a request; values ``age`` (seconds before
      as-of; steps where the log has no clock: 0 is the newest), ``type`` (`schema.EVENT_CODE`).
    - ``owned``: each item ever bought once; values ``count`` (purchases less returns), ``days`` (distinct days), ``age`` (of the last one),
      ``span`` (between the first and last one).
    - ``dismissed``: items the user does not want to see.
    - ``tastes``: attribute (category, brand) to slices whose ``item`` is a code of ``catalogue.labels(attribute)``, value ``weight``
      (decayed share, sums to 1 over all the user's values of it).
    - ``price``: ``(n, 2)``: mean and spread of the log price of what the user took interest in, NaN when unknown.
    - ``events``: ``(n,)``: number of events ever, 0 for a stranger; ``idle``: ``(n,)`` age of the newest event, NaN for a stranger.
    """

    recent: Slices
    owned: Slices
    dismissed: Slices
    tastes: dict[str, Slices]
    price: Floats
    events: Floats
    idle: Floats
    clock: bool = True

    @classmethod
    def strangers(cls, requests: int) -> Profiles:
        """Profiles of users of whom nothing is known."""
        recent, owned = Slices.none(requests, "age", "type"), Slices.none(requests, "count", "days", "age", "span")
        nothing = np.full(requests, np.nan)
        return cls(recent, owned, Slices.none(requests), {}, np.full((requests, 2), np.nan), np.zeros(requests), nothing)
