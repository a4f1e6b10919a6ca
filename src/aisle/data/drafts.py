"""What one raw file could be: items, events, judgements and so on, each with the mapping that makes it so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import duckdb

from aisle.data.draft_events import events
from aisle.data.draft_items import answers, items
from aisle.data.guess import assign
from aisle.data.seen import GUESSED, Draft, Seen, names_of

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


def relations(seen: Seen, _: duckdb.DuckDBPyConnection) -> Draft | None:
    """Who trusts or follows whom."""
    roles = assign(seen.columns, "relations")
    return Draft(seen, "relations", names_of(roles)) if len(roles) == 2 else None


def labels(seen: Seen, _: duckdb.DuckDBPyConnection) -> Draft | None:
    """Known abusers: two columns, the second of them 0 or 1."""
    if len(seen.columns) != 2:
        return None
    roles = assign(seen.columns, "labels")
    first, second = seen.columns
    if seen.headless and first.unique and first.id_like and set(second.values) == {"0", "1"}:
        return Draft(seen, "labels", {"user_id": first.name, "label": second.name}, notes=[GUESSED])
    return Draft(seen, "labels", names_of(roles)) if {"user_id", "label"} <= set(roles) else None


def judgements(seen: Seen, _: duckdb.DuckDBPyConnection) -> Draft | None:
    """Graded pairs of query and item."""
    roles = assign(seen.columns, "judgements")
    return Draft(seen, "judgements", names_of(roles)) if {"query", "item_id", "grade"} <= set(roles) else None


def users(seen: Seen, _: duckdb.DuckDBPyConnection) -> Draft | None:
    """One row a user, with attributes."""
    roles = assign(seen.columns, "users")
    if "user_id" not in roles or not roles["user_id"].unique or len(seen.columns) < 2 or seen.headless:
        return None
    return Draft(seen, "users", names_of(roles))


def examples(seen: Seen, _: duckdb.DuckDBPyConnection) -> Draft | None:
    """Texts with their intent."""
    roles = assign(seen.columns, "examples")
    return Draft(seen, "examples", names_of(roles)) if {"text", "intent"} <= set(roles) and len(seen.columns) <= 4 else None
