"""Logs whose users' newest items are held out: what came before, as a data set to fit on and as requests to answer."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset, Events
from aisle.core.profiles import Profiles, Slices
from aisle.core.request import Request
from aisle.core.stage import Block
from aisle.core.strings import Strings
from aisle.schema import EVENT_CODE

PURCHASE = EVENT_CODE["purchase"]
Ints = NDArray[np.int32]


class LastOut:
    """``names`` of the users, and ``item`` ``(n,) int32`` rows of ``catalogue``: those of user 0, the oldest first, then those of user 1;
    ``lengths`` ``(users,)`` counts each one's. ``place`` ``(n,)`` is 0 for each user's last, 1 before it."""

    def __init__(self, names: Sequence[str], lengths: NDArray[np.int64], item: Ints, catalogue: Catalogue) -> None:
        self.names, self.item, self.catalogue = names, item, catalogue
        self.users, self.items = len(names), len(catalogue)
        self.user = np.repeat(np.arange(self.users, dtype=np.int32), lengths)
        ends = np.repeat(np.cumsum(lengths), lengths)
        self.place = ends - 1 - np.arange(len(item))
        self.order = np.arange(len(item)) - (ends - np.repeat(lengths, lengths))

    @classmethod
    def of(cls, sequences: Sequence[tuple[str, Sequence[str]]], titles: dict[str, str], seed: int = 11) -> LastOut:
        """From users with their items' ids, oldest first. Items are numbered at random, so that no model learns from a number."""
        ids = np.random.default_rng(seed).permutation(sorted({item for _, items in sequences for item in items}))
        number = {item: row for row, item in enumerate(ids)}
        item = np.array([number[one] for _, items in sequences for one in items], np.int32)
        catalogue = Catalogue(Strings.of(ids), {"title": Strings.of(titles.get(one, "") for one in ids)}, {})
        return cls([user for user, _ in sequences], np.array([len(items) for _, items in sequences]), item, catalogue)

    @property
    def split(self) -> str:
        """What is held out, as a hash: the first 12 hexadecimal digits of the SHA-256 of the sorted lines ``user TAB last item``."""
        last = self.target(1)
        lines = sorted(f"{user}\t{self.catalogue.ids[int(row)]}\n" for user, row in zip(self.names, last, strict=True) if row >= 0)
        return sha256("".join(lines).encode()).hexdigest()[:12]

    def before(self, cut: int) -> Dataset:
        """All but each user's last ``cut`` items."""
        kept = self.place >= cut
        n = int(kept.sum())
        nothing, none = np.full(n, np.nan, np.float32), np.full(n, -1, np.int32)
        events = Events(
            Strings.of([f"u{user}" for user in range(self.users)]), Strings.of([]), self.user[kept], self.item[kept],
            self.order[kept].astype(float), np.full(n, PURCHASE, np.uint8), none, none, nothing, nothing, nothing, nothing, clock=False,
        )  # fmt: skip
        by_time = np.argsort(events.time, kind="stable")
        return Dataset(self.catalogue, events.where(by_time))

    def target(self, cut: int) -> Ints:
        """``(users,) int32``: the item that comes after `before` ``(cut)``, -1 for none."""
        found = np.full(self.users, -1, np.int32)
        last = self.place == cut - 1
        found[self.user[last]] = self.item[last]
        return found

    def block(self, users: NDArray[np.int64], cut: int) -> Block:
        """One home request a user, who has all but the last ``cut`` items."""
        return self.asked(users, self.rows(users, cut))

    def asked(self, users: NDArray[np.int64], lists: Sequence[NDArray[np.int64]]) -> Block:
        """One home request a user, who has these rows of the log, the newest last, and no other."""
        offsets = np.r_[0, np.cumsum([len(rows) for rows in lists])].astype(np.int64)
        rows = np.concatenate(lists).astype(np.int64)
        age = np.concatenate([np.arange(len(one))[::-1] for one in lists]).astype(float)
        recent = Slices(offsets, self.item[rows], {"age": age, "type": np.full(len(rows), float(PURCHASE))})
        n = len(users)
        stranger = Profiles.strangers(n)
        counts = np.diff(offsets).astype(float)
        profiles = Profiles(recent, stranger.owned, stranger.dismissed, {}, stranger.price, counts, stranger.idle, clock=False)
        requests = [Request(f"r{user}", "home", f"u{user}") for user in users]
        return Block(requests, np.full(n, np.nan), [None] * n, profiles, Slices.none(n), Slices.none(n))

    def rows(self, users: NDArray[np.int64], cut: int) -> list[NDArray[np.int64]]:
        """Each user's rows of the log without the last ``cut``."""
        starts = np.searchsorted(self.user, users)
        stops = np.searchsorted(self.user, users, side="right") - cut
        return [np.arange(start, max(start, stop)) for start, stop in zip(starts, stops, strict=True)]
