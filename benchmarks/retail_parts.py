"""Later purchases on online_retail: every source alone and fused, all purchases and new ones only. ``python benchmarks/retail_parts.py``"""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray

from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset, Events
from aisle.core.profiles import Profiles, Slices
from aisle.core.request import Request
from aisle.core.stage import Block
from aisle.core.strings import Strings
from aisle.profile.gather import gather
from aisle.profile.history import History
from aisle.schema import EVENT_CODE

DATA = Path(os.environ.get("AISLE_DATA", Path(__file__).parents[2] / "shared" / "data")) / "online_retail"
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
    """The purchases with item rows shuffled, cut in windows of 28 days from the end."""

    def __init__(self, seed: int = 11) -> None:
        rows = read(DATA / "online_retail.csv.gz")
        ids = np.random.default_rng(seed).permutation(np.unique(rows["item"].astype(str)))
        number = {item: row for row, item in enumerate(ids.tolist())}
        item = np.array([number[one] for one in rows["item"].astype(str).tolist()], np.int32)
        title = dict(zip(item.tolist(), rows["title"].tolist(), strict=True))
        users, user = np.unique(rows["customer"].astype(str), return_inverse=True)
        time = rows["moment"].astype("datetime64[s]").astype(np.int64).astype(float)
        n, nothing, none = len(item), np.full(len(item), np.nan, np.float32), np.full(len(item), -1, np.int32)
        self.events = Events(
            Strings.of(users), Strings.of([]), user.astype(np.int32), item, time, np.full(n, PURCHASE, np.uint8), none, none,
            nothing, rows["quantity"].astype(np.float32), nothing, nothing,
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


def ndcg(row: NDArray[np.float32], wanted: set[int], noise: NDArray[np.float32], depth: int = 10) -> float:
    """NDCG at ``depth`` of one row of scores; ties by ``noise``."""
    top = np.lexsort((noise, -row))[:depth]
    discount = 1 / np.log2(np.arange(2, depth + 2))
    gain = np.array([item in wanted for item in top.tolist()]) @ discount
    return float(gain / discount[: min(depth, len(wanted))].sum())
