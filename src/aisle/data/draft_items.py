"""A raw file as a catalogue: ids, something to read, categories; a title made up where there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from aisle.data.documents import quoted
from aisle.data.guess import ENOUGH, assign, name_score, pieces
from aisle.data.look import Column
from aisle.data.mapping import ROW
from aisle.data.seen import GUESSED, Draft, Seen, names_of


def items(seen: Seen, connection: duckdb.DuckDBPyConnection) -> Draft | None:
    """A catalogue: ids and something to read, no actor."""
    if seen.headless:
        return _nameless_items(seen)
    if actors(seen.columns):
        return None
    roles = assign(seen.columns, "items")
    if "item_id" not in roles or not any(column.words and column is not roles["item_id"] for column in seen.columns):
        return None
    if "title" not in roles and not roles["item_id"].unique and not _text_of_items(roles):
        return None
    return catalogue(seen, roles, connection)


def _nameless_items(seen: Seen) -> Draft | None:
    """Ids that stand once each, and beside them a column of many texts."""
    first, *others = seen.columns
    texts = [column for column in others if column.words and column.different > 0.5 * column.rows and column.length > 3]
    if not texts or not first.unique or not first.id_like:
        return None
    columns = {"item_id": first.name, "title": texts[0].name}
    several = [column for column in others if column.words and column not in texts and column.different <= 0.5 * column.rows]
    columns |= {"category": several[0].name} if several else {}
    return Draft(seen, "items", columns, notes=[GUESSED])


def _text_of_items(roles: Mapping[str, Column]) -> bool:
    return any(role in roles for role in ("description", "category", "brand"))


def actors(columns: Sequence[Column]) -> dict[str, Column]:
    """The columns that surely name who acted."""
    found = assign(columns, "events")
    return {role: found[role] for role in ("user_id", "session_id") if role in found and name_score(role, found[role].name) > 0.8}


def catalogue(seen: Seen, roles: dict[str, Column], connection: duckdb.DuckDBPyConnection) -> Draft:
    """Items of a file whose columns play ``roles``; a title is made up from what there is."""
    made = Draft(seen, "items", names_of(roles))
    description = roles.get("description")
    if "title" not in roles and description is not None and description.length < 80:
        made.columns["title"] = made.columns.pop("description")
    if "title" not in made.columns:
        made.columns["title"] = _title(seen.columns, roles)
        made.hints["title"] = "there is no title; this is made of what there is"
    path = _category_path(seen, roles, connection)
    if path:
        made.columns["category"] = path
    item_id = roles.get("item_id")
    if item_id is not None and not item_id.unique:
        stamps = [column.name for column in seen.columns if _tells_when(column) and column.name not in made.columns.values()]
        why = f"the newest by {stamps[0]} counts" if stamps else "the last counts"
        made.columns |= {"updated_at": stamps[0]} if stamps else {}
        made.notes.append(f"Several rows an item ({item_id.different:,} items in {len(seen.loaded.table):,} rows): {why}.")
    order = ("item_id", "title")
    made.columns = {name: made.columns[name] for name in sorted(made.columns, key=lambda name: order.index(name) if name in order else 2)}
    return made


def _tells_when(column: Column) -> bool:
    return column.dated > 0.8 or (column.unix > 0.8 and name_score("timestamp", column.name) >= ENOUGH)


def _title(columns: Sequence[Column], roles: Mapping[str, Column]) -> str:
    """A template of the telling columns, the finest first, until every row has something; the id where nothing tells."""
    item_id = roles.get("item_id")
    told = [column for column in columns if column.words and column is not item_id and column.different > 1 and column.length < 80]
    told = [column for column in told if not name_score("image", column.name) and "id" not in pieces(column.name)]
    chosen: list[Column] = []
    kinds = {column.name: name_score("category", column.name) >= 0.5 for column in told}
    for column in sorted(told, key=lambda column: (not kinds[column.name], -column.different)):
        if column.different >= 20 and len(chosen) < 3 and (len(chosen) < 2 or not kinds[column.name]):
            chosen.append(column)
    if not chosen:
        return item_id.name if item_id is not None else ROW
    fullest = max(told, key=lambda column: column.filled)
    if max(column.filled for column in chosen) < 0.999 and fullest not in chosen:
        chosen.append(fullest)
    return ", ".join(f"{{{column.name}}}" for column in chosen)


def _category_path(seen: Seen, roles: Mapping[str, Column], connection: duckdb.DuckDBPyConnection) -> str:
    """``{department} > {category}`` where one column's values divide the other's."""
    used = {column.name for role, column in roles.items() if role != "category"}
    levels = [column for column in seen.columns if column.name not in used and column.words and name_score("category", column.name) >= 0.5]
    levels = sorted((column for column in levels if 1 < column.different <= 2_000), key=lambda column: column.different)
    if len(levels) < 2:
        return ""
    coarse, fine = levels[0], levels[1]
    pair = f"count(DISTINCT ({quoted(coarse.name)}, {quoted(fine.name)}))"
    connection.register("looked_at", seen.loaded.table)
    together = connection.execute(f"SELECT {pair} FROM looked_at WHERE {quoted(fine.name)} IS NOT NULL").fetchall()[0][0]
    connection.unregister("looked_at")
    return f"{{{coarse.name}}} > {{{fine.name}}}" if together <= fine.different * 1.3 else ""


def answers(seen: Seen, _: duckdb.DuckDBPyConnection) -> Draft | None:
    """A catalogue, or questions and answers, without ids: the number of the row stands for one."""
    roles = assign(seen.columns, "items", leave=("item_id",))
    if "title" not in roles or "description" not in roles or seen.headless:
        return None
    notes = ["The file has no id: the number of the row is taken. Rows must then keep their places from one export to the next."]
    return Draft(seen, "items", {"item_id": ROW, **names_of(roles)}, notes=notes)
