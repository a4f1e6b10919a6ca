"""Next item on amazon_beauty: every source alone, their fusions, and without direction. ``python -m benchmarks.amazon_parts [USERS]``"""

from __future__ import annotations

import gzip
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset, Events
from aisle.core.profiles import Profiles, Slices
from aisle.core.request import Request
from aisle.core.stage import Allowed, Block, Source
from aisle.core.strings import Strings
from aisle.fusion.recall import Recall
from aisle.retrieval.als import Als
from aisle.retrieval.dense import Content
from aisle.retrieval.ease import Ease
from aisle.retrieval.item_knn import ItemKnn
from aisle.retrieval.markov import FirstOrder, Markov
from aisle.retrieval.ncf import Ncf
from aisle.retrieval.popularity import Popularity
from aisle.retrieval.sasrec import SasRec
from aisle.retrieval.two_tower import TwoTower
from aisle.schema import EVENT_CODE
from benchmarks.alone import Proposed, hits, minilm, ndcg
from benchmarks.figures import Figure, Lines, show
from benchmarks.folders import raw_data
from benchmarks.measure import interval

PURCHASE = EVENT_CODE["purchase"]


class Amazon:
    """The sequences with item rows shuffled. ``user``, ``item`` ``(n,) int32``, ``place`` ``(n,)``: 0 for each user's last, 1 before it."""

    def __init__(self, seed: int = 11) -> None:
        data = raw_data() / "amazon_beauty"
        with gzip.open(data / "sequences.txt.gz", "rt") as lines:
            rows = [line.split() for line in lines]
        with gzip.open(data / "item_text.txt.gz", "rt") as lines:
            text = dict(line.rstrip("\n").split(" ", 1) for line in lines)
        ids = np.random.default_rng(seed).permutation(sorted({item for row in rows for item in row[1:]}))
        number = {item: row for row, item in enumerate(ids)}
        lengths = np.array([len(row) - 1 for row in rows])
        self.user = np.repeat(np.arange(len(rows), dtype=np.int32), lengths)
        self.item = np.array([number[item] for row in rows for item in row[1:]], np.int32)
        ends = np.repeat(np.cumsum(lengths), lengths)
        self.place = ends - 1 - np.arange(len(self.item))
        self.order = np.arange(len(self.item)) - (ends - np.repeat(lengths, lengths))
        self.users, self.items = len(rows), len(ids)
        self.catalogue = Catalogue(Strings.of(ids), {"title": Strings.of(text.get(item, "") for item in ids)}, {})

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

    def target(self, cut: int) -> NDArray[np.int32]:
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
        starts = np.searchsorted(self.user, users)
        stops = np.searchsorted(self.user, users, side="right") - cut
        return [np.arange(start, max(start, stop)) for start, stop in zip(starts, stops, strict=True)]


def sources(shop: Amazon) -> dict[str, Source]:
    """As training takes them, unfitted; beside them the window without direction and the towers by squared error."""
    symmetric, squared = Markov(backward=1.0), TwoTower(loss="squared", learning_rate=3e-3, regularization=0.01)
    symmetric.name, squared.name = "markov_symmetric", "two_tower_squared"
    made: tuple[Source, ...] = (
        Markov(), FirstOrder(), Ease(), ItemKnn(), Als(), SasRec(), Content(vectors=minilm(shop.catalogue, "amazon_beauty")), Popularity(),
        symmetric, TwoTower(), squared, Ncf(),
    )  # fmt: skip
    return {source.name: source for source in made}


ORDERED = ("markov", "markov_first", "ease", "item_knn", "als", "sasrec", "content", "popularity")
SYMMETRIC = ("markov_symmetric", "ease", "item_knn", "als", "content", "popularity")
NEURAL = (*ORDERED, "two_tower", "ncf")
FUSED = {"fused": ORDERED, "without direction, fused": SYMMETRIC, "with towers and ncf, fused": NEURAL}
ALONE = (*NEURAL, "markov_symmetric", "two_tower_squared")
LEARNT = 5_000
"""Users whose item before the last teaches the fusion's weights."""
BLOCK = 1_000


def amazon_parts_figures(users: int | None = None) -> list[Figure]:
    """HR@10 and NDCG@10 of the last item: weights are learned on the item before it, then everything is fitted again with that item."""
    lines, shop = Lines("amazon_parts"), Amazon()
    dice = np.random.default_rng(7)
    everyone = np.sort(dice.permutation(shop.users)[:users])
    some = np.sort(dice.permutation(everyone)[:LEARNT])
    early = {name: source.fit(shop.before(2)) for name, source in sources(shop).items()}
    proposed, wanted = _proposed(shop, early, some, 2)
    weights = {title: proposed.learn(names, wanted) for title, names in FUSED.items()}
    late = {name: source.fit(shop.before(1)) for name, source in sources(shop).items()}
    found: dict[str, list[NDArray[np.float64]]] = {}
    for part in np.array_split(everyone, max(1, len(everyone) // BLOCK)):
        for title, values in _measured(*_proposed(shop, late, part, 1), weights).items():
            found.setdefault(title, []).append(values)
    note = "all unseen items ranked; item rows shuffled; fusion learned on the item before the last, then all is fitted again with it"
    shares = {title: ", ".join(f"{name} {weight:.2f}" for name, weight in model.weights.items()) for title, model in weights.items()}
    figures = [lines.held(title, interval(np.concatenate(parts)), note) for title, parts in found.items()]
    return [*figures, *(lines.one(f"{title}: sources", len(FUSED[title]), said) for title, said in shares.items())]


def _proposed(shop: Amazon, fitted: Mapping[str, Source], users: NDArray[np.int64], cut: int) -> tuple[Proposed, list[set[int]]]:
    block = shop.block(users, cut)
    recent = block.profiles.recent
    seen = [np.unique(recent.item[recent.of(request)]) for request in range(len(block))]
    allowed = replace(Allowed.everything(shop.items, len(block)), excluded=seen)
    return Proposed.by(fitted, block, allowed), [{item} - {-1} for item in shop.target(cut)[users].tolist()]


def _measured(proposed: Proposed, wanted: list[set[int]], weights: Mapping[str, Recall]) -> dict[str, NDArray[np.float64]]:
    scores = {name: proposed.alone(name) for name in ALONE}
    for title, model in weights.items():
        scores[f"{title} by weight"] = proposed.by_weight(model)
        scores[f"{title} by rank"] = proposed.by_rank(FUSED[title])
    found: dict[str, NDArray[np.float64]] = {}
    for title, score in scores.items():
        lists = proposed.ranked(score, 10)
        found |= {f"{title}: hr@10": hits(lists, wanted), f"{title}: ndcg@10": ndcg(lists, wanted)}
    return found


if __name__ == "__main__":
    show(amazon_parts_figures(int(sys.argv[1]) if len(sys.argv) > 1 else None))
