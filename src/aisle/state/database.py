"""Opening a SQLite file of the state folder: its settings, its version, one connection a thread for reading, whole answers in one step."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from aisle.core.answer import Json
from aisle.core.errors import StateError

BUSY = 10.0
"""Seconds to wait for another process before SQLite gives up."""

Parameter = str | int | float | bytes | None
Migration = Callable[[sqlite3.Connection], None]


class Disk:
    """The two moments at which something becomes durable. A fault injector takes this class's place (`aisle.testing.faults`)."""

    def commit(self, connection: sqlite3.Connection) -> None:
        """End a transaction; it is on disk afterwards."""
        connection.execute("COMMIT")

    def sync(self, descriptor: int) -> None:
        """Bring a file's content to disk."""
        os.fdatasync(descriptor)


@dataclass(frozen=True)
class Layout:
    """What a file looks like: ``create`` makes it in ``version``; ``migrations[v]`` takes one of version ``v`` to ``v + 1``.

    ``durable``: a commit waits for the disk. Else a power cut may take the newest commits, a killed process none.
    """

    version: int
    create: str
    migrations: Mapping[int, Migration] = field(default_factory=dict)
    durable: bool = True


def connect(path: Path, durable: bool = True) -> sqlite3.Connection:
    """A connection without implicit transactions. What is deleted is overwritten, so that forgetting leaves nothing in the file."""
    connection = sqlite3.connect(path, timeout=BUSY, isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")
    connection.execute("PRAGMA secure_delete = ON")
    return connection


class Database:
    """One SQLite file in write-ahead mode. Reading never waits for writing. Not to be carried over a fork."""

    def __init__(self, path: Path, layout: Layout) -> None:
        """Open, create or migrate. Raises `StateError` for a damaged file and for a version that this program does not know."""
        self.path, self.layout = path, layout
        self._open: dict[threading.Thread, sqlite3.Connection] = {}
        self._opening = threading.Lock()
        with self.writing() as connection:
            _prepare(connection, path, layout)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection of its own, closed afterwards; SQLite's errors become `StateError`."""
        with mended(self.path):
            connection = connect(self.path, self.layout.durable)
            try:
                yield connection
            finally:
                connection.close()

    def rows(self, query: str, *parameters: Parameter) -> Sequence[Sequence[Json]]:
        """The rows of ``SELECT json_array(...) AS row``.

        They leave SQLite as one text in one step: each step gives up the interpreter's lock, and may wait long for it beside busy threads.
        """
        connection = self._mine()
        with mended(self.path):
            return orjson.loads(connection.execute(f"SELECT json_group_array(json(row)) FROM ({query})", parameters).fetchone()[0])

    def value(self, query: str, *parameters: Parameter) -> Parameter:
        """The first column of the first row, None without a row."""
        connection = self._mine()
        with mended(self.path):
            found = connection.execute(query, parameters).fetchone()
        return None if found is None else found[0]

    def _mine(self) -> sqlite3.Connection:
        thread = threading.current_thread()
        found = self._open.get(thread)
        if found is None:
            with self._opening, mended(self.path):
                for gone in [other for other in self._open if not other.is_alive()]:
                    self._open.pop(gone).close()
                found = self._open[thread] = connect(self.path)
                found.execute("PRAGMA query_only = ON")
        return found

    def close(self) -> None:
        """Close every thread's connection."""
        with self._opening:
            while self._open:
                self._open.popitem()[1].close()


@contextmanager
def mended(path: Path) -> Iterator[None]:
    """Turn errors of SQLite and of the disk into `StateError` with what to do."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StateError(f"{path}: {error}.", _mend(str(error))) from error


def _mend(text: str) -> str:
    for words, mend in (
        ("full", "Make room on that disk; nothing was acknowledged, send it again."),
        ("No space", "Make room on that disk; nothing was acknowledged, send it again."),
        ("locked", "Another program holds the file for long; close it."),
        ("malformed", "Stop the server and restore the state folder from a copy."),
        ("not a database", "Stop the server and restore the state folder from a copy."),
        ("readonly", "Give this user the right to write the state folder."),
        ("unable to open", "Give this user the right to write the state folder."),
    ):
        if words in text:
            return mend
    return "See to that disk; what was not acknowledged must be sent again."


def _prepare(connection: sqlite3.Connection, path: Path, layout: Layout) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    if connection.execute("PRAGMA user_version").fetchone()[0] == layout.version:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        _upgrade(connection, path, layout)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _upgrade(connection: sqlite3.Connection, path: Path, layout: Layout) -> None:
    """From whatever is there to the layout's version, inside the caller's transaction."""
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    if found == 0 and not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
        _run(connection, layout.create)
        found = layout.version
    if found > layout.version:
        raise StateError(f"{path} was written by a newer Aisle (version {found}; this one knows {layout.version}).", "Update Aisle.")
    while found < layout.version:
        if found not in layout.migrations:
            raise StateError(
                f"{path} has the old layout {found}, which this Aisle (layout {layout.version}) cannot take over.",
                "Open it once with the version in between, or name a new state folder.",
            )
        layout.migrations[found](connection)
        found += 1
    connection.execute(f"PRAGMA user_version = {layout.version}")


def _run(connection: sqlite3.Connection, script: str) -> None:
    """Statement by statement: `executescript` would end the transaction."""
    for statement in filter(str.strip, script.split(";")):
        connection.execute(statement)
