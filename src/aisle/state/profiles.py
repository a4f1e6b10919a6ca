"""Snapshots of folded profiles beside the log, so that an answer folds only what came since."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from functools import partial
from typing import cast

import orjson

from aisle.core.answer import Json
from aisle.state.database import Database
from aisle.state.names import Names
from aisle.state.writer import Writer

GET = "SELECT json_array(sequence, json(state)) AS row FROM snapshots WHERE actor = ? AND base = ?"
PUT = """
    INSERT OR REPLACE INTO snapshots (actor, base, sequence, state) SELECT ?1, ?2, ?3, ?4
    WHERE NOT EXISTS (SELECT 1 FROM forgotten WHERE name = ?1 AND sequence >= ?3)
"""
"""A snapshot that a slower worker made before the user was forgotten is not kept."""


class SqliteProfileStore:
    """`protocols.ProfileStore` in SQLite. Actors are stored as salted hashes; a snapshot of another ``base`` replaces none."""

    def __init__(self, database: Database, writer: Writer, names: Names) -> None:
        self.database, self.writer, self.names = database, writer, names

    def get(self, actor: str, base: str) -> tuple[int, Mapping[str, Json]] | None:
        """The sequence up to which the snapshot was folded, and its state."""
        found = self.database.rows(GET, self.names.of(actor), base)
        return cast("tuple[int, Mapping[str, Json]]", tuple(found[0])) if found else None

    def put(self, actor: str, base: str, sequence: int, state: Mapping[str, Json]) -> None:
        """Keep a snapshot; it is written aside within half a second and losing it costs time only."""
        self.writer.later(partial(_put, self.names.of(actor), base, sequence, orjson.dumps(state).decode()))


def _put(actor: str, base: str, sequence: int, state: str, connection: sqlite3.Connection, newest: int) -> tuple[None, int]:
    connection.execute(PUT, (actor, base, sequence, state))
    return None, newest
