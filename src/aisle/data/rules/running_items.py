"""Changes of items in a running shop, joined to the items of the files: edits override, deleted ones go, new ones are added."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import ibis
import pyarrow as pa
from ibis.expr.types import Table, Value

from aisle.data.further import Cell, Further, ItemEdit
from aisle.data.rules.base import WRITTEN, Change, first
from aisle.schema import ITEMS, Kind

LAST = 1 << 61
"""`_key` of the log's rows: after every file's."""

EDITS = "edits a row of the files"


def stamped(rows: Sequence[Mapping[str, Cell]], kinds: Mapping[str, Kind], log: Further) -> pa.Table:
    """Rows of cells as a typed table with our own columns; of the others those that hold anything."""
    columns = {name: [row.get(name) for row in rows] for name in kinds}
    made = {name: pa.array(cells, _type(kinds[name])) for name, cells in columns.items() if any(cell is not None for cell in cells)}
    numbers = [int(row["_row"] or 0) for row in rows]
    own = {"_key": pa.array([LAST + number for number in numbers], pa.int64()), "_row": pa.array(numbers, pa.int64())}
    own |= {"_file": pa.array([log.name] * len(rows), pa.string()), "_repaired": pa.array([False] * len(rows), pa.bool_())}
    return pa.table({**own, **made})


def _type(kind: Kind) -> pa.DataType:
    return pa.string() if kind in WRITTEN else pa.float64()


def put_items(log: Further) -> pa.Table:
    """A row for each item that was put."""
    return stamped([{**edit.cells, "item_id": item, "_row": edit.row} for item, edit in log.edits.items()], _kinds(log.edits), log)


def _kinds(edits: Mapping[str, ItemEdit]) -> dict[str, Kind]:
    """The attributes that anything was put of; further ones are categories, as in files."""
    names = dict.fromkeys(("item_id", *(name for edit in edits.values() for name in edit.cells)))
    return {name: ITEMS[name].kind if name in ITEMS else Kind.CATEGORY for name in names if not name.startswith("_")}


def joined_items(table: Table, log: Further) -> Change:
    """Edits go over the rows of the files, unless such a row says that it was true later (`updated_at`); a row of the log itself stays
    only where no file has the item."""
    shown = table.filter(table["_file"] != log.name).select("item_id").distinct().to_pyarrow()["item_id"].to_pylist()
    there = {item for item in shown if item is not None}
    deleted = ibis.memtable(pa.table({"_deleted": pa.array([item for item in there if log.gone(item)], pa.string())}))
    edits = ibis.memtable(_edits(log, table, there))
    rows = table.left_join(edits, [("item_id", "_item")]).left_join(deleted, [("item_id", "_deleted")])
    ours = rows["_file"] == log.name
    newer = rows["updated_at"] > rows["_time"] if "updated_at" in table.columns else ibis.literal(False)
    edited = ~ours & rows["_item"].notnull() & ~newer.fill_null(False)
    names = [name.removeprefix("_has_") for name in edits.columns if name.startswith("_has_")]
    values: dict[str, Value] = {name: ibis.ifelse(edited & rows[f"_has_{name}"], rows[f"_new_{name}"], rows[name]) for name in names}
    reason = first(
        (~ours & rows["_deleted"].notnull(), "deleted in the running shop"),
        (~ours & rows["_anew"].fill_null(False), "deleted in the running shop and put anew"),
        (ours & rows["_there"].fill_null(False), EDITS),
        (ours & rows["title"].isnull(), "no title"),
    )
    return Change(rows, values, reason, EDITS)


def _edits(log: Further, table: Table, there: Collection[str]) -> pa.Table:
    """Of each put item which attributes were put (`_has_`) and as what (`_new_`), and whether the files have it (`_there`)."""
    kinds = {name: kind for name, kind in _kinds(log.edits).items() if name != "item_id" and name in table.columns}
    edits = list(log.edits.values())
    made = {"_item": pa.array(list(log.edits), pa.string()), "_anew": pa.array([edit.anew for edit in edits], pa.bool_())}
    made["_there"] = pa.array([item in there and not edit.anew for item, edit in log.edits.items()], pa.bool_())
    made["_time"] = pa.array([edit.time for edit in edits], pa.float64())
    for name, kind in kinds.items():
        made[f"_new_{name}"] = pa.array([edit.cells.get(name) for edit in edits], _type(kind))
        made[f"_has_{name}"] = pa.array([name in edit.cells for edit in edits], pa.bool_())
    return pa.table(made)
