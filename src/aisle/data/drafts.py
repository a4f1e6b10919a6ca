"""What one raw file could be: items, events, judgements and so on, each with the mapping that makes it so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from aisle.data.documents import quoted
from aisle.data.guess import ENOUGH, assign, bare, codes, name_score, pieces, without_header
from aisle.data.loaded import Loaded
from aisle.data.look import Column
from aisle.data.mapping import ROW
from aisle.schema import EVENT_TYPES, EVENT_WORDS

BOUGHT = ("purchase", "buy", "buys", "order", "orders", "transaction", "transactions", "sale", "sales", "invoice", "basket", "retail", "订单", "购买")
CLICKED = ("click", "clicks", "view", "views", "visit", "visits", "browse", "session", "sessions", "浏览", "点击")
RATED = ("rating", "ratings", "review", "reviews", "评分", "评价")

@dataclass(frozen=True)
class Seen:
    """A raw file looked at: ``file`` as aisle.toml names it, ``headless`` when its first row is data already."""

    file: str
    path: Path
    loaded: Loaded
    columns: tuple[Column, ...]
    headless: bool = False
    told: str = ""

    def find(self, name: str) -> Column | None:
        """The column of that name."""
        return next((column for column in self.columns if column.name == name), None)


@dataclass
class Draft:
    """One `[[sources]]` to be. ``notes`` are said above it, ``hints`` beside a column; not ``sure``: nothing
    tells the type of its events."""

    seen: Seen
    table: str
    columns: dict[str, str]
    constants: dict[str, str] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    hints: dict[str, str] = field(default_factory=dict)
    sure: bool = True


Drafter = Callable[[Seen, duckdb.DuckDBPyConnection], Draft | None]


def draft(seen: Seen, connection: duckdb.DuckDBPyConnection) -> Draft | None:
    """What the file most likely is; None when it fits no table."""
    makers: Sequence[Drafter] = (relations, labels, judgements, events, items, users, examples, answers)
    return next(_made(makers, seen, connection), None)


def _made(makers: Sequence[Drafter], seen: Seen, connection: duckdb.DuckDBPyConnection) -> Iterator[Draft]:
    for make in makers:
        found = make(seen, connection)
        if found is not None:
            yield found


def _names(roles: Mapping[str, Column], *wanted: str) -> dict[str, str]:
    return {role: roles[role].name for role in (wanted or roles) if role in roles}


def relations(seen: Seen, _: duckdb.DuckDBPyConnection) -> Draft | None:
    """Who trusts or follows whom."""
    roles = assign(seen.columns, "relations")
    return Draft(seen, "relations", _names(roles)) if len(roles) == 2 else None


def labels(seen: Seen, _: duckdb.DuckDBPyConnection) -> Draft | None:
    """Known abusers: two columns, the second of them 0 or 1."""
    if len(seen.columns) != 2:
        return None
    roles = assign(seen.columns, "labels")
    first, second = seen.columns
    if seen.headless and first.unique and first.id_like and set(second.values) == {"0", "1"}:
        return Draft(seen, "labels", {"user_id": first.name, "label": second.name}, notes=["No header: guessed from what the columns hold."])
    return Draft(seen, "labels", _names(roles)) if {"user_id", "label"} <= set(roles) else None


def judgements(seen: Seen, _: duckdb.DuckDBPyConnection) -> Draft | None:
    """Graded pairs of query and item."""
    roles = assign(seen.columns, "judgements")
    return Draft(seen, "judgements", _names(roles)) if {"query", "item_id", "grade"} <= set(roles) else None


def users(seen: Seen, _: duckdb.DuckDBPyConnection) -> Draft | None:
    """One row a user, with attributes."""
    roles = assign(seen.columns, "users")
    if "user_id" not in roles or not roles["user_id"].unique or len(seen.columns) < 2 or seen.headless:
        return None
    return Draft(seen, "users", _names(roles))


def examples(seen: Seen, _: duckdb.DuckDBPyConnection) -> Draft | None:
    """Texts with their intent."""
    roles = assign(seen.columns, "examples")
    return Draft(seen, "examples", _names(roles)) if {"text", "intent"} <= set(roles) and len(seen.columns) <= 4 else None


def answers(seen: Seen, _: duckdb.DuckDBPyConnection) -> Draft | None:
    """A catalogue, or questions and answers, without ids: the number of the row stands for one."""
    roles = assign(seen.columns, "items", leave=("item_id",))
    if "title" not in roles or "description" not in roles or seen.headless:
        return None
    notes = ["The file has no id: the number of the row is taken. Rows must then keep their places from one export to the next."]
    return Draft(seen, "items", {"item_id": ROW, **_names(roles)}, notes=notes)


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
    return Draft(seen, "items", columns, notes=["The file has no header; which column is which is guessed from what they hold. Check it."])


def _text_of_items(roles: Mapping[str, Column]) -> bool:
    return any(role in roles for role in ("description", "category", "brand"))


def actors(columns: Sequence[Column]) -> dict[str, Column]:
    """The columns that surely name who acted."""
    found = assign(columns, "events")
    return {role: found[role] for role in ("user_id", "session_id") if role in found and name_score(role, found[role].name) > 0.8}


def catalogue(seen: Seen, roles: dict[str, Column], connection: duckdb.DuckDBPyConnection) -> Draft:
    """Items of a file whose columns play ``roles``; a title is made up from what there is."""
    made = Draft(seen, "items", _names(roles))
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


def events(seen: Seen, connection: duckdb.DuckDBPyConnection) -> Draft | None:
    """What happened: who, with which item, when."""
    roles = without_header(seen.columns) if seen.headless else assign(seen.columns, "events")
    item_id = roles.get("item_id")
    if item_id is None or not ({"user_id", "session_id"} & set(roles)):
        return None
    if item_id.unique and not seen.headless and {"title", "description"} & set(assign(seen.columns, "items")):
        return None  # a catalogue that names a seller
    if seen.headless and "rating" in roles and _file_words(seen) & set(BOUGHT):
        roles["quantity"] = roles.pop("rating")
    if seen.headless and not {"timestamp", "type", "rating", "quantity"} & set(roles):
        return None
    made = Draft(seen, "events", _names(roles))
    if seen.headless:
        made.notes.append("The file has no header; which column is which is guessed from what they hold. Check it.")
    _clock(made, roles)
    _kind(made, roles, connection)
    order = ("timestamp", "order", "type", "item_id", "user_id", "session_id")
    made.columns = {name: made.columns[name] for name in sorted(made.columns, key=lambda name: order.index(name) if name in order else 9)}
    return made


def _clock(made: Draft, roles: Mapping[str, Column]) -> None:
    """A timestamp, if need be of a day and an hour in two columns; else an order, at worst that of the rows."""
    used = set(made.columns.values())
    if "timestamp" in roles:
        made.columns.pop("order", None)
        day = roles["timestamp"]
        hours = [column.name for column in made.seen.columns if column.clock > 0.9 and column.name not in used]
        if hours and day.dated > 0.8 and day.length <= 10:
            made.columns["timestamp"] = f"{{{day.name}}} {{{hours[0]}}}"
        return
    if "order" in roles:
        made.hints["order"] = "no clock in this file: the order within one user"
        return
    near = [column for column in made.seen.columns if name_score("timestamp", column.name) >= 0.5 and column.whole > 0.99 and column.name not in used]
    made.columns["order"] = near[0].name if near else ROW
    made.hints["order"] = "taken as an order: its numbers are no instants" if near else "the file tells no time: the order of its rows is taken"


def _kind(made: Draft, roles: Mapping[str, Column], connection: duckdb.DuckDBPyConnection) -> None:
    """The event's type: a column of words, a letter before the invoice's number, or the same for all rows."""
    column = roles.get("type")
    if column is not None:
        made.types = _words(column, made)
        return
    invoice = made.columns.get("session_id")
    letter = _return_letter(made, invoice, connection) if invoice and "quantity" in roles else ""
    if invoice and letter:
        made.columns["type"] = invoice
        made.types = {f"{letter}*": "return", "*": "purchase"}
        made.hints["type"] = f"numbers that begin with {letter} have negative quantities: returns"
        return
    made.constants["type"] = _same_for_all(made, roles)
    made.notes.append(f"No column tells the type of event; all are taken for `{made.constants['type']}`. Change it if that is wrong.")


def _words(column: Column, made: Draft) -> dict[str, str]:
    known = codes(column)
    if known:
        made.hints["type"] = "numbers: what they stand for is the usual reading; check it"
        return {value: known[value] for value in column.values}
    found: dict[str, str] = {}
    for value in column.values:
        word = value.strip().lower()
        if word not in EVENT_TYPES and word not in EVENT_WORDS:
            parts = [EVENT_WORDS.get(part, part) for part in pieces(value)]
            near = [part for part in parts if part in EVENT_TYPES]
            if len(near) == 1 and not {"remove", "un", "cancel", "delete"} & set(pieces(value)):
                found[value] = near[0]
            else:
                made.notes.append(f"`{value}` is no event type of ours: those rows will be rejected until `types` says what it is.")
        elif word not in EVENT_TYPES:
            found[value] = EVENT_WORDS[word]
    return found


def _return_letter(made: Draft, invoice: str, connection: duckdb.DuckDBPyConnection) -> str:
    """A letter with which nearly all invoices of negative quantities begin, and hardly another one; empty if there is none."""
    cell, number = quoted(invoice), f"TRY_CAST({quoted(made.columns['quantity'])} AS DOUBLE)"
    connection.register("looked_at", made.seen.loaded.table)
    found = connection.execute(
        f"SELECT left({cell}, 1) AS letter, count(*), avg(CASE WHEN {number} < 0 THEN 1 ELSE 0 END) FROM looked_at WHERE {cell} IS NOT NULL "
        "GROUP BY 1 HAVING regexp_matches(letter, '[A-Za-z]') ORDER BY 2 DESC"
    ).fetchall()
    connection.unregister("looked_at")
    total = len(made.seen.loaded.table)
    return next((str(letter) for letter, count, negative in found if negative > 0.9 and count < 0.3 * total), "")


def _file_words(seen: Seen) -> set[str]:
    return set(pieces(seen.path.name)) | {bare(seen.path.stem)}


def _same_for_all(made: Draft, roles: Mapping[str, Column]) -> str:
    words = _file_words(made.seen)
    if "rating" in roles:
        return "rating"
    for hints, kind in ((BOUGHT, "purchase"), (CLICKED, "click"), (RATED, "rating")):
        if words & set(hints) or any(hint in made.seen.path.name for hint in hints if not hint.isascii()):
            return kind
    telling = {piece for column in made.seen.columns for piece in pieces(column.name)}
    if "quantity" in roles or telling & set(BOUGHT):
        return "purchase"
    made.sure = "session_id" in roles or bool(telling & set(CLICKED))
    return "click" if made.sure or "price" not in roles else "purchase"
