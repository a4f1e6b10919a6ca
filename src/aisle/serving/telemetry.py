"""What the server says of itself: one JSON log line and a few counters per request, with no word of what a person typed or who it was."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from secrets import token_bytes
from traceback import extract_tb
from typing import TextIO

import orjson
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from structlog.typing import EventDict, WrappedLogger

from aisle.core.answer import Answer, Json
from aisle.core.request import Request
from aisle.serving.listen import ServeError

BUCKETS = (0.001, 0.002, 0.004, 0.006, 0.008, 0.012, 0.018, 0.025, 0.035, 0.05, 0.075, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Seconds; fine around the budgets of 6, 12, 25 and 50 ms."""
ROOM = {"counter": 1 << 18, "histogram": 1 << 20, "gauge_livesum": 1 << 16}
"""Bytes for the counters that a worker shares, by kind: several times what all routes and outcomes together take."""


@dataclass
class Facts:
    """What is known of one HTTP request when it ends. ``route`` is the route's pattern, never the path, which may name a user."""

    request_id: str
    method: str = ""
    route: str = "unmatched"
    surface: str = ""
    user: str = ""
    status: int = 0
    code: str = ""
    bundle: str = ""
    items: int | None = None
    skipped: tuple[str, ...] = ()
    degraded: bool = False
    key: str = ""
    stored: int | None = None


class Telemetry:
    """Counts and logs. ``stream`` takes the log (standard error where absent); ``salt`` keeps hashed user ids from being guessed.

    ``shared`` is the folder through which the workers of one server add up their counters; prometheus_client must have been told of it
    before it was imported (`workers.py` does). Without it there is one process, and its own figures stand beside the counters.
    """

    def __init__(self, stream: TextIO | None = None, salt: bytes | None = None, shared: Path | None = None) -> None:
        self.registry, self.shared = CollectorRegistry(), shared
        if shared is None:
            ProcessCollector(registry=self.registry)
        else:
            _reserve(shared)
        labels = ["route", "surface"]
        self.requests = Counter("aisle_requests", "Requests by outcome", [*labels, "status"], registry=self.registry)
        self.seconds = Histogram("aisle_request_seconds", "Time to answer", labels, buckets=BUCKETS, registry=self.registry)
        self.skipped = Counter("aisle_skipped", "Stages left out of an answer", ["stage"], registry=self.registry)
        self.degraded = Counter("aisle_degraded", "Answers that lack something", ["surface"], registry=self.registry)
        self.events = Counter("aisle_events", "Events by what became of them", ["outcome"], registry=self.registry)
        self.in_flight = self._gauge("aisle_requests_in_flight", "Requests being answered")
        self._gauge("aisle_workers", "Processes that answer").set(1)
        self._salt = salt or token_bytes(16)
        self._log = logger(stream)

    def _gauge(self, name: str, meaning: str) -> Gauge:
        return Gauge(name, meaning, registry=self.registry, multiprocess_mode="livesum")

    def asked(self, facts: Facts, request: Request) -> None:
        """Note what a request is, without its words."""
        facts.surface = request.surface
        facts.user = self.hashed(request.user_id) if request.user_id else ""

    def answered(self, facts: Facts, answer: Answer) -> None:
        """Note what an answer is."""
        facts.bundle, facts.items = answer.bundle, len(answer.items)
        facts.skipped, facts.degraded = tuple(answer.skipped), answer.degraded

    def recorded(self, facts: Facts, answer: Mapping[str, Json]) -> None:
        """Note what became of events."""
        for outcome in ("stored", "duplicate", "quarantined", "rejected"):
            told = answer.get(outcome)
            count = len(told) if isinstance(told, Sequence) else int(told or 0) if isinstance(told, int | float) else 0
            self.events.labels(outcome).inc(count)
            facts.stored = count if outcome == "stored" else facts.stored

    def done(self, facts: Facts, seconds: float) -> None:
        """Count and log a request that has ended."""
        self.requests.labels(facts.route, facts.surface, str(facts.status)).inc()
        self.seconds.labels(facts.route, facts.surface).observe(seconds)
        if facts.degraded:
            self.degraded.labels(facts.surface).inc()
        for stage in facts.skipped:
            self.skipped.labels(stage).inc()
        known = {name: value for name, value in vars(facts).items() if value not in ("", None, (), False)}
        self._log.info("request", took_ms=round(seconds * 1000, 2), **known)

    def failed(self, facts: Facts, error: BaseException) -> None:
        """Log where the server itself failed: the kind of error and its lines of code, but not its message, which may quote a person."""
        frames = [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in extract_tb(error.__traceback__)]
        self._log.error("failure", request_id=facts.request_id, route=facts.route, kind=type(error).__name__, at=frames[-12:])

    def say(self, event: str, **facts: str | int | float) -> None:
        """Log something about the server itself."""
        self._log.info(event, **facts)

    def hashed(self, user_id: str) -> str:
        """A user's name in the log: the same for as long as the salt is."""
        return blake2b(user_id.encode("utf-8", "replace"), key=self._salt, digest_size=8).hexdigest()

    def exposition(self) -> bytes:
        """The counters of all workers in Prometheus' text form."""
        if self.shared is None:
            return generate_latest(self.registry)
        together = CollectorRegistry()
        MultiProcessCollector(together, path=str(self.shared))  # type: ignore[no-untyped-call]
        return generate_latest(together)


def _reserve(shared: Path) -> None:
    """Take the room of this process's counters at once: they are mapped into memory, and on a disk that is full by then a count would
    kill the process. Raises `ServeError` where there is no room."""
    try:
        for kind, size in ROOM.items():
            (shared / f"{kind}_{os.getpid()}.db").write_bytes(bytes(size))
    except OSError as error:
        raise ServeError(f"{shared} has no room for the counters: {error.strerror}.", "Make room on that disk.") from error


def release(shared: Path, process: int) -> None:
    """Give back what a process that has ended no longer needs: the room it did not use, and what only the living have."""
    for kind in ROOM:
        path = shared / f"{kind}_{process}.db"
        with suppress(FileNotFoundError):
            if kind.startswith("gauge_live"):
                path.unlink()  # requests in flight
                continue
            with path.open("rb") as file:
                used = int.from_bytes(file.read(4), sys.byteorder)
            os.truncate(path, max(used, 8))


def logger(stream: TextIO | None = None) -> structlog.typing.FilteringBoundLogger:
    """Writes one JSON object a line, to standard error where no stream is given."""
    made: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        structlog.WriteLogger(stream or sys.stderr), processors=[_stamp, _render]
    )
    return made


def _stamp(_: WrappedLogger, level: str, event: EventDict) -> EventDict:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"time": now, "level": level, **event}


def _render(_: WrappedLogger, __: str, event: EventDict) -> str:
    return orjson.dumps(event, default=str).decode()
