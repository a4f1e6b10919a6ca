"""Later purchases on online_retail: every source alone and fused, all purchases and new ones only: ``python -m benchmarks.retail_parts``"""

from __future__ import annotations

import resource
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from time import perf_counter

import duckdb
import numpy as np
from numpy.typing import NDArray

from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset, Events
from aisle.core.profiles import Profiles, Slices
from aisle.core.request import Request
from aisle.core.stage import Allowed, Block, Source
from aisle.core.strings import Strings
from aisle.profile.gather import gather
from aisle.profile.history import History
from aisle.retrieval.registry import SOURCES
from aisle.schema import EVENT_CODE
from benchmarks.alone import Proposed, hits, ndcg
from benchmarks.figures import Figure, Lines, show
from benchmarks.folders import raw_data
from benchmarks.measure import interval

NAMES = ("repeat", "item_knn", "markov", "markov_first", "als", "ease", "popularity", "trending", "new")
APART = ("item_knn_bm25", "item_knn_session")
"""Measured alone: training fits them only where the settings ask."""
SEED = 11
DAYS = 28.0
DAY = 86_400.0
PURCHASE = EVENT_CODE["purchase"]


def read(path: Path) -> dict[str, NDArray[np.generic]]:
    """Purchase lines of known customers; cancellations, returns, free lines and codes that are no products are left out."""
    wanted = "CustomerID is not null and CustomerID <> '' and InvoiceNo not like 'C%' and regexp_matches(StockCode, '^[0-9]')"
    sql = f"""
        select CustomerID as customer, StockCode as item, cast(InvoiceDate as timestamp) as moment,
               sum(try_cast(Quantity as double)) as quantity, max(try_cast(UnitPrice as double)) as price, max(Description) as title
        from read_csv('{path}', all_varchar=true, ignore_errors=true)
        where {wanted} and try_cast(Quantity as double) > 0 and try_cast(UnitPrice as double) > 0
        group by all order by moment, customer, item
    """
    return duckdb.sql(sql).fetchnumpy()


class Retail:
    """The purchases with item rows shuffled, an invoice a session, cut in windows of 28 days from the end."""

    def __init__(self, seed: int = SEED) -> None:
        rows = read(raw_data() / "online_retail" / "online_retail.csv.gz")
        ids = np.random.default_rng(seed).permutation(np.unique(rows["item"].astype(str)))
        number = {item: row for row, item in enumerate(ids.tolist())}
        item = np.array([number[one] for one in rows["item"].astype(str).tolist()], np.int32)
        title = dict(zip(item.tolist(), rows["title"].tolist(), strict=True))
        users, user = np.unique(rows["customer"].astype(str), return_inverse=True)
        time = rows["moment"].astype("datetime64[s]").astype(np.int64).astype(float)
        _, session = np.unique(np.stack([user, time.astype(np.int64)]), axis=1, return_inverse=True)
        n, nothing, none = len(item), np.full(len(item), np.nan, np.float32), np.full(len(item), -1, np.int32)
        self.events = Events(
            Strings.of(users), Strings.of([]), user.astype(np.int32), item, time, np.full(n, PURCHASE, np.uint8), none,
            session.ravel().astype(np.int32), nothing, rows["quantity"].astype(np.float32), nothing, nothing,
        )  # fmt: skip
        self.catalogue = Catalogue(Strings.of(ids), {"title": Strings.of([title[row] for row in range(len(ids))])}, {})
        self.end = float(np.floor(time[-1] / DAY) + 1) * DAY

    def until(self, days: float) -> Dataset:
        """The shop as it stood ``days`` before the end of the log."""
        return Dataset(self.catalogue, self.events.where(self.events.time < self.end - days * DAY))

    def bought(self, days: float, length: float = 28) -> dict[int, set[int]]:
        """User to the items bought from ``days`` before the end on, for ``length`` days."""
        start = self.end - days * DAY
        later = self.events.where((self.events.time >= start) & (self.events.time < start + length * DAY))
        found: dict[int, set[int]] = {}
        for user, item in zip(later.user.tolist(), later.item.tolist(), strict=True):
            found.setdefault(user, set()).add(item)
        return found

    def block(self, users: list[int], days: float) -> Block:
        """One home request a user, ``days`` before the end."""
        names = [self.events.users[user] for user in users]
        as_of = np.full(len(users), self.end - days * DAY - 1)
        profiles: Profiles = gather(History.of(self.catalogue, self.until(days).events), names, as_of)
        requests = [Request(f"r{name}", "home", name, as_of=as_of[0]) for name in names]
        return Block(requests, as_of, [None] * len(users), profiles, Slices.none(len(users)), Slices.none(len(users)))


def retail_parts_figures() -> list[Figure]:
    """NDCG@10 and HR@10 on the last 28 days for both protocols; the fusion's weights are learned on the 28 days before."""
    lines, shop = Lines("retail_parts"), Retail()
    early, _ = _fitted(shop, 2 * DAYS)
    late, seconds = _fitted(shop, DAYS)
    figures: list[Figure] = []
    for protocol, new in (("all_purchases", False), ("new_purchases", True)):
        names = [name for name in NAMES if name != "repeat" or not new]
        learned, wanted = _proposed(shop, early, 2 * DAYS, new)
        model = learned.learn(names, wanted)
        proposed, wanted = _proposed(shop, late, DAYS, new)
        note = (
            f"last {DAYS:.0f} days; fusion learned on the {DAYS:.0f} days before, then everything is fitted again; ties by the random item "
            f"row; split {_split(wanted)}, seed {SEED}"
        )
        scores = {name: proposed.alone(name) for name in (*names, *APART)}
        scores |= {"fused by weight": proposed.by_weight(model), "fused by rank": proposed.by_rank(names)}
        for title, score in scores.items():
            lists = proposed.ranked(score, 10)
            figures.append(lines.held(f"{protocol}: {title}: ndcg@10", interval(ndcg(lists, wanted)), note))
            figures.append(lines.held(f"{protocol}: {title}: hr@10", interval(hits(lists, wanted)), note))
        said = ", ".join(f"{name} {weight:.2f}" for name, weight in model.weights.items())
        figures.append(lines.one(f"{protocol}: sources", len(names), said))
    figures += [lines.one(f"{name}: seconds to fit", took) for name, took in seconds.items()]
    return [*figures, lines.one("all together: peak MB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "of this process")]


def _fitted(shop: Retail, days: float) -> tuple[dict[str, Source], dict[str, float]]:
    """Every source on what was there ``days`` before the end, and the seconds that it took."""
    found, seconds, data = {}, {}, shop.until(days)
    for name in (*NAMES, *APART):
        start = perf_counter()
        found[name] = SOURCES[name]().fit(data)
        seconds[name] = perf_counter() - start
    return found, seconds


def _split(wanted: list[set[int]]) -> str:
    """What is held out, as a hash: the first 12 hexadecimal digits of the SHA-256 of the lines of wanted item rows, a line a customer."""
    return sha256("".join(" ".join(map(str, sorted(items))) + "\n" for items in wanted).encode()).hexdigest()[:12]


def _proposed(shop: Retail, fitted: Mapping[str, Source], days: float, new: bool) -> tuple[Proposed, list[set[int]]]:
    """Customers known ``days`` before the end who bought later, and what (``new``: items they had not bought before)."""
    before, later = shop.bought(1e6, 1e6 - days), shop.bought(days, DAYS)
    pairs = {user: items - before[user] if new else items for user, items in later.items() if user in before}
    users = sorted(user for user, items in pairs.items() if items)
    block = shop.block(users, days)
    allowed = Allowed.everything(len(shop.catalogue), len(block))
    if new:
        allowed = replace(allowed, excluded=[np.array(sorted(before[user]), np.int32) for user in users])
    return Proposed.by(fitted, block, allowed), [pairs[user] for user in users]


if __name__ == "__main__":
    show(retail_parts_figures())
