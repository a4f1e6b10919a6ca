"""A raw file as events: who, with which item, when, and what kind of event."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from aisle.data.documents import quoted
from aisle.data.guess import assign, bare, codes, name_score, pieces, without_header
from aisle.data.look import Column
from aisle.data.mapping import ROW
from aisle.data.seen import GUESSED, Draft, Seen, names_of
from aisle.schema import EVENT_TYPES, EVENT_WORDS

BOUGHT = (
    "purchase",
    "buy",
    "buys",
    "order",
    "orders",
    "transaction",
    "transactions",
    "sale",
    "sales",
    "invoice",
    "basket",
    "retail",
    "订单",
    "购买",
)
CLICKED = ("click", "clicks", "view", "views", "visit", "visits", "browse", "session", "sessions", "浏览", "点击")
RATED = ("rating", "ratings", "review", "reviews", "评分", "评价")


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
    made = Draft(seen, "events", names_of(roles))
    if seen.headless:
        made.notes.append(GUESSED)
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
    near = [
        column
        for column in made.seen.columns
        if name_score("timestamp", column.name) >= 0.5 and column.whole > 0.99 and column.name not in used
    ]
    made.columns["order"] = near[0].name if near else ROW
    made.hints["order"] = (
        "taken as an order: its numbers are no instants" if near else "the file tells no time: the order of its rows is taken"
    )


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
        f"SELECT left({cell}, 1) AS letter, count(*), avg(CASE WHEN {number} < 0 THEN 1 ELSE 0 END) FROM looked_at WHERE {cell} "
        f"IS NOT NULL "
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
