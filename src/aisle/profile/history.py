"""The events behind a bundle, by user: facts from which every profile is folded, opened by memory map."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from hashlib import blake2b
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.core.arrays import mapped
from aisle.core.catalogue import Catalogue
from aisle.core.events import Events
from aisle.core.strings import Strings
from aisle.profile.fold import FOLDED, Fact, Profile, Values

STAMPED = ("category", "brand")
"""Attributes that a fact carries along."""

COLUMNS = ("item", "time", "type", "quantity", "price", "session")


def user_key(user_id: str) -> int:
    """A 64-bit number that finds a user in a sorted array."""
    return int.from_bytes(blake2b(user_id.encode("utf-8", "replace"), digest_size=8).digest(), "big")


class History:
    """Events of ``catalogue``'s items by user, each user's in order of time.

    ``keys`` ``(users,) uint64`` sorted; user ``u`` owns ``offsets[u]:offsets[u + 1]`` of each column in ``columns``.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        users: Strings,
        keys: NDArray[np.uint64],
        offsets: NDArray[np.int64],
        columns: dict[str, NDArray[Any]],
        clock: bool,
    ) -> None:
        self.catalogue, self.users, self.keys, self.offsets, self.columns, self.clock = catalogue, users, keys, offsets, columns, clock

    @classmethod
    def of(cls, catalogue: Catalogue, events: Events) -> History:
        """Gather the events that profiles are made of, for items of this catalogue."""
        kept = events.where((events.item >= 0) & (events.user >= 0) & np.isin(events.type, FOLDED))
        numbers = np.unique(kept.user)
        keys = np.array([user_key(events.users[int(number)]) for number in numbers], np.uint64)
        by_key = np.argsort(keys, kind="stable")
        place = np.empty(len(events.users), np.int64)
        place[numbers[by_key]] = np.arange(len(numbers))
        order = np.argsort(place[kept.user], kind="stable")
        counts = np.bincount(place[kept.user], minlength=len(numbers))
        columns = {name: getattr(kept, name)[order] for name in COLUMNS}
        users = events.users.take(numbers[by_key])
        return cls(catalogue, users, keys[by_key], np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), columns, events.clock)

    @property
    def newest(self) -> float:
        """Time of the newest event, NaN without any or without a clock."""
        times = self.columns["time"]
        return float(times.max()) if len(times) and self.clock else float("nan")

    def find(self, user_id: str) -> int:
        """The user's number here, -1 for a stranger."""
        key = np.uint64(user_key(user_id))
        place = int(np.searchsorted(self.keys, key))
        while place < len(self.keys) and self.keys[place] == key:
            if self.users[place] == user_id:
                return place
            place += 1
        return -1

    def facts_of(self, actor: str) -> Iterable[Fact]:
        """An actor's facts in order of time, none of a stranger."""
        number = self.find(actor)
        return self.facts(number) if number >= 0 else ()

    def begun(self, actor: str, until: float) -> tuple[Profile, Iterable[Fact]]:
        """A profile to fold on, and the actor's facts that are not in it; whatever is in it is no later than ``until``."""
        return Profile(clock=self.clock), self.facts_of(actor)

    def facts(self, user: int) -> Iterator[Fact]:
        """A user's facts in order of time."""
        span = slice(int(self.offsets[user]), int(self.offsets[user + 1]))
        rows, times, types, quantities, prices, _ = (self.columns[name][span].tolist() for name in COLUMNS)
        ids, stamps, usual = self.catalogue.ids, self._stamps, self.catalogue.number("price")
        for row, time, kind, quantity, price in zip(rows, times, types, quantities, prices, strict=True):
            yield Fact(ids[row], time, kind, quantity, float(usual[row]) if isnan(price) else price, stamps[row])

    @cached_property
    def _stamps(self) -> list[Values]:
        """Each item's stamped attributes; items with the same ones share them."""
        held = [(name, self.catalogue.labels(name)) for name in STAMPED if name in self.catalogue.texts]
        names = [(attribute, labels, labels.offsets.tolist(), labels.codes.tolist()) for attribute, labels in held]
        shared: dict[Values, Values] = {}
        stamps = (
            tuple(
                (attribute, tuple(labels.names[code] for code in codes[edges[row] : edges[row + 1]]))
                for attribute, labels, edges, codes in names
            )
            for row in range(len(self.catalogue))
        )
        return [shared.setdefault(stamp, stamp) for stamp in stamps]

    def save(self, folder: Path) -> None:
        """Write the columns as npy."""
        folder.mkdir(parents=True, exist_ok=True)
        self.users.save(folder, "users")
        np.save(folder / "keys.npy", self.keys)
        np.save(folder / "offsets.npy", self.offsets)
        np.save(folder / "clock.npy", np.array(self.clock))
        for name, values in self.columns.items():
            np.save(folder / f"{name}.npy", values)

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> History:
        """Open what `save` wrote."""
        columns = {name: mapped(folder / f"{name}.npy") for name in COLUMNS}
        keys, offsets, clock = (mapped(folder / f"{name}.npy") for name in ("keys", "offsets", "clock"))
        return cls(catalogue, Strings.load(folder, "users"), keys, offsets, columns, bool(clock))
