"""The changes of the catalogue since the bundle, in the same sequence as the events."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import cast

import orjson

from aisle.core.answer import Json, Value
from aisle.state.database import Database
from aisle.state.layout import ITEM
from aisle.state.protocols import ItemChange
from aisle.state.writer import Writer

STORE = f"""
    INSERT INTO facts (sequence, kind, item_id, body)
    SELECT ?1 + 1 + key, {ITEM}, value ->> 0, nullif(value -> 1, 'null') FROM json_each(?2)
"""
CHANGES = f"SELECT json_array(sequence, item_id, json(body)) AS row FROM facts WHERE kind = {ITEM} AND sequence > ? ORDER BY sequence"


class SqliteItemStore:
    """`protocols.ItemStore` in SQLite."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self.database, self.writer = database, writer

    def put(self, items: Iterable[Mapping[str, Value]], replace: bool = False) -> int:
        """Store items by ``item_id``; with ``replace`` they are the whole catalogue, and every other item is gone.

        Returns the newest sequence, then on disk. All of one call become visible together. Raises `StateError` when they are not certain to
        be on disk.
        """
        items = list(items)
        rows: list[Json] = [[item["item_id"], {name: value for name, value in item.items() if name != "item_id"}] for item in items]
        keep: list[Json] = [[None, [item["item_id"] for item in items]]] if replace else []
        return self._store([*rows, *keep])

    def delete(self, item_id: str) -> int:
        """Store a tombstone."""
        return self._store([[item_id, None]])

    def changes(self, after: int = 0) -> Sequence[ItemChange]:
        """Changes after a sequence, in order. A full feed's items come first, then one change with an empty id and ``keep``."""
        return [_change(row) for row in self.database.rows(CHANGES, after)]

    def _store(self, rows: Sequence[Json]) -> int:
        return self.writer.do(partial(_insert, orjson.dumps(rows).decode(), len(rows)))


def _insert(rows: str, count: int, connection: sqlite3.Connection, newest: int) -> tuple[int, int]:
    connection.execute(STORE, (newest, rows))
    return newest + count, newest + count


def _change(row: Sequence[Json]) -> ItemChange:
    sequence, item_id, body = cast("tuple[int, str | None, dict[str, Value] | list[str] | None]", row)
    if item_id is None:
        return ItemChange(sequence, "", keep=frozenset(body or ()))
    return ItemChange(sequence, item_id, body if isinstance(body, dict) else None)
