"""The rule that joins a running shop's log to the tables of the files: its events once, its item changes, and no forgotten user."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import ibis
import pyarrow as pa
from ibis.expr.types import BooleanValue, Table, Value

from aisle.data.further import EventRow, Further
from aisle.data.rules.base import Change, Facts, Rule, first, place, text
from aisle.data.rules.cells import clock_column
from aisle.data.rules.running_items import joined_items, put_items, stamped
from aisle.schema import EVENTS, SESSION_ACTOR

BATCH = 50_000
FORGOTTEN = "the user was forgotten"
NOT_COMPARED = ("event_id", "timestamp", "order")


def extended(table: Table, facts: Facts) -> Table | None:
    """The table with the log's rows under the files'; None where the log has nothing for it."""
    log = facts.further
    if log is None or facts.table not in ("events", "items"):
        return None
    rows = _events(log) if facts.table == "events" else put_items(log)
    if facts.table == "events" and clock_column(table) != "timestamp":
        facts.remark("The running shop's events have a clock and the files' have none, so the running shop's are left out.")
        return None
    if not rows.num_rows:
        return None
    more = ibis.memtable(rows)
    every = [*table.columns, *(name for name in more.columns if name not in table.columns)]
    return ibis.union(_widened(table, every, more), _widened(more, every, table))


def _widened(table: Table, names: Sequence[str], like: Table) -> Table:
    missing = {name: ibis.null(like[name].type()) for name in names if name not in table.columns}
    return table.mutate(**missing).select(*names)


def joined(table: Table, facts: Facts) -> Change | None:
    """What the extended table must lose and change."""
    log = facts.further
    if log is None:
        return None
    if facts.table == "events":
        return _joined_events(table, log)
    return joined_items(table, log) if facts.table == "items" else _without(table, log)


def _events(log: Further) -> pa.Table:
    kinds = {name: column.kind for name, column in EVENTS.items() if name != "order"}
    parts = [stamped(rows, kinds, log) for rows in _batches(log.events())]
    return pa.concat_tables(parts, promote_options="default") if parts else stamped([], kinds, log)


def _batches(rows: Iterator[EventRow]) -> Iterator[list[EventRow]]:
    while batch := list(islice(rows, BATCH)):
        yield batch


def _joined_events(table: Table, log: Further) -> Change:
    marked, forgotten = _forgotten(table, log)
    reasons: list[tuple[BooleanValue, Value | str]] = [(forgotten, FORGOTTEN)]
    if clock_column(table) == "timestamp":
        marked = marked.left_join(_told(table, log), [("_key", "_of")])
        reasons.append((marked["_where"].notnull(), text("told by ", marked["_where"])))
    return Change(marked, reason=first(*reasons))


def _told(table: Table, log: Further) -> Table:
    """The log's events that the files tell too: their `_key` as `_of`, and `_where`. Events without an id are the same when all their
    fields are, times to the second."""
    named = table if "event_id" in table.columns else table.mutate(event_id=ibis.null("string"))
    cells = [named[name].cast("string").fill_null("\x00") for name in named.columns if name in EVENTS and name not in NOT_COMPARED]
    fields = text(*(part for cell in cells for part in (cell, "\x1f")))
    rows = named.mutate(_second=named["timestamp"].floor().cast("int64"), _fields=fields)
    ours, files = rows.filter(rows["_file"] == log.name), rows.filter(rows["_file"] != log.name)
    nameless, plain = ours.filter(ours["event_id"].isnull()), files.filter(files["event_id"].isnull())
    pairs = [(ours, files, ["event_id"]), (nameless, plain.semi_join(nameless, "_second"), ["_second", "_fields"])]
    found = [_pairs(*pair) for pair in pairs]
    return ibis.union(*found).group_by("_of").aggregate(_where=ibis._["_where"].min())


def _pairs(ours: Table, files: Table, by: list[str]) -> Table:
    left = ours.select(*by, _of=ours["_key"])
    return left.inner_join(files.select(*by, _where=place(files)), by).select("_of", "_where")


def _forgotten(table: Table, log: Further) -> tuple[Table, BooleanValue]:
    """``table`` with helper columns, and which of the files' events are of a forgotten user, or of a session that such a user claims."""
    if not log.forgotten:
        return table, ibis.literal(False)
    for name in ("user_id", "session_id"):
        table = table if name in table.columns else table.mutate(**{name: ibis.null("string")})
    files = table.filter(table["_file"] != log.name)
    users = _names(files, "user_id", "", log)
    claims = files.join(users, [("user_id", "_name")]).filter(ibis._["session_id"].notnull())
    sessions = ibis.union(_names(files, "session_id", SESSION_ACTOR, log), claims.select(_name="session_id", _until="_until"))
    sessions = sessions.group_by("_name").aggregate(_until=sessions["_until"].max())
    marked = table.left_join(users.rename(_user="_name", _of_user="_until"), [("user_id", "_user")])
    marked = marked.left_join(sessions.rename(_session="_name", _of_session="_until"), [("session_id", "_session")])
    until = ibis.ifelse(marked["user_id"].notnull(), marked["_of_user"], marked["_of_session"])
    early = marked["timestamp"] <= until if clock_column(table) == "timestamp" else until.notnull()
    return marked, (marked["_file"] != log.name) & early.fill_null(False)


def _names(table: Table, column: str, before: str, log: Further) -> Table:
    """The forgotten among the names in a column: `_name`, and `_until` when."""
    shown = table.select(column).distinct().to_pyarrow()[column].to_pylist() if column in table.columns else []
    found = {name: log.forgotten.get(log.hashed(before + name)) for name in shown if name is not None}
    left = {name: until for name, until in found.items() if until is not None}
    return ibis.memtable(pa.table({"_name": pa.array(list(left), pa.string()), "_until": pa.array(list(left.values()), pa.float64())}))


def _without(table: Table, log: Further) -> Change | None:
    """Rows of users, labels and relations that speak of a forgotten user."""
    if not log.forgotten:
        return None
    names = [name for name in ("user_id", "other_user_id") if name in table.columns]
    left = {name: _names(table, name, "", log).to_pyarrow()["_name"].to_pylist() for name in names}
    gone = ibis.or_(*(table[name].isin(left[name] or ("",)) for name in names))
    return Change(table, reason=first((gone, FORGOTTEN)))


RULES = (
    Rule(
        "running_shop",
        ("events", "items", "users", "labels", "relations"),
        "the running shop's events are added once and its changes of items made; what a forgotten user did is left out",
        joined,
        typed=True,
        extends=extended,
    ),
)
