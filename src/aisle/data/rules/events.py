"""Rules on events: clock errors, impossible numbers, stock corrections."""

from __future__ import annotations

import ibis
from ibis.expr.types import NumericValue, Table, Value

from aisle.data.rules.base import Change, Facts, Rule, first, text
from aisle.data.rules.rows import LARGEST
from aisle.data.words import BEGINNING

YEAR = 366 * 86_400.0
END = 4_102_444_800.0
"""2100: no shop's log is later."""

SPAN = (-6e10, 2.5e11)
"""Seconds that a calendar can tell, from the year 68 to 9892."""

ENOUGH, FEW = 100, 0.05


def clock(table: Table, facts: Facts) -> Change | None:
    """Times before 1990 (a clock that was never set), after the file was written, or years away from nearly all others."""
    time = table["timestamp"]
    reasons = [(time < BEGINNING, "the time is before 1990"), (time >= END, "the time is after 2100")]
    seen = table.filter((time >= BEGINNING) & (time < END))
    told = seen.aggregate(
        count=seen.count(), low=seen["timestamp"].quantile(0.01), high=seen["timestamp"].quantile(0.99),
        late=(seen["timestamp"] > facts.newest).sum(),
    ).to_pyarrow().to_pylist()[0]  # fmt: skip
    if told["count"] and told["late"] and told["late"] <= FEW * told["count"]:
        reasons.append((time > facts.newest, "the time is later than the file"))
    elif told["late"]:
        facts.remark(f"{told['late']} events are later than the files were written; so many, that they are believed.")
    if told["count"] >= ENOUGH:
        far = max(YEAR, 2 * (told["high"] - told["low"]))
        reasons.append(((time < told["low"] - far) | (time > told["high"] + far), "the time is years away from the rest of the log"))
    moment = time.clip(*SPAN).cast("int64").as_timestamp("s").strftime("%Y-%m-%d %H:%M:%S")
    return Change(table, reason=first(*((condition, text(words, ": ", moment)) for condition, words in reasons)))


def numbers(table: Table, facts: Facts) -> Change | None:
    """NaN, infinite and negative numbers become missing, and a rank, price, quantity or propensity that cannot be."""
    values: dict[str, Value] = {}
    for name in ("rank", "price", "rating", "dwell_ms", "quantity", "propensity"):
        if name in table.columns:
            cell = table[name]
            bad = cell.isnan() | (cell.abs() > LARGEST)
            if name in ("rank", "dwell_ms", "price"):
                bad = bad | (cell < 0)
            if name in ("price", "quantity"):
                bad = bad | (cell == 0)
            if name == "propensity":
                bad = bad | (cell <= 0) | (cell > 1)
            values[name] = ibis.ifelse(bad, ibis.null("float64"), cell)
    return Change(table, values) if values else None


def stock_corrections(table: Table, facts: Facts) -> Change | None:
    """A negative purchase at a price is a return; without one it corrects the stock, and so does a free line of nobody in a log that
    names its buyers. A return's quantity is stored positive."""
    quantity: NumericValue = table["quantity"] if "quantity" in table.columns else ibis.null("float64")
    price: NumericValue = table["price"] if "price" in table.columns else ibis.literal(1.0)
    bought, negative = table["type"] == "purchase", quantity < 0
    free = price.isnull() | (price <= 0)
    reasons = [(bought & negative & free, text("stock correction: a purchase of ", quantity, " at no price"))]
    if {"user_id", "price"} <= set(table.columns):
        nobody = bought & table["user_id"].isnull() & (price <= 0)
        share = table.aggregate(share=nobody.cast("int64").sum() / bought.cast("int64").sum()).to_pyarrow().to_pylist()[0]["share"] or 0
        reasons += [(nobody, "stock correction: a line of nobody at no price")] if share < FEW else []
    values: dict[str, Value] = {"type": ibis.ifelse(bought & negative, "return", table["type"])}
    if "quantity" in table.columns:
        values["quantity"] = ibis.ifelse(negative & table["type"].isin(("purchase", "return")), -quantity, quantity)
    return Change(table, values, first(*reasons))


RULES = (
    Rule("clock", ("events",), "times before 1990, later than the file, or years away from the rest are rejected", clock, typed=True,
         needs=("timestamp",), point_in_time=False),
    Rule("stock_corrections", ("events",), "purchases below zero: returns where they have a price, else stock corrections, rejected",
         stock_corrections, typed=True, point_in_time=False),
    Rule("event_numbers", ("events",), "NaN, infinite and impossible numbers, a price or quantity of 0 too, become missing", numbers,
         typed=True),
)  # fmt: skip
