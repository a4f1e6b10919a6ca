"""Which of the drafts of several files are kept, so that items, events and users fit together and there is a catalogue at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import duckdb

from aisle.core.errors import InputError
from aisle.data.documents import quoted
from aisle.data.draft_items import catalogue
from aisle.data.drafts import draft
from aisle.data.guess import assign
from aisle.data.look import Column
from aisle.data.seen import Draft, Seen

LITTLE = 0.1
"""Share of common ids under which two files are not about the same items (users)."""


@dataclass
class Plan:
    """``drafts`` are the sources to write; ``unused`` says of each other file why it is left out."""

    drafts: list[Draft] = field(default_factory=list)
    unused: dict[str, str] = field(default_factory=dict)


def plan(seen: Sequence[Seen], own: Sequence[Draft], connection: duckdb.DuckDBPyConnection) -> Plan:
    """The sources for the files ``seen`` beside those that are read by their names (``own``). Raises `InputError` when no catalogue can be
    made of them."""
    made = Plan()
    found: list[Draft] = []
    for file in seen:
        one = draft(file, connection)
        if one is None:
            made.unused[file.file] = f"fits no table; its columns are: {', '.join(column.name for column in file.columns)}."
        else:
            found.append(one)
    acts = _sure(_of([*own, *found], "events", "judgements"), made)
    items = _catalogues(found, acts, made) if not _of(own, "items") else []
    items = items or ([] if _of(own, "items") else _from_acts(acts, connection))
    catalogues = items or _of(own, "items")
    acts = [one for one in acts if one not in own and _about(one, catalogues, made, connection)]
    users = [one for one in _of(found, "users") if _known_users(one, acts, made, connection)]
    made.drafts = [*items, *acts, *users, *_of(found, "labels", "examples", "relations")]
    if not catalogues:
        raise InputError(_without_items(made), "Name a file with an id and a title for each item.")
    return made


def _of(drafts: Sequence[Draft], *tables: str) -> list[Draft]:
    return [one for one in drafts if one.table in tables]


def _sure(acts: list[Draft], made: Plan) -> list[Draft]:
    """Files of events of which nothing tells the type are left out where another file tells its."""
    sure = [one for one in acts if one.sure]
    if not _of(sure, "events"):
        return acts
    for one in acts:
        if not one.sure:
            made.unused[one.seen.file] = "looks like events, but nothing tells of which type."
    return sure


def _without_items(made: Plan) -> str:
    reasons = [f"{file} {why}" for file, why in made.unused.items()]
    reasons += [f"{one.seen.file} looks like {one.table}." for one in made.drafts]
    return f"No items can be found in these files. {' '.join(reasons)}"


def _catalogues(found: Sequence[Draft], acts: Sequence[Draft], made: Plan) -> list[Draft]:
    """Of several files that could be the catalogue the one that knows most of the ids in use, and files of the same columns."""
    candidates = _of(found, "items")
    if len(candidates) < 2:
        return candidates
    with duckdb.connect() as connection:
        known = [max((share(act, one, "item_id", connection) for act in acts), default=0.0) for one in candidates]
    rows = [len(one.seen.loaded.table) for one in candidates]
    best = max(range(len(candidates)), key=lambda place: (known[place], rows[place]))
    kept = []
    for one in candidates:
        if one.columns == candidates[best].columns:
            kept.append(one)
        else:
            made.unused[one.seen.file] = f"looks like items too, but {candidates[best].seen.file} fits better."
    return kept


def share(of: Draft, known: Draft, column: str, connection: duckdb.DuckDBPyConnection) -> float:
    """Share of the different ids of one file that the other has; nothing where one of them has no such column of its own."""
    ids, others = of.columns.get(column, ""), known.columns.get(column, "")
    if of.seen.find(ids) is None or known.seen.find(others) is None:
        return 0.0
    connection.register("ids", of.seen.loaded.table)
    connection.register("others", known.seen.loaded.table)
    inner = f"SELECT DISTINCT trim({quoted(ids)}) AS id FROM ids WHERE {quoted(ids)} IS NOT NULL"
    query = f"SELECT count(*), count(*) FILTER (id IN (SELECT trim({quoted(others)}) FROM others)) FROM ({inner})"
    total, common = connection.execute(query).fetchall()[0]
    connection.unregister("ids")
    connection.unregister("others")
    return float(common) / max(1, total)


def _from_acts(acts: Sequence[Draft], connection: duckdb.DuckDBPyConnection) -> list[Draft]:
    """A catalogue from the files that name items in events, else in judgements: their titles, or only their ids."""
    sources = _of(acts, "events") or _of(acts, "judgements")
    return [_catalogue_of(one, connection) for one in sources if one.seen.find(one.columns.get("item_id", ""))]


def _catalogue_of(act: Draft, connection: duckdb.DuckDBPyConnection) -> Draft:
    key = act.seen.find(act.columns["item_id"])
    taken = {name for role, name in act.columns.items() if role not in ("item_id", "price")}
    free = [column for column in act.seen.columns if column.name not in taken and column is not key]
    roles = {} if act.seen.headless else assign(free, "items", leave=("item_id", "created_at", "available_from", "available_until"))
    if key is not None:
        roles["item_id"] = key
    made = catalogue(act.seen, roles, connection) if {"title", "description"} & set(roles) else _untitled(act, roles)
    made.columns.pop("updated_at", None)
    made.notes = [f"No file of items: they are taken from the {act.table}, each item once."]
    return made


def _untitled(act: Draft, roles: dict[str, Column]) -> Draft:
    """Category and brand stand for the title, the id at the end, so that no item is without one."""
    names: dict[str, str] = {role: roles[role].name for role in ("item_id", "price", "brand", "category") if role in roles}
    told = [names[role] for role in ("brand", "category") if role in names]
    title = ", ".join(f"{{{name}}}" for name in [*told, names["item_id"]]) if told else names["item_id"]
    hint = "there is no title; this is made of what there is" if told else "no text tells what an item is, so its id stands for the title"
    return Draft(act.seen, "items", {"item_id": names["item_id"], "title": title, **names}, hints={"title": hint})


def _about(act: Draft, catalogues: Sequence[Draft], made: Plan, connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the events (judgements) are of the catalogue's items."""
    if any(one.seen is act.seen or one.seen.find(one.columns.get("item_id", "")) is None for one in catalogues):
        return True
    known = max((share(act, one, "item_id", connection) for one in catalogues), default=1.0)
    if known < LITTLE:
        made.unused[act.seen.file] = f"names items by `{act.columns['item_id']}`, and the catalogue knows {known:.0%} of them."
        return False
    if known < 0.9:
        act.notes.append(f"The catalogue knows {known:.0%} of the items named here.")
    return True


def _known_users(users: Draft, acts: Sequence[Draft], made: Plan, connection: duckdb.DuckDBPyConnection) -> bool:
    known = max((share(users, act, "user_id", connection) for act in _of(acts, "events")), default=0.0)
    if known < LITTLE:
        made.unused[users.seen.file] = f"describes users by `{users.columns['user_id']}`, and the events know {known:.0%} of them."
    return known >= LITTLE
