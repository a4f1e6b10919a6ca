"""Next item on amazon_beauty: every source alone, their fusions, and without direction. ``python benchmarks/amazon_parts.py [--dev]``"""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset, Events
from aisle.core.profiles import Profiles, Slices
from aisle.core.request import Request
from aisle.core.stage import Block
from aisle.core.strings import Strings
from aisle.schema import EVENT_CODE

DATA = Path(os.environ.get("AISLE_DATA", Path(__file__).parents[2] / "shared" / "data")) / "amazon_beauty"
RATING = EVENT_CODE["rating"]


class Amazon:
    """The sequences with item rows shuffled. ``user``, ``item`` ``(n,) int32``, ``place`` ``(n,)``: 0 for each user's last, 1 before it."""

    def __init__(self, seed: int = 11) -> None:
        with gzip.open(DATA / "sequences.txt.gz", "rt") as lines:
            rows = [line.split() for line in lines]
        with gzip.open(DATA / "item_text.txt.gz", "rt") as lines:
            text = dict(line.rstrip("\n").split(" ", 1) for line in lines)
        ids = np.random.default_rng(seed).permutation(sorted({item for row in rows for item in row[1:]}))
        number = {item: row for row, item in enumerate(ids)}
        self.texts = [text.get(item, "") for item in ids]
        lengths = np.array([len(row) - 1 for row in rows])
        self.user = np.repeat(np.arange(len(rows), dtype=np.int32), lengths)
        self.item = np.array([number[item] for row in rows for item in row[1:]], np.int32)
        ends = np.repeat(np.cumsum(lengths), lengths)
        self.place = ends - 1 - np.arange(len(self.item))
        self.order = np.arange(len(self.item)) - (ends - np.repeat(lengths, lengths))
        self.users, self.items = len(rows), len(ids)
        self.catalogue = Catalogue(Strings.of(ids), {"title": Strings.of(self.texts)}, {})

    def before(self, cut: int) -> Dataset:
        """All but each user's last ``cut`` items."""
        kept = self.place >= cut
        n = int(kept.sum())
        nothing, none = np.full(n, np.nan, np.float32), np.full(n, -1, np.int32)
        events = Events(
            Strings.of([f"u{user}" for user in range(self.users)]), Strings.of([]), self.user[kept], self.item[kept],
            self.order[kept].astype(float), np.full(n, RATING, np.uint8), none, none, nothing, nothing, nothing, nothing, clock=False,
        )  # fmt: skip
        by_time = np.argsort(events.time, kind="stable")
        return Dataset(self.catalogue, events.where(by_time))

    def target(self, cut: int) -> NDArray[np.int32]:
        """``(users,) int32``: the item that comes after `before` ``(cut)``, -1 for none."""
        found = np.full(self.users, -1, np.int32)
        last = self.place == cut - 1
        found[self.user[last]] = self.item[last]
        return found

    def block(self, users: NDArray[np.int64], cut: int) -> Block:
        """One home request a user, who has all but the last ``cut`` items."""
        lists = [np.flatnonzero((self.user == u) & (self.place >= cut)) for u in users] if len(users) < 50 else self._rows(users, cut)
        offsets = np.r_[0, np.cumsum([len(rows) for rows in lists])].astype(np.int64)
        rows = np.concatenate(lists).astype(np.int64)
        age = (self.place[rows] - cut).astype(float)
        recent = Slices(offsets, self.item[rows], {"age": age, "type": np.full(len(rows), float(RATING))})
        n = len(users)
        stranger = Profiles.strangers(n)
        counts = np.diff(offsets).astype(float)
        profiles = Profiles(recent, stranger.owned, stranger.dismissed, {}, stranger.price, counts, stranger.idle, clock=False)
        requests = [Request(f"r{user}", "home", f"u{user}") for user in users]
        return Block(requests, np.full(n, np.nan), [None] * n, profiles, Slices.none(n), Slices.none(n))

    def _rows(self, users: NDArray[np.int64], cut: int) -> list[NDArray[np.int64]]:
        starts = np.searchsorted(self.user, users)
        stops = np.searchsorted(self.user, users, side="right") - cut
        return [np.arange(start, max(start, stop)) for start, stop in zip(starts, stops, strict=True)]


def mean_rank(row: NDArray[np.float32], target: int, seen: NDArray[np.int32]) -> float:
    """The target's 0-based rank among all unseen items, ties at their mean."""
    value = row[target]
    above, level = int((row > value).sum()), int((row == value).sum())
    past = row[seen]
    return above - int((past > value).sum()) + (level - int((past == value).sum()) - 1) / 2


def summary(ranks: NDArray[np.float64]) -> str:
    """HR@10 and NDCG@10 of 0-based ranks, one target each."""
    hit = ranks < 10
    return f"HR@10 {hit.mean():.4f}  NDCG@10 {(hit / np.log2(np.where(hit, ranks, 0) + 2)).mean():.4f}"
