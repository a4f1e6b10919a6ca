"""The event log: facts in one sequence, each on disk before it is acknowledged, each counted once."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import inf
from typing import cast

import orjson

from aisle.core.answer import Json
from aisle.schema import SESSION_ACTOR
from aisle.state.database import Database
from aisle.state.layout import EVENT, FORGOTTEN, MICRO
from aisle.state.names import Names
from aisle.state.protocols import NewEvent, Receipt, StoredEvent
from aisle.state.writer import Writer

STORE = f"""
    INSERT INTO facts (sequence, kind, key, event_id, type, time, user_id, session_id, item_id, request_id, body)
    SELECT ?1 + row_number() OVER (ORDER BY place), {EVENT}, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
        value ->> 6, value ->> '$[7].request_id', value -> 7
    FROM (SELECT key AS place, value FROM json_each(?2))
    WHERE NOT EXISTS (SELECT 1 FROM facts WHERE facts.key = value ->> 0)
"""
CLAIM = """
    INSERT OR IGNORE INTO claims (session_id, user_id)
    SELECT session_id, user_id FROM json_each(?2) JOIN facts ON facts.key = value AND facts.sequence > ?1 ORDER BY sequence
"""
COLUMNS = "json_array(sequence, event_id, type, time, user_id, session_id, item_id, json(body)) AS row"
OF_USER = f"""
    SELECT {COLUMNS} FROM facts WHERE user_id = ?1 AND sequence > ?2 UNION ALL
    SELECT {COLUMNS.replace("user_id", "facts.user_id").replace("session_id", "facts.session_id")} FROM claims
    JOIN facts ON facts.session_id = claims.session_id AND facts.user_id IS NULL WHERE claims.user_id = ?1 AND sequence > ?2
"""
OF_SESSION = f"SELECT {COLUMNS} FROM facts WHERE session_id = ?1 AND sequence > ?2"
SINCE = f"SELECT {COLUMNS} FROM facts WHERE kind = {EVENT} AND sequence > ?1 ORDER BY sequence LIMIT ?2"
CLICKED = """
    SELECT json_array(request_id) AS row FROM facts
    WHERE request_id IN (SELECT value FROM json_each(?)) AND type <> 'impression' AND type IN ('click', 'favourite', 'cart', 'purchase')
"""
HOUR = f"time / {3_600 * MICRO}"
COUNTS = f"""
    SELECT json_array(item_id, type, {HOUR}, count(*), max(time)) AS row FROM facts
    WHERE kind = {EVENT} AND item_id IS NOT NULL AND sequence > ?1 AND sequence <= ?2 GROUP BY item_id, type, {HOUR}
"""
BLANK = f"""
    UPDATE facts SET kind = {FORGOTTEN}, event_id = NULL, type = NULL, time = NULL, user_id = NULL, session_id = NULL, item_id = NULL,
        request_id = NULL, body = NULL
    WHERE user_id = ?1 OR (user_id IS NULL AND (session_id = ?2 OR session_id IN (SELECT session_id FROM claims WHERE user_id = ?1)))
"""


class SqliteEventLog:
    """`protocols.EventLog` in SQLite. Ids and texts must be valid Unicode without NUL, as `aisle.state.intake` sees to."""

    def __init__(self, database: Database, writer: Writer, names: Names) -> None:
        self.database, self.writer, self.names = database, writer, names
        self.forgetting: list[Callable[[Sequence[str]], None]] = []
        """Called after a user was forgotten, with the hashed names of the user and of the sessions that were the user's."""

    def append(self, events: Sequence[NewEvent]) -> Receipt:
        """Store what is new; on disk when it returns. An event id counts once, ever.

        Raises `StateError` when it is not certain to be on disk. Sending the same events again is always safe.
        """
        once: dict[str, NewEvent] = {}
        for event in events:
            once.setdefault(self.names.of(event.event_id), event)
        rows = [_row(key, event) for key, event in once.items()]
        claims = [key for key, event in once.items() if event.user_id and event.session_id and consents(event.body)]
        if not rows:
            return Receipt(0, 0, self.newest())
        work = partial(_append, orjson.dumps(rows).decode(), orjson.dumps(claims).decode() if claims else "")
        stored, newest = self.writer.do(work)
        return Receipt(stored, len(events) - stored, newest)

    def newest(self) -> int:
        """The newest sequence of any process, 0 for an empty log. Costs about 5 microseconds."""
        return cast("int | None", self.database.value("SELECT max(sequence) FROM facts")) or 0

    def newest_time(self) -> float:
        """UTC seconds of the newest event, minus infinity in an empty log. Reads every row: not for every answer."""
        return (cast("int | None", self.database.value(f"SELECT max(time) FROM facts WHERE kind = {EVENT}")) or -inf) / MICRO

    def since(self, sequence: int, most: int = 10_000) -> Sequence[StoredEvent]:
        """Events after ``sequence`` in order, at most ``most``; forgotten ones are left out."""
        return [_stored(row) for row in self.database.rows(SINCE, sequence, most)]

    def counts(self, after: int, until: int) -> Sequence[tuple[str, str, int, int, float]]:
        """What the events after one sequence and up to another add up to: item, type, hour since 1970, how many, the newest one's time."""
        found = cast("Sequence[tuple[str, str, int, int, int]]", self.database.rows(COUNTS, after, until))
        return [(item, kind, hour, count, time / MICRO) for item, kind, hour, count, time in found]

    def count(self, until: int) -> int:
        """How many events `since` gives up to a sequence."""
        return cast("int", self.database.value(f"SELECT count(*) FROM facts WHERE kind = {EVENT} AND sequence <= ?", until))

    def of(self, user_id: str | None, session_id: str | None, after: int = 0) -> Sequence[StoredEvent]:
        """An actor's events after ``after`` by time: a user's, with those of the sessions that the user claimed; else the session's."""
        if user_id is None and session_id is None:
            return []
        found = self.database.rows(OF_SESSION if user_id is None else OF_USER, session_id if user_id is None else user_id, after)
        return sorted(map(_stored, found), key=lambda one: (one.event.time, one.sequence))

    def forget(self, user_id: str, now: float) -> bool:
        """Blank what is known of a user and of the sessions that the user claimed; False where the log knew nothing. A session that no user
        claimed is named as ``session:<id>``.

        The forgetting itself is a fact with a sequence, so that every worker notices it. It is remembered also for a user of whom the log
        knew nothing, since a bundle may.
        """
        known, names = self.writer.do(partial(_forget, user_id, now, self.names))
        for tell in self.forgetting:
            tell(names)
        with self.database.writing() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # else the pages of before stay in the write-ahead file for a while
        return known

    def forgotten_names(self) -> Mapping[str, float]:
        """The hashed names of all that was forgotten, and when (UTC seconds)."""
        found = cast("Sequence[tuple[str, float]]", self.database.rows("SELECT json_array(name, time) AS row FROM forgotten"))
        return dict(found)

    def forgotten(self, user_id: str) -> int:
        """The sequence at which a user (or ``session:<id>``) was last forgotten, 0 if never: facts up to it do not count."""
        query = "SELECT sequence FROM forgotten WHERE name = ?"
        return cast("int | None", self.database.value(query, self.names.of(user_id))) or 0

    def forgotten_since(self, sequence: int) -> int:
        """Users and sessions that were forgotten later than ``sequence``."""
        return cast("int", self.database.value("SELECT count(*) FROM forgotten WHERE sequence > ?", sequence))

    def clicked(self, request_ids: Sequence[str]) -> set[str]:
        """Of these requests, those of whose answer something was opened, added or bought."""
        return {str(row[0]) for row in self.database.rows(CLICKED, orjson.dumps(request_ids).decode())}


def consents(body: Mapping[str, Json]) -> bool:
    """Whether a session may be joined to the user: unless consent was refused."""
    return body.get("consent") is not False


def _row(key: str, event: NewEvent) -> list[Json]:
    time = round(event.time * MICRO)
    return [key, event.event_id, event.type, time, event.user_id, event.session_id, event.item_id, dict(event.body)]


def _stored(row: Sequence[Json]) -> StoredEvent:
    sequence, event_id, kind, time, user_id, session_id, item_id, body = cast(
        "tuple[int, str, str, int, str | None, str | None, str | None, Mapping[str, Json]]", row
    )
    return StoredEvent(sequence, NewEvent(event_id, kind, time / MICRO, user_id, session_id, item_id, body))


def _append(rows: str, claims: str, connection: sqlite3.Connection, newest: int) -> tuple[tuple[int, int], int]:
    stored = connection.execute(STORE, (newest, rows)).rowcount
    if claims and stored:
        connection.execute(CLAIM, (newest, claims))
    return (stored, newest + stored), newest + stored


def _forget(user_id: str, now: float, names: Names, connection: sqlite3.Connection, newest: int) -> tuple[tuple[bool, list[str]], int]:
    sequence, name = newest + 1, names.of(user_id)
    sessions = [row[0] for row in connection.execute("SELECT session_id FROM claims WHERE user_id = ?", (user_id,))]
    session = user_id.removeprefix(SESSION_ACTOR) if user_id.startswith(SESSION_ACTOR) else None
    known = connection.execute(BLANK, (user_id, session)).rowcount
    known += connection.execute("DELETE FROM claims WHERE user_id = ?", (user_id,)).rowcount
    known += connection.execute("DELETE FROM quarantine WHERE user_id = ?", (name,)).rowcount
    actors = [name, *(names.of(SESSION_ACTOR + session) for session in sessions)]
    connection.executemany("INSERT OR REPLACE INTO forgotten VALUES (?, ?, ?)", [(actor, sequence, now) for actor in actors])
    connection.execute("INSERT INTO facts (sequence, kind) VALUES (?, ?)", (sequence, FORGOTTEN))
    return (known > 0, actors), sequence
