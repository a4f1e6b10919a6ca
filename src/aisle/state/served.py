"""What was served, apart from impressions: for the console and for tracing one answer. Losing a note costs insight only."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import orjson

from aisle.core.answer import Json
from aisle.core.errors import StateError
from aisle.schema import SESSION_ACTOR
from aisle.state.database import Database, Layout
from aisle.state.log import SqliteEventLog
from aisle.state.names import Names
from aisle.text.normalise import normalise

KEPT = 20_000
"""The newest notes that are kept, over all workers."""

PAUSE = 0.5
"""Seconds between two writings."""

SERVED = Layout(
    version=1,
    durable=False,
    create="""
        CREATE TABLE served (
            number INTEGER PRIMARY KEY, request_id TEXT, time REAL, surface TEXT, query TEXT, found INTEGER, took_ms REAL, user TEXT,
            entry TEXT NOT NULL
        );
        CREATE INDEX served_request ON served (request_id)
    """,
)
STORE = """
    INSERT INTO served (request_id, time, surface, query, found, took_ms, user, entry)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value -> 7 FROM json_each(?)
"""
TRIM = "DELETE FROM served WHERE number <= (SELECT max(number) FROM served) - ?"
SEEN = "json_insert(entry, '$.user', user)"
RECENT = f"SELECT {SEEN} AS row FROM served ORDER BY number DESC LIMIT ?"
ONE = f"SELECT {SEEN} AS row FROM served WHERE request_id = ? ORDER BY number DESC LIMIT 1"
NOTHING = """
    SELECT json_array(query, count(*), max(time)) AS row FROM served WHERE query <> '' AND surface = 'search' AND found = 0
    GROUP BY query ORDER BY count(*) DESC, max(time) DESC LIMIT ?
"""
SOMETHING = "SELECT json_array(query, request_id, time) AS row FROM served WHERE query <> '' AND surface = 'search' AND found > 0"
TIMES = "SELECT json_array(surface, took_ms) AS row FROM served WHERE time > ?"
SERVED_SINCE = """
    SELECT json_array(time, surface, took_ms, coalesce(entry ->> '$.degraded', 0)) AS row FROM served
    WHERE time > ?1 ORDER BY number DESC LIMIT ?2
"""
MOST_TIMES = 10_000


@dataclass(frozen=True, slots=True)
class QueryCount:
    """A query in its matching form, how often it was asked, and when last (UTC seconds)."""

    query: str
    times: int
    last: float


@dataclass(frozen=True, slots=True)
class Latency:
    """Of one surface: answers a second, and the milliseconds within which half and 99 % of them came."""

    surface: str
    rate: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Timed:
    """When one answer was given (UTC seconds), on which surface, how fast, and whether it lacks something."""

    time: float
    surface: str
    took_ms: float
    degraded: bool


class Served:
    """Notes of all workers in one file. Users and sessions stand in it as salted hashes; forgetting one takes even these away."""

    def __init__(self, path: Path, names: Names) -> None:
        self.database, self.names = _opened(path), names
        self._waiting: deque[Mapping[str, Json]] = deque(maxlen=KEPT)
        self._writing, self._stop = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._loop, name="aisle-served", daemon=True)
        self._thread.start()

    def note(self, entry: Mapping[str, Json]) -> None:
        """Keep one note; neither blocks nor fails.

        Read from it: ``request_id, time`` (UTC seconds), ``surface, query, total`` (matches of the query; without it the number of
        ``items``), ``took_ms, user_id, session_id``; all else is kept as it is. ``user_id`` and ``session_id`` are replaced by one salted
        hash, ``user``.
        """
        self._waiting.append(entry)

    def recent(self, limit: int = 100) -> list[Mapping[str, Json]]:
        """The newest notes first, those of other workers as of half a second ago."""
        return self._read(RECENT, limit)

    def get(self, request_id: str) -> Mapping[str, Json] | None:
        """The newest note of a request."""
        found = self._read(ONE, request_id)
        return found[0] if found else None

    def no_result_queries(self, limit: int = 50) -> list[QueryCount]:
        """Queries that found nothing, most frequent first."""
        self.flush()
        return [_count(row) for row in self.database.rows(NOTHING, limit)]

    def no_click_queries(self, log: SqliteEventLog, limit: int = 50) -> list[QueryCount]:
        """Queries that found something of which nothing was ever clicked, most frequent first."""
        self.flush()
        shown = [cast("tuple[str, str, float]", row) for row in self.database.rows(SOMETHING)]
        clicked = log.clicked([request for _, request, _ in shown])
        good = {query for query, request, _ in shown if request in clicked}
        found: dict[str, QueryCount] = {}
        for query, _, time in shown:
            if query not in good:
                before = found.get(query, QueryCount(query, 0, time))
                found[query] = QueryCount(query, before.times + 1, max(before.last, time))
        return sorted(found.values(), key=lambda one: (-one.times, -one.last))[:limit]

    def latency(self, now: float, seconds: float = 300.0) -> list[Latency]:
        """Speed by surface over the last ``seconds`` before ``now``."""
        self.flush()
        times: dict[str, list[float]] = {}
        for row in self.database.rows(TIMES, now - seconds):
            surface, took = cast("tuple[str, float]", row)
            times.setdefault(surface, []).append(took)
        return [_latency(surface, sorted(took), seconds) for surface, took in sorted(times.items())]

    def times(self, since: float) -> list[Timed]:
        """The answers after a moment, oldest first; the newest 10,000 where there were more."""
        self.flush()
        rows = [cast("tuple[float, str, float, int]", row) for row in self.database.rows(SERVED_SINCE, since, MOST_TIMES)]
        return [Timed(time, surface, took or 0.0, bool(degraded)) for time, surface, took, degraded in reversed(rows)]

    def unlink(self, names: Sequence[str]) -> None:
        """Take even these hashed names from the notes, if they can be written."""
        self.flush()
        with suppress(StateError), self._writing, self.database.writing() as connection:
            connection.executemany("UPDATE served SET user = NULL WHERE user = ?", [(name,) for name in names])

    def flush(self) -> None:
        """Write what waits; what cannot be written is lost."""
        with self._writing:
            waiting = [self._waiting.popleft() for _ in range(len(self._waiting))]
            if waiting:
                rows = f"[{','.join(filter(None, map(self._row, waiting)))}]"
                with suppress(StateError), self.database.writing() as connection:
                    connection.execute("BEGIN IMMEDIATE")
                    connection.execute(STORE, (rows,))
                    connection.execute(TRIM, (KEPT,))
                    connection.execute("COMMIT")

    def close(self) -> None:
        """Write what waits and let go of the file."""
        self._stop.set()
        self._thread.join()
        self.flush()
        self.database.close()

    def _loop(self) -> None:
        while not self._stop.wait(PAUSE):
            self.flush()

    def _read(self, query: str, parameter: str | int) -> list[Mapping[str, Json]]:
        self.flush()
        return [cast("Mapping[str, Json]", row) for row in self.database.rows(query, parameter)]

    def _row(self, entry: Mapping[str, Json]) -> str:
        """The note as JSON, empty for one that cannot be written."""
        with suppress(TypeError):
            return orjson.dumps(self._cells(entry), default=str).decode()
        return ""

    def _cells(self, entry: Mapping[str, Json]) -> list[Json]:
        query, items, total = entry.get("query"), entry.get("items"), entry.get("total")
        user, session = entry.get("user_id"), entry.get("session_id")
        actor = str(user) if user else f"{SESSION_ACTOR}{session}" if session else ""
        return [
            entry.get("request_id"),
            entry.get("time"),
            entry.get("surface") or "",
            normalise(query[:1_000]) if isinstance(query, str) else "",
            total if isinstance(total, int) else len(items) if isinstance(items, Sequence) else None,
            entry.get("took_ms"),
            self.names.of(actor) if actor else None,
            {name: value for name, value in entry.items() if name not in ("user_id", "session_id", "user")},
        ]


def _opened(path: Path) -> Database:
    """The file; one that a power cut has damaged is put aside for a new one, as is one of another version."""
    with suppress(StateError):
        found = Database(path, SERVED)
        if found.value("PRAGMA quick_check(1)") == "ok":
            return found
        found.close()
    if path.exists():
        for end in ("-wal", "-shm"):
            path.with_name(path.name + end).unlink(missing_ok=True)
        path.replace(path.with_name(path.name + ".damaged"))
    return Database(path, SERVED)


def _count(row: Sequence[Json]) -> QueryCount:
    return QueryCount(*cast("tuple[str, int, float]", row))


def _latency(surface: str, took: list[float], seconds: float) -> Latency:
    place = partial(_at, took)
    return Latency(surface, len(took) / seconds, place(0.5), place(0.99))


def _at(ordered: list[float], share: float) -> float:
    """The smallest value that ``share`` of all do not exceed."""
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]
