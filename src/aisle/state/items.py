"""The changes of the catalogue since the bundle, in the same sequence as the events."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import cast

import orjson

from aisle.core.answer import Json, Value
from aisle.state.database import Database
from aisle.state.layout import ITEM, MICRO
from aisle.state.protocols import ItemChange
from aisle.state.writer import Writer

STORE = f"""
    INSERT INTO facts (sequence, kind, item_id, body, time)
    SELECT ?1 + 1 + key, {ITEM}, value ->> 0, nullif(value -> 1, 'null'), ?3 FROM json_each(?2)
"""
PUT_AT = f"SELECT json_array(sequence, time) AS row FROM facts WHERE kind = {ITEM} AND time IS NOT NULL"
CHANGES = (
    f"SELECT json_array(sequence, item_id, json(body)) AS row FROM facts WHERE kind = {ITEM} AND sequence > ? ORDER BY sequence LIMIT ?"
)


class SqliteItemStore:
    """`protocols.ItemStore` in SQLite."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self.database, self.writer = database, writer

    def put(self, items: Iterable[Mapping[str, Value]], replace: bool = False, now: float | None = None) -> int:
        """Store items by ``item_id``; with ``replace`` they are the whole catalogue, and every other item is gone.

        Returns the newest sequence, then on disk. All of one call become visible together. Raises `StateError` when they are not certain to
        be on disk. Without ``now`` (UTC seconds) the next training cannot tell whether a row of a file is younger.
        """
        items = list(items)
        rows: list[Json] = [[item["item_id"], {name: value for name, value in item.items() if name != "item_id"}] for item in items]
        keep: list[Json] = [[None, [item["item_id"] for item in items]]] if replace else []
        return self._store([*rows, *keep], None if now is None else round(now * MICRO))

    def delete(self, item_id: str) -> int:
        """Store a tombstone."""
        return self._store([[item_id, None]], None)

    def changes(self, after: int = 0, most: int | None = None) -> Sequence[ItemChange]:
        """Changes after a sequence, in order, at most ``most``. A full feed's items come first, then one change with an empty id and
        ``keep``."""
        return [_change(row) for row in self.database.rows(CHANGES, after, -1 if most is None else most)]

    def times(self) -> Mapping[int, float]:
        """When each change was made, by sequence, where that is known."""
        found = cast("Sequence[tuple[int, int]]", self.database.rows(PUT_AT))
        return {sequence: time / MICRO for sequence, time in found}

    def _store(self, rows: Sequence[Json], time: int | None) -> int:
        return self.writer.do(partial(_insert, orjson.dumps(rows).decode(), len(rows), time))


def _insert(rows: str, count: int, time: int | None, connection: sqlite3.Connection, newest: int) -> tuple[int, int]:
    connection.execute(STORE, (newest, rows, time))
    return newest + count, newest + count


def _change(row: Sequence[Json]) -> ItemChange:
    sequence, item_id, body = cast("tuple[int, str | None, dict[str, Value] | list[str] | None]", row)
    if item_id is None:
        return ItemChange(sequence, "", keep=frozenset(body or ()))
    return ItemChange(sequence, item_id, body if isinstance(body, dict) else None)
