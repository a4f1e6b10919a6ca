"""The event log as each user's ordered steps of interest: the form in which the sources of retrieval learn from it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from aisle.core.events import Events
from aisle.schema import EVENT_CODE, EVENT_TYPES

INTEREST = {"click": 0.3, "favourite": 0.6, "cart": 0.8, "purchase": 1.0, "rating": 1.0}
"""How much an event of each type says that the item was of interest; types that are not named say nothing."""

TYPE_WEIGHT = np.zeros(256, np.float32)
TYPE_WEIGHT[[EVENT_CODE[name] for name in INTEREST]] = list(INTEREST.values())

MOST_EVENTS = 1_000
"""Newest events a user that are learned from: beyond it stand robots and resellers, whose pairs grow with the square."""

HALVES = 5.0
"""How many times an event's weight halves over the log: tastes and seasons pass, in a shop of one year and in one of ten."""


@dataclass(frozen=True)
class Sequences:
    """``n`` events of interest, ordered by user and inside a user by time.

    ``user``, ``item`` ``(n,) int32``; ``time`` ``(n,) float64``; ``weight`` ``(n,) float32`` (`INTEREST`, faded where there is a clock);
    ``session`` ``(n,) int32`` as the log has it, -1 for none; ``step`` ``(n,) int64``, numbered through the whole log: events of one user
    at the same time are one step (a basket has no order inside), in a log without a clock each event is a step of its own. Runs of one
    item (opened, put in the cart, bought) count once, with their largest weight.
    """

    user: NDArray[np.int32]
    item: NDArray[np.int32]
    time: NDArray[np.float64]
    weight: NDArray[np.float32]
    session: NDArray[np.int32]
    step: NDArray[np.int64]
    items: int

    def __len__(self) -> int:
        return len(self.item)

    @classmethod
    def of(cls, events: Events, items: int, most: int = MOST_EVENTS) -> Sequences:
        """Read the log of a shop with ``items`` items."""
        kept = np.flatnonzero((events.item >= 0) & (TYPE_WEIGHT[events.type] > 0) & (events.user >= 0))
        order = kept[np.lexsort((events.time[kept], events.user[kept]))]
        user, item, time = events.user[order], events.item[order], events.time[order]
        same_user = np.r_[False, user[1:] == user[:-1]]
        same_step = same_user & np.r_[False, time[1:] == time[:-1]] & events.clock
        weight, session = TYPE_WEIGHT[events.type[order]], events.session[order]
        whole = cls(user, item, time, weight, session, np.cumsum(~same_step) - 1, items)
        return whole._newest(most)._once()._faded() if events.clock else whole._newest(most)._once()

    def where(self, mask: NDArray[np.bool_]) -> Sequences:
        """The events that ``mask`` ``(n,) bool`` keeps; steps and users keep their numbers."""
        columns = {name: getattr(self, name)[mask] for name in ("user", "item", "time", "weight", "session", "step")}
        return replace(self, **columns)

    def _newest(self, most: int) -> Sequences:
        counts = np.bincount(self.user, minlength=1)
        ends = np.cumsum(counts)[self.user]
        return self.where(ends - np.arange(len(self)) <= most)

    def _once(self) -> Sequences:
        first = np.r_[True, (self.user[1:] != self.user[:-1]) | (self.item[1:] != self.item[:-1])][: len(self)]
        weight = np.maximum.reduceat(self.weight, np.flatnonzero(first)) if len(self) else self.weight
        return replace(self.where(first), weight=weight)

    def _faded(self) -> Sequences:
        """Weights as of the newest event; the span leaves out the oldest twentieth, since one stray old date would stretch it."""
        if not len(self):
            return self
        start, end = np.quantile(self.time, [0.05, 1.0])
        age = (end - self.time) / max(end - start, 1.0)
        return replace(self, weight=(self.weight * 0.5 ** (HALVES * age)).astype(np.float32))

    def by_user(self) -> sparse.csr_array:
        """``(users, items) float32``: the largest weight of each pair."""
        return self._matrix(self.user)

    def by_step(self) -> sparse.csr_array:
        """``(steps, items) float32``: the largest weight of each pair."""
        return self._matrix(self.step)

    def by_session(self) -> sparse.csr_array:
        """``(sessions, items) float32``: the largest weight of each pair; events without a session are left out."""
        known = self.where(self.session >= 0)
        return known._matrix(known.session)

    def _matrix(self, row: NDArray[np.integer]) -> sparse.csr_array:
        keys, place = np.unique(row.astype(np.int64) * self.items + self.item, return_inverse=True)
        weight = np.zeros(len(keys), np.float32)
        np.maximum.at(weight, place, self.weight)
        shape = (int(row.max(initial=-1)) + 1, self.items)
        return sparse.csr_array((weight, (keys // self.items, keys % self.items)), shape=shape)

    def user_of_step(self) -> NDArray[np.int32]:
        """``(steps,) int32``: whose step it is, -1 for a number that no event has."""
        owner = np.full(int(self.step.max(initial=-1)) + 1, -1, np.int32)
        owner[self.step] = self.user
        return owner


def kinds() -> tuple[str, ...]:
    """Names of the event types that count as interest, in the order of their codes."""
    return tuple(name for name in EVENT_TYPES if name in INTEREST)
