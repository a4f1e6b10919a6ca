"""The one writer of a process: what waits is committed together, then marked, and only then acknowledged."""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as WaitedTooLongError
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from aisle.core.errors import AisleError, StateError
from aisle.state.database import Database, Disk, connect, mended
from aisle.state.high_water import HighWater
from aisle.state.lock import Turn

T = TypeVar("T")
Work = Callable[[sqlite3.Connection, int], tuple[T, int]]
"""Inside a transaction: gets the newest sequence, gives back a result and the newest sequence after it."""

TOGETHER = 256
"""Most pieces of work in one commit, so that none waits long."""


@dataclass
class _Job:
    run: Callable[[sqlite3.Connection, int], int]
    done: Future[None]


class Writer:
    """Commits in groups, from one thread. `do` returns when the work and the high-water mark are on disk; several processes take turns."""

    def __init__(self, database: Database, mark: HighWater, turn: Turn, disk: Disk) -> None:
        self.database, self.mark, self.turn, self.disk = database, mark, turn, disk
        self.floor = mark.read() or 0
        self._connection: sqlite3.Connection | None = None
        self._waiting: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._loop, name="aisle-state-writer", daemon=True)
        self._thread.start()

    def do(self, work: Work[T], wait: float = 30.0) -> T:
        """Run ``work`` in a transaction with whatever else waits.

        Raises `StateError` when it is not certain to be on disk, also after ``wait`` seconds; then nothing is acknowledged, though it
        may be there: sending it again is safe.
        """
        if self._closed:
            raise StateError(f"{self.database.path.parent} is closed.", "Open it again.")
        box: list[T] = []
        job = _Job(partial(_keep, work, box), Future())
        self._waiting.put(job)
        try:
            job.done.result(wait)
        except WaitedTooLongError:
            raise StateError(
                f"{self.database.path}: nothing was written within {wait:.0f} s.", "Look for a stopped process that holds the state folder."
            ) from None
        return box[0]

    def close(self) -> None:
        """Write what waits, then end."""
        if not self._closed:
            self._closed = True
            self._waiting.put(None)
            self._thread.join()

    def _loop(self) -> None:
        ending = False
        try:
            while not ending:
                jobs, ending = self._collect()
                if jobs:
                    self._commit(jobs)
        finally:
            self._closed = True
            self._reset()

    def _collect(self) -> tuple[list[_Job], bool]:
        """What waits, and whether it is the last."""
        jobs: list[_Job] = []
        with suppress(queue.Empty):
            found = self._waiting.get()
            while found is not None:
                jobs.append(found)
                if len(jobs) >= TOGETHER:
                    return jobs, False
                found = self._waiting.get_nowait()
            return jobs, True
        return jobs, False

    def _commit(self, jobs: list[_Job]) -> None:
        """All or none: a failure of the disk is everyone's."""
        error: AisleError | None = StateError("The work itself failed, not the disk.", "This is a fault of Aisle; its log says more.")
        try:
            with mended(self.database.path):
                with self.turn:
                    newest = self._transact(jobs)
                self.mark.reach(newest)  # while the next process commits
            error = None
        except AisleError as found:
            error = found
        finally:
            if error is not None:
                self._reset()
            for job in jobs:
                job.done.set_exception(error) if error is not None else job.done.set_result(None)

    def _transact(self, jobs: list[_Job]) -> int:
        if self._connection is None:
            self._connection = connect(self.database.path, self.database.layout.durable)
        self._connection.execute("BEGIN IMMEDIATE")
        known = self._connection.execute("SELECT max(sequence) FROM facts").fetchone()[0] or 0
        before = newest = max(known, self.floor)
        for job in jobs:
            newest = job.run(self._connection, newest)
        self.disk.commit(self._connection)
        return newest if newest > before else 0

    def _reset(self) -> None:
        """Let the connection go; after a failure it is not trusted any more."""
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
        self._connection = None


def _keep(work: Work[T], box: list[T], connection: sqlite3.Connection, newest: int) -> int:
    result, newest = work(connection, newest)
    box.append(result)
    return newest
