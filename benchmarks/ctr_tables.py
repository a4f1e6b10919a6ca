"""Three tables of examples for the click-through models, built point in time: a simulated shop, completejourney, online_retail."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray

from aisle.core.events import Dataset
from aisle.data.dataset import load_dataset
from aisle.data.normalise import How
from aisle.data.windows import cut
from aisle.ranking.ctr.build import DAY, HOW, Asked, examples
from aisle.ranking.ctr.examples import Column, Examples, Floats
from aisle.ranking.ctr.labels import followed
from aisle.ranking.ctr.layout import Layout
from aisle.ranking.ctr.past import Past
from aisle.ranking.ctr.sampling import sampled
from aisle.retrieval.vectors import item_texts
from aisle.schema import EVENT_CODE
from aisle.settings import load
from aisle.simulate.truth import load as load_truth
from benchmarks.figures import WORK, aisle
from benchmarks.folders import raw_data
from benchmarks.retail_parts import Retail

Numbers = NDArray[np.int64]
SEED = 7
WEEK = 7 * DAY
FIRST_WEEK, WEEKS, POPULAR = 8, 45, 300
"""online_retail: the first week asked about, how many, and how many popular items stand beside what a customer bought before."""
STEPS = (("click",), ("cart", "purchase"), ("purchase",))
"""Simulated shop: what counts as clicked, added and bought; each counts only where the one before did."""
TRAINED, ASKED = 0.5, 0.06
"""online_retail: shares of the customers whose pairs are learned from, and asked about later."""


@dataclass(frozen=True)
class Tables:
    """Examples to learn from, to calibrate and choose on (dev), and to be scored once (test). ``slices`` are masks of the test's rows;
    ``truth``, where it is known, how attractive each test row truly was. ``texts``: what is written on each item, and ``past``, which
    sequence holds what was taken before, for a model that reads texts."""

    train: Examples
    dev: Examples
    test: Examples
    note: str
    how: Mapping[str, How]
    slices: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    truth: Floats | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    past: str = "item"

    @property
    def split(self) -> str:
        """Which cases test, as a hash: the first 12 hexadecimal digits of the SHA-256 of the lines ``user TAB item TAB label``, in their
        order; without an item ``user TAB label``."""
        columns = [self.test.categories[name] for name in ("user", "item") if name in self.test.categories]
        texts = [[column.names[code] if code >= 0 else "" for code in column.codes.tolist()] for column in columns]
        rows = zip(*texts, (f"{label:g}" for label in self.test.label.tolist()), strict=True)
        return sha256("".join("\t".join(row) + "\n" for row in rows).encode()).hexdigest()[:12]

    @property
    def layout(self) -> Layout:
        """For any model of this table."""
        return Layout(how=self.how)


def simulated(items: int = 3_000, events: int = 400_000) -> Tables:
    """Impressions of `aisle simulate`: clicked within half an hour or not."""
    folder = WORK / "ctr_simulated"
    shutil.rmtree(folder, ignore_errors=True)
    aisle("simulate", str(folder), "--items", str(items), "--events", str(events))
    data, _ = load_dataset(folder, load(folder))
    log, window = data.events, cut(data.events).event
    rows = np.flatnonzero((log.type == EVENT_CODE["impression"]) & (log.item >= 0) & (log.user >= 0))
    clicked, added, bought = (followed(log, rows, [EVENT_CODE[name] for name in names]) for names in STEPS)
    table = examples(data, Asked.rows(log, rows), clicked.astype(float))
    outcomes = {"cart": (clicked & added).astype(float), "purchase": (clicked & added & bought).astype(float)}
    table = replace(table, outcomes=outcomes)
    train, dev, test = (table.pick(inside) for inside in (window[rows] <= 2, window[rows] == 3, window[rows] == 4))
    note = (
        f"{events:,} events of {items:,} items; impressions clicked within half an hour; fitted on windows 1 and 2 of 60/20/10/10 by time"
    )
    attractive = _attractive(folder, data, rows[window[rows] == 4])
    return Tables(train, dev, test, note, HOW, _slices(train, test), attractive, _written(data))


def _written(data: Dataset) -> dict[str, str]:
    """What encoders read of each item."""
    return dict(zip(data.catalogue.ids, item_texts(data.catalogue), strict=True))


def _attractive(folder: Path, data: Dataset, rows: Numbers) -> Floats:
    """How attractive the items of these impressions truly were."""
    log = data.events
    return attractive(folder, data, log.time[rows], log.user[rows], log.item[rows], log.rank[rows])


def attractive(folder: Path, data: Dataset, *shown: NDArray[np.generic]) -> Floats:
    """``(n,)``: how attractive the items of the impressions at these times, of these users, items and ranks truly were, NaN for what the
    simulator did not show so."""
    told = duckdb.sql(
        "select epoch(timestamp) as time, coalesce(user_id, 'session:' || session_id) as actor, item_id as item, rank"
        f" from read_csv('{folder / 'events.csv'}', types={{'timestamp': 'TIMESTAMPTZ', 'item_id': 'VARCHAR'}})"
    ).fetchall()
    where = {key: place for place, key in enumerate(told)}
    log, relevance = data.events, load_truth(folder).relevance
    keys = zip(*(column.tolist() for column in shown), strict=True)
    found = [where.get((time, log.users[user], data.catalogue.ids[item], int(rank)), -1) for time, user, item, rank in keys]
    return np.append(relevance, np.nan)[np.array(found)].astype(float)


def _slices(train: Examples, test: Examples) -> dict[str, NDArray[np.bool_]]:
    """Search and home, users and items that were never learned from."""
    found = {}
    if "surface" in test.categories:
        found = {name: test.categories["surface"].codes == code for code, name in enumerate(("home", "search"))}
    for name in ("user", "item"):
        found[f"new {name}s"] = ~np.isin(test.categories[name].codes, train.categories[name].codes)
    return {name: mask for name, mask in found.items() if mask.sum() >= 500}


def online_retail(kept: float = 0.01) -> Tables:
    """Bought within a week or not: each customer with each item bought before and the most bought items of four weeks."""
    shop = Retail()
    data, dice = Dataset(shop.catalogue, shop.events), np.random.default_rng(SEED)
    start = shop.events.time[0] // DAY * DAY + FIRST_WEEK * WEEK
    edges = start + np.round(np.cumsum([0, 0.8, 0.1, 0.1]) * WEEKS) * WEEK
    parts = []
    for place, share in enumerate((TRAINED, ASKED, ASKED)):
        weeks = np.arange(edges[place], edges[place + 1] - 1, WEEK)
        user, item, time, label = (
            np.concatenate(column) for column in zip(*(_week(shop, week, share, dice) for week in weeks), strict=True)
        )
        rows = np.arange(len(label)) if place else sampled(label, kept, dice)
        none = np.full(len(rows), -1, np.int32)
        asked = Asked(user[rows], item[rows], none, time[rows], np.full(len(rows), np.nan))
        parts.append(examples(data, asked, label[rows], kept=1.0 if place else kept))
    train, dev, test = parts
    note = (
        f"will a customer buy an item within a week: {WEEKS} weeks, each customer with all bought before and the {POPULAR} items most"
        f" bought in four weeks; fitted on 80 % of the weeks, with {kept:.0%} of the negatives of half the customers, then 10 % to"
        f" calibrate and 10 % to test with all pairs of {ASKED:.0%} of the customers, drawn each week"
    )
    return Tables(train, dev, test, note, HOW, _slices(train, test), texts=_written(data))


def _week(
    shop: Retail, start: float, share: float, dice: np.random.Generator
) -> tuple[NDArray[np.int32], NDArray[np.int32], Floats, Floats]:
    """The pairs of one week: user, item, its first moment, and whether it was bought."""
    log, span = shop.events, len(shop.catalogue)
    before, after = log.time < start, (log.time >= start) & (log.time < start + WEEK)
    users = np.unique(log.user[before])
    users = users[dice.random(len(users)) < share]
    owned = np.unique(log.user[before].astype(np.int64) * span + log.item[before])
    owned = owned[np.isin(owned // span, users)]
    recent = np.bincount(log.item[before & (log.time >= start - 4 * WEEK)], minlength=span)
    popular = np.argsort(-recent, kind="stable")[:POPULAR]
    pairs = np.union1d(owned, (users.astype(np.int64)[:, None] * span + popular).ravel())
    label = np.isin(pairs, log.user[after].astype(np.int64) * span + log.item[after]).astype(float)
    return (pairs // span).astype(np.int32), (pairs % span).astype(np.int32), np.full(len(pairs), start), label


COUPONS = """
    with one as (select distinct campaign_id, coupon_upc from coupons),
    kind as (select coupon_upc, mode(product_category) as category, mode(department) as department, mode(brand) as brand,
             count(distinct product_id) as products from coupons join products using (product_id) group by 1)
    select c.household_id as household, c.campaign_id as campaign, one.coupon_upc as coupon, campaign_type as type,
           d.start_date as start, d.end_date - d.start_date as days, kind.category, kind.department, kind.brand, kind.products, p.age,
           p.income, p.household_size as size, p.kids_count as kids, p.home_ownership as home, coalesce(r.taken, 0)::double as label
    from campaigns c join descriptions d using (campaign_id) join one using (campaign_id) left join kind using (coupon_upc)
    left join people p using (household_id)
    left join (select household_id, coupon_upc, campaign_id, 1 as taken from redemptions group by all) r
      on r.household_id = c.household_id and r.coupon_upc = one.coupon_upc and r.campaign_id = c.campaign_id
    order by start, campaign, household, coupon
"""
SALES = """
    select household_id as household, transaction_timestamp / 86400 as day, product_category as category
    from sales left join products using (product_id) order by day
"""
COVERED = """
    select household_id as household, k.coupon_upc as coupon, transaction_timestamp / 86400 as day
    from sales join (select distinct coupon_upc, product_id from coupons) k using (product_id)
"""
REDEEMED = "select household_id as household, coupon_upc as coupon, redemption_date as day from redemptions"
FILES = {
    "coupons": "coupons", "products": "products", "campaigns": "campaigns", "descriptions": "campaign_descriptions",
    "people": "demographics", "redemptions": "coupon_redemptions", "sales": "transactions_sample",
}  # fmt: skip


def completejourney(kept: float = 0.05) -> Tables:
    """Coupon redeemed or not: every coupon of a campaign for every household that the campaign was sent to."""
    base = duckdb.connect()
    for name, file in FILES.items():
        base.execute(f"create view {name} as select * from read_csv('{raw_data() / 'completejourney' / file}.csv.gz')")
    rows = base.execute(COUPONS).fetchnumpy()
    starts = {campaign: rows["start"][rows["campaign"] == campaign][0] for campaign in (13, 18)}
    train = rows["start"] < starts[13]
    dev, test = (rows["start"] >= starts[13]) & (rows["start"] < starts[18]), rows["start"] >= starts[18]
    table = _households(base, rows)
    chosen = np.flatnonzero(train)[sampled(rows["label"][train], kept, np.random.default_rng(SEED))]
    note = (
        "each coupon of a campaign x each household it was sent to, redeemed or not; for type A campaigns, of whose 200 coupons a household"
        f" got 16 that are not known, the others count as negatives too. Fitted on campaigns before the 13th ({kept:.0%} of the negatives),"
        " calibrated on those from the 13th on, tested on all from the 18th on: cut between campaigns, three of which hold most pairs"
    )
    how: dict[str, How] = dict.fromkeys(("products", "coupon_bought", "category_bought", "bought", "redeemed", "since", "sent"), "log")
    types = {f"type {kind}": rows["type"][test].astype(str) == f"Type {kind}" for kind in "AB"}
    fitted = replace(table.pick(chosen), kept=kept)
    return Tables(fitted, table.pick(dev), table.pick(test), note, how, types, texts=_printed(rows), past="category")


def _printed(rows: Mapping[str, NDArray[np.generic]]) -> dict[str, str]:
    """What a coupon is for, in words: category, department, brand."""
    columns = [np.ma.filled(np.ma.asarray(rows[name].astype(object)), "") for name in ("category", "department", "brand")]
    told = [", ".join(str(part).lower() for part in parts if part) for parts in zip(*columns, strict=True)]
    return dict(zip(rows["coupon"].astype(str).tolist(), told, strict=True))


def _households(base: duckdb.DuckDBPyConnection, rows: Mapping[str, NDArray[np.generic]]) -> Examples:
    """What was known of household and coupon on the day before the campaign began."""
    sales = base.execute(SALES).fetchnumpy()
    household, day = rows["household"].astype(np.int64), rows["start"].astype(float)
    category = _texts(np.concatenate([rows["category"].astype(object), sales["category"].astype(object)]))
    asked, sold, when = category.codes[: len(day)], category.codes[len(day) :], sales["day"].astype(float)
    buys, own = Past(sales["household"].astype(np.int64), when), Past(_pair(sales["household"], sold), when)
    numbers = {
        "products": rows["products"].astype(float),
        "days": rows["days"].astype(float),
        "bought": buys.count(household, day),
        "since": buys.since(household, day),
        "category_bought": own.count(_pair(household, asked), day),
        **_coupons(base, rows, household, day),
    }
    categories = {
        "user": _texts(household.astype(str).astype(object)),
        "item": _texts(rows["coupon"].astype(str).astype(object)),
        "category": Column(asked, category.names),
        **{name: _texts(rows[name].astype(object)) for name in ("type", "department", "brand", "age", "income", "size", "kids", "home")},
    }
    last = np.append(sold, np.int32(-1))[buys.last(household, day, 20)]
    return Examples(categories, numbers, rows["label"].astype(float), {"category": Column(last, category.names)})


def _coupons(
    base: duckdb.DuckDBPyConnection, rows: Mapping[str, NDArray[np.generic]], household: Numbers, day: Floats
) -> dict[str, Floats]:
    """What the household bought of the coupon's products before, and what was redeemed and sent before."""
    covered, redeemed = base.execute(COVERED).fetchnumpy(), base.execute(REDEEMED).fetchnumpy()
    known, coupon = np.unique(rows["coupon"].astype(np.int64), return_inverse=True)
    number = {one: place for place, one in enumerate(known.tolist())}
    of = {name: np.array([number.get(int(one), -1) for one in part["coupon"].tolist()]) for name, part in (("b", covered), ("r", redeemed))}
    sent = np.unique(np.stack([household, rows["campaign"].astype(np.int64), day.astype(np.int64)]), axis=1)
    used = redeemed["day"].astype(float)
    return {
        "coupon_bought": Past(_pair(covered["household"], of["b"]), covered["day"].astype(float)).count(_pair(household, coupon), day),
        "redeemed": Past(redeemed["household"].astype(np.int64), used).count(household, day),
        "coupon_redeemed": Past(of["r"], used).count(coupon, day),
        "sent": Past(sent[0], sent[2].astype(float)).count(household, day),
    }


def _pair(one: NDArray[np.generic], other: NDArray[np.generic]) -> Numbers:
    """One number for two, -1 where the second is unknown."""
    second = other.astype(np.int64)
    return np.where(second >= 0, one.astype(np.int64) * 100_000 + second, -1)


def _texts(values: NDArray[np.object_]) -> Column:
    """A column of texts; masked and empty ones are missing."""
    there = ~np.ma.getmaskarray(np.ma.asarray(values))
    return Column.of([str(value) if known and value else None for value, known in zip(np.ma.getdata(values).tolist(), there, strict=True)])
