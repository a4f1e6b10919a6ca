"""Outliers per item: quantities and prices far from the item's usual, on a log scale, by median and median deviation."""

from __future__ import annotations

import ibis
from ibis.expr.types import FloatingValue, Table, Value

from aisle.data.rules.base import Change, Facts, Rule

SPREADS = 6.0
"""A value further than this many spreads from the median is not believed."""

CONSISTENT = 1.4826
"""Median deviation x this = standard deviation of a normal distribution."""

ENOUGH = 8
"""With fewer values than this an item borrows the spread of all items, and below 3 their median."""


def quantities(table: Table, facts: Facts) -> Change | None:
    """Quantities above the item's bound become missing: that the shopper bought is believed, how many is not."""
    traded = table["type"].isin(("purchase", "return", "cart", "sale"))
    if facts.settings.quantity_limit:
        return Change(table, {"quantity": _unless(traded & (table["quantity"] > facts.settings.quantity_limit), table["quantity"])})
    bounds = _bounds(table.filter(traded & (table["quantity"] > 0)), "quantity", 0.7)
    joined = table.filter(traded).inner_join(bounds, "item_id")
    return Change(joined, {"quantity": _unless(joined["quantity"].ln() > joined["_middle"] + joined["_reach"], joined["quantity"])})


def prices(table: Table, facts: Facts) -> Change | None:
    """Prices far above or below the item's usual become missing."""
    bounds = _bounds(table.filter(table["price"] > 0), "price", 0.5)
    joined = table.filter(table["price"] > 0).inner_join(bounds, "item_id")
    return Change(joined, {"price": _unless((joined["price"].ln() - joined["_middle"]).abs() > joined["_reach"], joined["price"])})


def _unless(bad: Value, cell: FloatingValue) -> FloatingValue:
    return ibis.ifelse(bad, ibis.null("float64"), cell)


def _bounds(rows: Table, name: str, least: float) -> Table:
    """Per item the middle and the reach of the log of ``name``; a spread is never taken smaller than ``least``."""
    logs = rows.filter(rows["item_id"].notnull()).select("item_id", value=rows[name].ln())
    middles = logs.group_by("item_id").aggregate(_count=logs.count(), _own=logs["value"].median())
    whole = logs.aggregate(middle=logs["value"].median()).to_pyarrow().to_pylist()[0]["middle"] or 0.0
    off = logs.inner_join(middles, "item_id").mutate(_off=(ibis._["value"] - ibis._["_own"]).abs())
    spreads = off.group_by("item_id").aggregate(_count=off["_count"].max(), _own=off["_own"].max(), _spread=off["_off"].median())
    common = off.aggregate(spread=(off["value"] - whole).abs().median()).to_pyarrow().to_pylist()[0]["spread"] or 0.0
    known = spreads["_count"] >= ENOUGH
    spread = ibis.greatest(ibis.ifelse(known, spreads["_spread"], common) * CONSISTENT, least)
    middle = ibis.ifelse(spreads["_count"] >= 3, spreads["_own"], whole)
    return spreads.select("item_id", _middle=middle, _reach=spread * SPREADS)


RULES = (
    Rule("quantity_outliers", ("events",), "a quantity far above the item's usual becomes missing", quantities, typed=True,
         needs=("quantity", "item_id"), point_in_time=False),
    Rule("price_outliers", ("events",), "a price far from the item's usual becomes missing", prices, typed=True,
         needs=("price", "item_id"), point_in_time=False),
)  # fmt: skip
