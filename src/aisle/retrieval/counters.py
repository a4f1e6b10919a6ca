"""How often each item was clicked, bought, shown as of any hour: one lookup for features and sources, the same online and in replay."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from aisle.core.arrays import mapped
from aisle.core.events import Events
from aisle.retrieval.sequences import TYPE_WEIGHT
from aisle.schema import EVENT_CODE, EVENT_TYPES

Rows = NDArray[np.integer]
Floats = NDArray[np.float64]
Times = float | Floats

HOUR = 3_600.0
HALF_LIVES = (7.0, 30.0)
"""Days after which an event weighs half, of the decayed counts that are kept."""


@dataclass(frozen=True)
class Buckets:
    """Hours in which something happened to an item, sorted by item and hour: ``key`` ``(m,) int64`` is ``item * span + hour``.

    ``total`` ``(m + 1,) float64`` sums the counts before each bucket; ``decayed`` maps days of half-life to ``(m,) float64``, the decayed
    count of the item at the start of its bucket's hour, that bucket included.
    """

    key: NDArray[np.int64]
    total: Floats
    decayed: dict[float, Floats]


class Counters:
    """Counts of one log. An event counts from the next full hour on: a lookup at ``as_of`` reads the hours that had ended by then.

    Later events therefore change nothing. Without a clock there is no as-of: every lookup reads the whole log, and what needs a time
    is NaN. ``as_of`` is a number or one per item; NaN stands for after everything.
    """

    def __init__(self, items: int, start: float, span: int, clock: bool, buckets: dict[str, Buckets]) -> None:
        self.items, self.start, self.span, self.clock, self.buckets = items, start, span, clock, buckets

    @classmethod
    def of(cls, events: Events, items: int) -> Self:
        """Count the log of a shop with ``items`` items, each type apart and all interest together, weighed by `INTEREST`."""
        return cls.counted(events.item, events.time, events.type, events.clock, items)

    @classmethod
    def counted(cls, item: Rows, time: Floats, kind: NDArray[np.uint8], clock: bool, items: int) -> Self:
        """The same from ``(n,)`` rows (-1: unknown), times and types of events in any order."""
        known = item >= 0
        item, time, kind = item[known].astype(np.int64), time[known], kind[known]
        start = float(np.floor(time.min() / HOUR)) if len(time) and clock else 0.0
        hour = (time // HOUR - start).astype(np.int64) if clock else np.zeros(len(time), np.int64)
        span = int(hour.max(initial=0)) + 2
        key = item * span + hour
        buckets = {name: _bucket(key[kind == EVENT_CODE[name]], None, span, ()) for name in EVENT_TYPES}
        liked = TYPE_WEIGHT[kind] > 0
        buckets["interest"] = _bucket(key[liked], TYPE_WEIGHT[kind][liked], span, HALF_LIVES)
        return cls(items, start, span, clock, {name: found for name, found in buckets.items() if len(found.key)})

    def count(self, items: Rows, as_of: Times, kind: str = "interest") -> Floats:
        """``(n,) float64``: events of ``kind`` (an event type, or ``interest``: all that say so, weighed) before ``as_of``'s hour."""
        if kind not in self.buckets:
            return np.zeros(len(items))
        found = self.buckets[kind]
        first, end = self._between(found, items, np.zeros(len(items), np.int64), self._hour(items, as_of))
        return found.total[end] - found.total[first]

    def windowed(self, items: Rows, as_of: Times, hours: int, kind: str = "interest") -> Floats:
        """``(n,) float64``: the same in the last ``hours`` full hours only; NaN without a clock."""
        if not self.clock:
            return np.full(len(items), np.nan)
        if kind not in self.buckets:
            return np.zeros(len(items))
        found, hour = self.buckets[kind], self._hour(items, as_of)
        first, end = self._between(found, items, np.maximum(hour - hours, 0), hour)
        return found.total[end] - found.total[first]

    def decayed(self, items: Rows, as_of: Times, half_life: float = 30.0) -> Floats:
        """``(n,) float64``: interest before ``as_of``'s hour, halved for each ``half_life`` days (one of `HALF_LIVES`).

        Plain counts without a clock.
        """
        if not self.clock:
            return self.count(items, as_of)
        if "interest" not in self.buckets:
            return np.zeros(len(items))
        found = self.buckets["interest"]
        last, hour = self._last(found, items, as_of)
        value = found.decayed[half_life][last] * 0.5 ** ((hour - found.key[last] % self.span) / (24 * half_life))
        return np.where(last >= 0, value, 0.0)

    def last(self, items: Rows, as_of: Times, kind: str = "interest") -> Floats:
        """``(n,) float64``: the hour (seconds) of the last event of ``kind`` before ``as_of``'s hour; NaN for none, or without a clock."""
        if not self.clock or kind not in self.buckets:
            return np.full(len(items), np.nan)
        found = self.buckets[kind]
        last, _ = self._last(found, items, as_of)
        return np.where(last >= 0, (self.start + found.key[last] % self.span) * HOUR, np.nan)

    def first(self, items: Rows, as_of: Times, kind: str = "interest") -> Floats:
        """``(n,) float64``: the same of the first event of ``kind``."""
        if not self.clock or kind not in self.buckets:
            return np.full(len(items), np.nan)
        found = self.buckets[kind]
        start, end = self._between(found, items, np.zeros(len(items), np.int64), self._hour(items, as_of))
        hour = found.key[np.minimum(start, len(found.key) - 1)] % self.span
        return np.where(end > start, (self.start + hour) * HOUR, np.nan)

    @property
    def begin(self) -> float:
        """Start of the first hour, in seconds; 0 without a clock."""
        return self.start * HOUR

    @property
    def end(self) -> float:
        """End of the last hour."""
        return (self.start + self.span - 1) * HOUR

    def hour(self, as_of: Floats) -> NDArray[np.int64]:
        """``(n,) int64``: numbers that are equal where every lookup is."""
        return self._hour(as_of, as_of)

    @cached_property
    def usual(self) -> float:
        """Interest per item over the whole log: only a scale, the same for all items and times of one bundle."""
        return float(self.count(np.arange(self.items), np.nan).mean()) if self.items else 1.0

    def plus(self, later: Counters) -> Counters:
        """These counts and those of the events since, ``later``, together; a former ``later`` is replaced."""
        return Added(self, later)

    def _hour(self, like: NDArray[np.generic], as_of: Times) -> NDArray[np.int64]:
        if not self.clock:
            return np.full(len(like), self.span, np.int64)
        hour = np.floor(np.asarray(as_of, float) / HOUR) - self.start
        whole = np.where(np.isnan(hour), self.span - 1, np.minimum(np.maximum(hour, 0), 1e9)).astype(np.int64)
        return whole if whole.ndim else np.broadcast_to(whole, (len(like),))

    def _between(
        self, found: Buckets, items: Rows, start: NDArray[np.int64], stop: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        base = items.astype(np.int64) * self.span
        first = np.searchsorted(found.key, base + np.minimum(start, self.span))
        return first, np.searchsorted(found.key, base + np.minimum(stop, self.span))

    def _last(self, found: Buckets, items: Rows, as_of: Times) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Each item's newest bucket before ``as_of``, -1 for none, and the hour of ``as_of``."""
        hour = self._hour(items, as_of)
        first, end = self._between(found, items, np.zeros(len(items), np.int64), hour)
        return np.where(end > first, end - 1, -1), hour

    def save(self, folder: Path) -> None:
        """Write ``counters.json`` and three arrays for each kind of event."""
        folder.mkdir(parents=True, exist_ok=True)
        about = {"items": self.items, "start": self.start, "span": self.span, "clock": self.clock, "kinds": list(self.buckets)}
        (folder / "counters.json").write_text(json.dumps(about), encoding="utf-8")
        for name, found in self.buckets.items():
            np.save(folder / f"{name}.key.npy", found.key)
            np.save(folder / f"{name}.total.npy", found.total)
        if "interest" in self.buckets:
            np.save(folder / "decayed.npy", np.stack([self.buckets["interest"].decayed[days] for days in HALF_LIVES]))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open what `save` wrote."""
        about = json.loads((folder / "counters.json").read_text(encoding="utf-8"))
        buckets = {}
        for name in about.pop("kinds"):
            key, total = (mapped(folder / f"{name}.{part}.npy") for part in ("key", "total"))
            decayed = dict(zip(HALF_LIVES, mapped(folder / "decayed.npy"), strict=True)) if name == "interest" else {}
            buckets[name] = Buckets(key, total, decayed)
        return cls(**about, buckets=buckets)


class Added(Counters):
    """The counts of two logs together. ``usual`` and the beginning are those of the first."""

    def __init__(self, base: Counters, later: Counters) -> None:
        super().__init__(max(base.items, later.items), base.start, base.span, base.clock, base.buckets)
        self.base, self.later = base, later

    @cached_property
    def usual(self) -> float:
        """The first log's, so that the scale stays what the ranker learned."""
        return self.base.usual

    def plus(self, later: Counters) -> Counters:
        """The first log with another second one."""
        return Added(self.base, later)

    @property
    def begin(self) -> float:
        """Start of the first hour of the first log that has any."""
        return self.base.begin if self.base.buckets else self.later.begin

    @property
    def end(self) -> float:
        """End of the last hour of both."""
        return max(self.base.end, self.later.end)

    def count(self, items: Rows, as_of: Times, kind: str = "interest") -> Floats:
        """As `Counters.count`, of both."""
        return self.base.count(items, as_of, kind) + self.later.count(items, as_of, kind)

    def windowed(self, items: Rows, as_of: Times, hours: int, kind: str = "interest") -> Floats:
        """As `Counters.windowed`, of both."""
        until = self._until(as_of)
        return self.base.windowed(items, until, hours, kind) + self.later.windowed(items, until, hours, kind)

    def decayed(self, items: Rows, as_of: Times, half_life: float = 30.0) -> Floats:
        """As `Counters.decayed`, of both: decay is linear, so sums decay as their parts do."""
        until = self._until(as_of)
        return self.base.decayed(items, until, half_life) + self.later.decayed(items, until, half_life)

    def last(self, items: Rows, as_of: Times, kind: str = "interest") -> Floats:
        """As `Counters.last`, the later of both."""
        return np.fmax(self.base.last(items, as_of, kind), self.later.last(items, as_of, kind))

    def first(self, items: Rows, as_of: Times, kind: str = "interest") -> Floats:
        """As `Counters.first`, the earlier of both."""
        return np.fmin(self.base.first(items, as_of, kind), self.later.first(items, as_of, kind))

    def hour(self, as_of: Floats) -> NDArray[np.int64]:
        """``(n,) int64``: numbers that are equal where every lookup is."""
        return self.base.hour(np.asarray(self._until(as_of), float))

    def _until(self, as_of: Times) -> Times:
        """After everything is one and the same time for both."""
        return np.where(np.isnan(as_of), self.end, as_of) if self.clock else as_of


def _bucket(key: NDArray[np.int64], weight: NDArray[np.float32] | None, span: int, half_lives: tuple[float, ...]) -> Buckets:
    hours, place = np.unique(key, return_inverse=True)
    count = np.bincount(place, weight, minlength=len(hours)).astype(float)
    decayed = {days: _decay(count, hours // span, hours % span, 24 * days) for days in half_lives}
    return Buckets(hours, np.r_[0.0, np.cumsum(count)], decayed)


def _decay(count: Floats, item: NDArray[np.int64], hour: NDArray[np.int64], half_life: float) -> Floats:
    """Running decayed sums inside each item, by doubling: after ``k`` rounds a bucket holds the last ``2 ** k`` ones."""
    total, shift = count.copy(), 1
    longest = int(np.bincount(item).max(initial=0)) if len(item) else 0
    while shift < longest:
        same = item[shift:] == item[:-shift]
        carried = total[:-shift] * 0.5 ** ((hour[shift:] - hour[:-shift]) / half_life)
        total[shift:] = total[shift:] + np.where(same, carried, 0.0)
        shift *= 2
    return total
