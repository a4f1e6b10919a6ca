"""Returns matched to the purchases that they cancel: window functions only, so that the matching runs on any engine."""

from __future__ import annotations

import ibis
from ibis.expr.types import Table, Value

from aisle.data.rules.base import Change, Facts, Rule, first, place, text
from aisle.data.rules.cells import clock_column


def cancellations(table: Table, facts: Facts) -> Change | None:
    """A return takes its quantity off the purchase it cancels: the latest earlier one of the same user, item and quantity; else the latest
    earlier one of the same user and item. A purchase with nothing left is rejected; the return stays."""
    returns = table.filter(table["type"] == "return")
    if not returns.count().to_pyarrow().as_py():
        return None
    pairs = _trades(table, returns)
    exact = _exact(pairs)
    settled = ibis.union(exact.select(_key=exact["_bought"]), exact.select(_key=exact["_returned"]))
    rest = pairs.anti_join(settled, "_key")
    taken = ibis.union(exact.select("_bought", "_where", "_taken"), _partial(rest).select("_bought", "_where", "_taken"))
    sums = taken.group_by("_bought").aggregate(_taken=taken["_taken"].sum(), _where=taken["_where"].min())
    joined = table.inner_join(sums, table["_key"] == sums["_bought"])
    quantity = joined["quantity"] if "quantity" in table.columns else ibis.literal(1.0)
    left = quantity.fill_null(1.0) - joined["_taken"]
    values = {"quantity": ibis.ifelse(left > 0, left, quantity)} if "quantity" in table.columns else {}
    return Change(joined, values, first((left <= 0, text("cancelled by ", joined["_where"]))))


def _trades(table: Table, returns: Table) -> Table:
    """Purchases and returns of the users and items that have a return: who, what, how many, when."""
    rows = table.filter(table["type"].isin(("purchase", "return")))
    pieces = [rows["user_id"]] if "user_id" in rows.columns else []
    pieces += [ibis.literal("session:") + rows["session_id"]] if "session_id" in rows.columns else []
    quantity = rows["quantity"].fill_null(1.0) if "quantity" in rows.columns else ibis.literal(1.0)
    trades = rows.select(
        "_key", "item_id", _who=ibis.coalesce(*pieces), _many=quantity, _time=rows[clock_column(rows)],
        _sign=ibis.ifelse(rows["type"] == "purchase", 1, -1), _place=place(rows),
    )  # fmt: skip
    back = trades.filter(trades["_sign"] < 0).select("_who", "item_id").distinct()
    return trades.semi_join(back, ["_who", "item_id"])


def _order(table: Table) -> list[Value]:
    return [table["_time"], table["_sign"].desc(), table["_key"]]


def _exact(trades: Table) -> Table:
    """Returns and the purchases of the same quantity, matched as brackets are: each return closes the latest open purchase. The depth of
    the brackets never falls below zero; a return at depth zero closes nothing. On one depth purchases and returns take turns."""
    group = ["_who", "item_id", "_many"]
    running = ibis.cumulative_window(group_by=group, order_by=_order(trades))
    depth = trades.mutate(_sum=trades["_sign"].sum().over(running))
    lowest = depth.mutate(_low=depth["_sum"].min().over(ibis.cumulative_window(group_by=group, order_by=_order(depth))))
    after = lowest["_sum"] - ibis.least(lowest["_low"], 0)
    unmatched = (lowest["_sign"] < 0) & (lowest["_sum"] == lowest["_low"]) & (lowest["_low"] < 0)
    levels = lowest.mutate(_after=after, _unmatched=unmatched).filter(~ibis._["_unmatched"])
    levels = levels.mutate(_level=ibis.ifelse(levels["_sign"] > 0, levels["_after"], levels["_after"] + 1))
    window = ibis.window(group_by=[*group, "_level"], order_by=_order(levels))
    turns = levels.mutate(_bought=levels["_key"].lag().over(window))
    closed = turns.filter((turns["_sign"] < 0) & turns["_bought"].notnull())
    return closed.select("_bought", _returned=closed["_key"], _where=closed["_place"], _taken=closed["_many"])


def _partial(trades: Table) -> Table:
    """Returns that match no quantity, and the latest earlier purchase of the same user and item."""
    group = ["_who", "item_id"]
    numbered = trades.mutate(_spot=ibis.row_number().over(group_by=group, order_by=_order(trades)))
    numbered = numbered.mutate(_buy=ibis.ifelse(numbered["_sign"] > 0, numbered["_spot"], ibis.null("int64")))
    last = numbered.mutate(_last=numbered["_buy"].max().over(ibis.cumulative_window(group_by=group, order_by=_order(numbered))))
    back = last.filter((last["_sign"] < 0) & last["_last"].notnull())
    back = back.select(_who=back["_who"], _what=back["item_id"], _at=back["_last"], _where=back["_place"], _taken=back["_many"])
    buys = numbered.filter(numbered["_sign"] > 0).select("_key", "item_id", "_spot", _buyer=numbered["_who"])
    matched = back.inner_join(buys, [back["_who"] == buys["_buyer"], back["_what"] == buys["item_id"], back["_at"] == buys["_spot"]])
    return matched.select(_bought=matched["_key"], _where=matched["_where"], _taken=matched["_taken"])


RULES = (
    Rule(
        "cancellations", ("events",), "a return takes its quantity off the purchase it cancels; nothing left: the purchase is rejected",
        cancellations, typed=True, needs=("item_id",), point_in_time=False,
    ),
)  # fmt: skip
