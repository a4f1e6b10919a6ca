"""Rules on whole rows of any table: exact copies, and ids that differ in case or spaces only."""

from __future__ import annotations

import ibis
from ibis.expr.types import IntegerValue, Table

from aisle.data.rules.base import Change, Facts, Rule, first, place, text
from aisle.schema import TABLES

LARGEST = 3.4e38
"""What 32 bits can hold of a number."""
IDS = {"items": "item_id", "events": "user_id", "users": "user_id"}
"""The id column of a table in which two spellings would be two things."""


def duplicates(table: Table, facts: Facts) -> Change | None:
    """A row equal to an earlier one in every column. Lines of an invoice file are told apart as events, not as items."""
    rows = table.filter(~table["_file"].isin(facts.shared_files)) if facts.table == "items" and facts.shared_files else table
    names = [name for name in table.columns if not name.startswith("_")]
    return _repeats(table, rows, names, "exact copy of ")


def repeated_ids(table: Table, facts: Facts) -> Change | None:
    """An event id that was already there: the same event told twice."""
    return _repeats(table, table.filter(table["event_id"].notnull()), ["event_id"], "same event_id as ")


def _repeats(table: Table, rows: Table, names: list[str], words: str) -> Change:
    """Rejects every row but the first of those equal in ``names``. The suspects are found by a hash, then compared in full: a window over
    all columns of all rows would sort the whole table."""
    hashed = rows.select("_key", _hash=_hash(rows, names))
    counted = hashed.group_by("_hash").aggregate(_first=hashed["_key"].min(), _times=hashed.count())
    suspects = counted.filter(counted["_times"] > 1)
    joined = hashed.inner_join(suspects, "_hash").select("_key")
    pool = table.semi_join(joined, "_key")
    window = ibis.window(group_by=names, order_by="_key")
    told = pool.mutate(_original=place(pool).first().over(window), _spot=ibis.row_number().over(window))
    copies = told.filter(told["_spot"] > 0)
    return Change(copies, reason=first((copies["_spot"] > 0, text(words, copies["_original"]))))


def _hash(rows: Table, names: list[str]) -> IntegerValue:
    """One number for the row; cells are set apart by a mark that no text holds, and missing differs from empty."""
    pieces = [rows[name].cast("string").fill_null("\x00") for name in names]
    whole = pieces[0]
    for piece in pieces[1:]:
        whole = whole + "\x1f" + piece
    return whole.hash()


def twins(table: Table, facts: Facts) -> None:
    """Ids that differ only in case or in spaces: said, never merged; of items, those of events too that no item bears as they are."""
    name = IDS[facts.table]
    if name not in table.columns:
        return
    ids = _distinct(table, name)
    pairs = ids.group_by("alike").aggregate(times=ids.count(), one=ids["id"].min(), two=ids["id"].max())
    found = pairs.filter(pairs["times"] > 1).order_by("alike").to_pyarrow().to_pylist()
    if found:
        shown = ", ".join(f"{row['one']} and {row['two']}" for row in found[:3])
        facts.counts[f"{facts.table}.{name} differing in case or spaces only"] = len(found)
        facts.remark(f"{facts.table}: {len(found)} times {name}s differ in case or spaces only, and stay apart: {shown}.")
    events = facts.others.get("events")
    if facts.table == "items" and events is not None and "item_id" in events.columns:
        _nearly_known(ids, _distinct(events, "item_id"), facts)


def _distinct(table: Table, name: str) -> Table:
    """Each ``id`` once, and what is ``alike`` in those that differ in case or spaces only."""
    ids = table.filter(table[name].notnull()).select(id=table[name]).distinct()
    return ids.mutate(alike=ids["id"].lower().re_replace(r"[\s\x{3000}\x{a0}]", ""))


def _nearly_known(ids: Table, asked: Table, facts: Facts) -> None:
    strangers = asked.anti_join(ids, "id").inner_join(ids.group_by("alike").aggregate(known=ids["id"].min()), "alike")
    found = strangers.order_by("id").to_pyarrow().to_pylist()
    if found:
        shown = ", ".join(f"{row['id']} ({row['known']})" for row in found[:3])
        told = f"{len(found)} item_ids are those of items but for case or spaces, as {shown}; their item is unknown. Write them alike."
        facts.remark(f"events: {told}")


def same_user(table: Table, facts: Facts) -> Change:
    """Several rows of one user: the last one counts."""
    window = ibis.window(group_by="user_id", order_by=table["_key"].desc())
    spot = table.mutate(_spot=ibis.row_number().over(window))
    return Change(spot, reason=first((spot["_spot"] > 0, "an earlier row of the same user")))


def graded_twice(table: Table, facts: Facts) -> Change:
    """A pair graded twice: the last grade wins."""
    window = ibis.window(group_by=["query", "item_id"], order_by=table["_key"].desc())
    spot = table.mutate(_spot=ibis.row_number().over(window))
    return Change(spot, reason=first((spot["_spot"] > 0, "an earlier grade of the same pair")))


def grades(table: Table, facts: Facts) -> Change:
    """A grade must be a number that can be compared."""
    cell = table["grade"]
    bad = cell.isnan() | (cell.abs() > LARGEST)
    return Change(table, reason=first((bad, text("grade is no number to compare by: ", cell))))


def one_split(table: Table, facts: Facts) -> Change:
    """A query stands in one split only, however it is spaced and capitalised: where its rows differ, test before dev before train, so that
    no test query is learned from."""
    rank = table["split"].lower().cases(("train", 0), ("dev", 1), ("test", 2), else_=-1)
    form = table["query"].lower().re_replace(r"\s+", " ").strip()
    strictest = table.mutate(_split=rank.max().over(group_by=form))
    name = strictest["_split"].cases((0, "train"), (1, "dev"), (2, "test"), else_=ibis.null("string"))
    return Change(strictest, {"split": name})


BEFORE = (
    Rule("duplicates", tuple(TABLES), "a row equal to an earlier one in every column is rejected", duplicates),
    Rule("repeated_ids", ("events",), "an event_id that was already there is rejected", repeated_ids, needs=("event_id",)),
    Rule("case_twins", tuple(IDS), "ids that differ in case or spaces only are reported, never merged", twins),
)
OTHERS = (
    Rule("same_user", ("users", "labels"), "of several rows of one user the last counts", same_user),
    Rule("one_split", ("judgements",), "a query with rows in several splits goes whole to test, else dev", one_split, needs=("split",)),
    Rule("grades", ("judgements",), "grades that are NaN, infinite or beyond 32 bits are rejected", grades, typed=True, needs=("grade",)),
    Rule("graded_twice", ("judgements",), "of a pair graded twice the last grade counts", graded_twice),
)
