"""Rows that could be read but are not believed: set aside with their reason, to be looked at, never learned from."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import orjson

from aisle.core.answer import Json
from aisle.state.database import Database
from aisle.state.names import Names
from aisle.state.protocols import Suspect
from aisle.state.writer import Writer

KEPT = 10_000
"""The newest rows that are kept."""

RECENT = "SELECT json_array(time, reason, json(row)) AS row FROM quarantine ORDER BY number DESC LIMIT ?"


@dataclass(frozen=True, slots=True)
class SetAside:
    """A row as it lies in the quarantine; ``time`` is when it came in."""

    time: float
    reason: str
    row: Mapping[str, Json]


class Quarantine:
    """The newest `KEPT` rows that are not believed. Forgetting a user removes the user's."""

    def __init__(self, database: Database, writer: Writer, names: Names) -> None:
        self.database, self.writer, self.names = database, writer, names

    def put(self, suspects: Sequence[Suspect], now: float) -> None:
        """Keep rows; on disk when it returns."""
        if suspects:
            rows = [(now, one.reason, self._user(one.row), orjson.dumps(one.row).decode()) for one in suspects]
            self.writer.do(partial(_put, rows))

    def recent(self, limit: int = 100) -> list[SetAside]:
        """The newest rows first."""
        return [SetAside(*cast("tuple[float, str, Mapping[str, Json]]", row)) for row in self.database.rows(RECENT, limit)]

    def _user(self, row: Mapping[str, Json]) -> str | None:
        return None if row.get("user_id") is None else self.names.of(str(row["user_id"]).strip())


def _put(rows: Sequence[tuple[float, str, str | None, str]], connection: sqlite3.Connection, newest: int) -> tuple[None, int]:
    connection.executemany("INSERT INTO quarantine (time, reason, user_id, row) VALUES (?, ?, ?, ?)", rows)
    connection.execute("DELETE FROM quarantine WHERE number <= (SELECT max(number) FROM quarantine) - ?", (KEPT,))
    return None, newest
