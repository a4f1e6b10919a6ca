"""Rules on whole item rows: copies, several rows of one item, lines of an invoice file told once per item, impossible prices."""

from __future__ import annotations

import ibis
from ibis.expr.types import FloatingValue, Table, Value

from aisle.data.rules.base import Change, Facts, Rule, first, text
from aisle.data.rules.times import forms, seconds
from aisle.data.words import BEGINNING

NEWEST_BY = ("update_time", "updated_at", "modified_at", "created_at")
"""Columns that say which of several rows of one item is the newest, the first that is there."""

VOID = ("stock_corrections", "non_products")
"""Rules whose rejected events also void what the same line says about its item."""

FOLDED = "another line stands for the same item"


def prices(table: Table, facts: Facts) -> Change | None:
    """NaN, infinite and negative prices, and a price of 0, become missing."""
    price = table["price"]
    bad = price.isnan() | price.isinf() | (price <= 0)
    return Change(table, {"price": ibis.ifelse(bad, ibis.null("float64"), price)})


def item_times(table: Table, facts: Facts) -> Change | None:
    """When an item came cannot be before 1990: a date never filled in, so missing."""
    names = [name for name in ("created_at", "available_from", "available_until") if name in table.columns]
    values = {name: ibis.ifelse(table[name] < BEGINNING, ibis.null("float64"), table[name]) for name in names}
    return Change(table, values) if names else None


def spellings(table: Table, facts: Facts) -> None:
    """Items told with several spellings of their title: said; which one stays is for `same_item` to decide."""
    titles = table.select("item_id", "title").distinct()
    counted = titles.group_by("item_id").aggregate(times=titles.count(), one=titles["title"].min(), two=titles["title"].max())
    several = counted.filter(counted["times"] > 1)
    count = several.count().to_pyarrow().as_py()
    if count:
        shown = several.order_by([several["times"].desc(), "item_id"]).limit(3).to_pyarrow().to_pylist()
        told = "; ".join(f"{row['item_id']}: {row['one']} / {row['two']}" for row in shown)
        facts.counts["items with several spellings of their title"] = count
        facts.remark(f"items: {count} items have several spellings of their title, as {told}.")


def void_lines(table: Table, facts: Facts) -> Change | None:
    """Lines of an invoice file that are stock corrections describe no item (`damaged`, `wrong code`)."""
    if not facts.shared_files or facts.rejected is None:
        return None
    void = facts.rejected.filter((facts.rejected["table_name"] == "events") & facts.rejected["rule"].isin(VOID))
    lines = void.select(_line=void["_key"], _why=void["reason"])
    joined = table.left_join(lines, table["_key"] == lines["_line"])
    return Change(joined, reason=first((joined["_line"].notnull(), text(joined["_why"]))))


def same_item(table: Table, facts: Facts) -> Change | None:
    """One row an item: the newest (by a time column, else the last one) of a catalogue file; of an invoice file the title spelt most often
    and the median price. It came into the shop at the earliest `created_at`."""
    table = _ordered(table, facts)
    values: dict[str, Value] = {}
    if facts.shared_files:
        table = table.left_join(_facts_of_lines(table), "item_id", rname="{name}_of_lines")
        winner = table["_shared"] & (table["_spot"] == 0)
        values = {"title": ibis.ifelse(winner, table["_title"], table["title"])}
        if "price" in table.columns:
            values["price"] = ibis.ifelse(winner, table["_price"], table["price"])
    if "created_at" in table.columns:
        values["created_at"] = table["created_at"].min().over(group_by="item_id")
    reason = ibis.ifelse(table["_shared"], FOLDED, "older row of the same item")
    return Change(table, values, first((table["_spot"] > 0, reason)), FOLDED)


def _ordered(table: Table, facts: Facts) -> Table:
    """``_shared``: from an invoice file; ``_spot``: 0 for the row that stands for its item. A catalogue file goes before an invoice file,
    and of an invoice file a line whose event was kept before one whose event was not."""
    shared = table["_file"].isin(facts.shared_files or ("",))
    name = next((name for name in NEWEST_BY if name in table.columns), None)
    time = _moment(table, name).fill_null(float("-inf")) if name else ibis.literal(0.0)
    lost = ibis.literal(False)
    if facts.shared_files and facts.rejected is not None:
        lost = table["_key"].isin(facts.rejected.filter(facts.rejected["table_name"] == "events")["_key"])
    table = table.mutate(_shared=shared, _time=ibis.ifelse(shared, 0.0, time), _lost=lost, _tie=ibis.ifelse(shared, 1, -1) * table["_key"])
    order = [table["_shared"], table["_lost"], table["_time"].desc(), table["_tie"]]
    return table.mutate(_spot=ibis.row_number().over(group_by="item_id", order_by=order))


def _moment(table: Table, name: str) -> FloatingValue:
    """``float64`` seconds; a further attribute is still text here."""
    return table[name] if table[name].type().is_numeric() else seconds(table, name, forms(table, name))


def _facts_of_lines(table: Table) -> Table:
    """Of each item in invoice files: the title spelt most often (`_title`) and the median price (`_price`)."""
    lines = table.filter(table["_shared"])
    spelt = lines.group_by(["item_id", "title"]).aggregate(times=lines.count(), place=lines["_key"].min())
    ranked = spelt.mutate(spot=ibis.row_number().over(group_by="item_id", order_by=[spelt["times"].desc(), spelt["place"]]))
    titles = ranked.filter(ranked["spot"] == 0).select(item_id=ranked["item_id"], _title=ranked["title"])
    if "price" not in table.columns:
        return titles
    median = lines.group_by("item_id").aggregate(_price=lines["price"].median())
    return titles.left_join(median, "item_id", rname="{name}_of_prices").select("item_id", "_title", "_price")


RULES = (
    Rule("item_prices", ("items",), "a price that is NaN, infinite, negative or 0 becomes missing", prices, typed=True, needs=("price",)),
    Rule("item_times", ("items",), "a date before 1990 becomes missing", item_times, typed=True),
    Rule("void_lines", ("items",), "stock corrections in an invoice file describe no item", void_lines, typed=True),
    Rule("spellings", ("items",), "several spellings of one item's title are reported", spellings, typed=True, point_in_time=False),
    Rule(
        "same_item",
        ("items",),
        "one row an item: the newest; of an invoice file the commonest title and the median price",
        same_item,
        typed=True,
        point_in_time=False,
    ),
)
