"""Cold start on amazon_beauty: items that nobody bought yet, found by their text; users of whom 0, 1, 2, 5 purchases are known.

``python -m benchmarks.cold_start [USERS]``. A tenth of the items and some users are withheld from training with all their events; an item's
text stays. The classes are those that training uses.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset
from aisle.core.overlay import Overlaid
from aisle.core.stage import Allowed, Source
from aisle.core.strings import Strings
from aisle.retrieval.dense import Content
from aisle.retrieval.item_knn import ItemKnn
from aisle.retrieval.markov import Markov
from aisle.retrieval.overlay import Step
from aisle.retrieval.popularity import Popularity
from aisle.retrieval.sasrec import SasRec
from aisle.retrieval.vectors import ItemVectors
from benchmarks.alone import Proposed, hits, minilm
from benchmarks.amazon_parts import amazon
from benchmarks.figures import Figure, Lines, show
from benchmarks.last_out import LastOut
from benchmarks.measure import interval

SHARE = 0.1
"""Of the items, so many are cold, and as many others, their events kept, are the warm ones that they are compared with."""
NEW_USERS, KNOWN = 2_000, (0, 1, 2, 5)
"""Users withheld, and how many of their first purchases are given."""
DEPTH, BLOCK = 10, 500
FUSED = ("content", "sasrec")
FOR_ITEMS, FOR_USERS = (*FUSED, "bundle", "markov"), (*FUSED, "item_knn", "markov", "popularity")
"""What is shown: the text-aware sources beside a learned one that needs events; for users also what needs few of them."""
NOTE = "recall@10 of the last item; a tenth of the items withheld from training with all their events, and from histories"


@dataclass(frozen=True)
class Cold:
    """The shop parted: item rows from ``warm`` on are cold, the ``cold`` many before them their warm likes; ``withheld`` ``(users,) bool``
    are new users, all of whom have more warm items than are ever given."""

    shop: LastOut
    warm: int
    withheld: NDArray[np.bool_]

    @classmethod
    def of(cls, shop: LastOut, seed: int = 7) -> Cold:
        """Rows are shuffled, so the last tenth of them is a fair draw."""
        warm = shop.items - int(SHARE * shop.items)
        counts = np.bincount(shop.user[shop.item < warm], minlength=shop.users)
        able = np.flatnonzero(counts > max(KNOWN))
        withheld = np.zeros(shop.users, bool)
        withheld[np.random.default_rng(seed).permutation(able)[:NEW_USERS]] = True
        return cls(shop, warm, withheld)

    @property
    def cold(self) -> int:
        """How many items are cold."""
        return self.shop.items - self.warm

    def training(self) -> Dataset:
        """All but each user's last item, without the cold items' events and the new users'."""
        data = self.shop.before(1)
        return data.known((data.events.item < self.warm) & ~self.withheld[data.events.user])

    def histories(self, users: NDArray[np.int64], cut: int = 1) -> list[NDArray[np.int64]]:
        """The rows of each user's warm items, but for the last ``cut`` of all items."""
        return [rows[self.shop.item[rows] < self.warm] for rows in self.shop.rows(users, cut)]

    def wanting(self, low: int, high: int, most: int | None) -> NDArray[np.int64]:
        """Known users whose last item is in these rows and who have a history."""
        target = self.shop.target(1)
        users = np.flatnonzero((target >= low) & (target < high) & ~self.withheld)
        users = users[[len(rows) > 0 for rows in self.histories(users)]]
        return np.sort(np.random.default_rng(7).permutation(users)[:most])


def sources(cold: Cold, vectors: ItemVectors) -> dict[str, Source]:
    """As training takes them, fitted; ``bundle`` has a text index over the warm items and takes the cold ones in as a running shop does."""
    data = cold.training()
    made: tuple[Source, ...] = (Content(vectors=vectors), SasRec(), ItemKnn(), Markov(), Popularity())
    return {**{source.name: source.fit(data) for source in made}, "bundle": later(cold, vectors)}


def later(cold: Cold, vectors: ItemVectors) -> Content:
    """The content source of a bundle that knows the warm items alone, after the cold ones were put into the running shop."""
    whole, warm = cold.shop.catalogue, cold.warm
    titles = list(whole.text("title"))
    base = Catalogue(Strings.of(whole.ids[row] for row in range(warm)), {"title": Strings.of(titles[:warm])}, {})
    new = range(warm, len(whole))
    grown = Overlaid(base, [whole.ids[row] for row in new], {"title": {row: titles[row] for row in new}})
    known = ItemVectors(vectors.encoder, vectors.vectors[:warm], "warm")
    return Content(vectors=known).over(Step(grown, grown.rewritten, {"warm": known.encode(grown, grown.rewritten)}))


def recall(
    cold: Cold, fitted: Mapping[str, Source], users: NDArray[np.int64], histories: Sequence[NDArray[np.int64]],
    wanted: NDArray[np.int32], among: tuple[int, int],
) -> dict[str, NDArray[np.float64]]:  # fmt: skip
    """Each source's and the fusion's recall@10 ``(users,)`` of the ``wanted`` item among the rows ``among`` that the user has not."""
    found: dict[str, list[NDArray[np.float64]]] = {}
    mask = np.zeros(cold.shop.items, bool)
    mask[slice(*among)] = True
    for start in range(0, len(users), BLOCK):
        part = slice(start, start + BLOCK)
        block = cold.shop.asked(users[part], histories[part])
        seen = [np.unique(cold.shop.item[rows]) for rows in histories[part]]
        allowed = replace(Allowed.everything(cold.shop.items, len(block)), shared=mask, excluded=seen)
        proposed = Proposed.by(fitted, block, allowed)
        aims = [{int(item)} for item in wanted[part]]
        scores = {name: proposed.alone(name) for name in fitted} | {"content + sasrec by rank": proposed.by_rank(FUSED)}
        for name, score in scores.items():
            found.setdefault(name, []).append(hits(proposed.ranked(score, DEPTH), aims, DEPTH))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def item_figures(cold: Cold, fitted: Mapping[str, Source], lines: Lines, most: int | None) -> list[Figure]:
    """Cold items and warm ones, among all items and among their likes alone, beside chance."""
    low, warm, high = cold.warm - cold.cold, cold.warm, cold.shop.items
    found = [lines.one("random cold item: recall@10", min(1.0, DEPTH / cold.cold), f"{DEPTH} of {cold.cold:,} cold items, whoever asks")]
    for kind, rows in (("cold", (warm, high)), ("warm", (low, warm))):
        users = cold.wanting(*rows, most)
        histories, wanted = cold.histories(users), cold.shop.target(1)[users]
        for title, among in (("all items", (0, high)), (f"{kind} items alone", rows)):
            values = recall(cold, {name: fitted[name] for name in FOR_ITEMS}, users, histories, wanted, among)
            found += [lines.held(f"{kind} item among {title}, {name}: recall@10", interval(one), NOTE) for name, one in values.items()]
    return found


def user_figures(cold: Cold, fitted: Mapping[str, Source], lines: Lines, most: int | None) -> list[Figure]:
    """The next item of new users, the same ones after 0, 1, 2 and 5 of their purchases."""
    users = np.flatnonzero(cold.withheld)[:most]
    whole = cold.histories(users, 0)
    note = f"recall@10 of the item that comes next, among all that the user has not; {len(users):,} users withheld from training"
    found = []
    for known in KNOWN:
        wanted = np.array([cold.shop.item[rows[known]] for rows in whole], np.int32)
        values = recall(cold, {name: fitted[name] for name in FOR_USERS}, users, [rows[:known] for rows in whole], wanted, (0, cold.warm))
        found += [lines.held(f"new user after {known} purchases, {name}: recall@10", interval(one), note) for name, one in values.items()]
    return found


def cold_start_figures(most: int | None = None) -> list[Figure]:
    """Both; ``most`` users in each group."""
    lines, cold = Lines("cold_start"), Cold.of(amazon())
    fitted = sources(cold, minilm(cold.shop.catalogue, "amazon_beauty"))
    return [*item_figures(cold, fitted, lines, most), *user_figures(cold, fitted, lines, most)]


if __name__ == "__main__":
    show(cold_start_figures(int(sys.argv[1]) if len(sys.argv) > 1 else None))
