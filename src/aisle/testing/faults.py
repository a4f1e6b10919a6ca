"""Faults to inject: a disk that fails when told to, and write-ahead files whose ends are torn, flipped or zeroed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from random import Random

from aisle.state.database import Disk

FULL = sqlite3.OperationalError("database or disk is full")
BROKEN = OSError(5, "Input/output error")


class FailingDisk(Disk):
    """A disk that fails ``commits`` and ``syncs`` more times, then works again: `State.open(folder, FailingDisk())`."""

    def __init__(self, commits: int = 0, syncs: int = 0, error: Exception = BROKEN) -> None:
        self.commits, self.syncs, self.error = commits, syncs, error

    def commit(self, connection: sqlite3.Connection) -> None:
        """Fail before anything is on disk."""
        if self.commits:
            self.commits -= 1
            raise self.error
        super().commit(connection)

    def sync(self, descriptor: int) -> None:
        """Fail after the file was written and before it is certain to stay."""
        if self.syncs:
            self.syncs -= 1
            raise self.error
        super().sync(descriptor)


def torn(path: Path, random: Random) -> None:
    """Cut a file off somewhere."""
    data = path.read_bytes()
    path.write_bytes(data[: random.randrange(len(data))])


def flipped(path: Path, random: Random) -> None:
    """Flip one bit somewhere."""
    data = bytearray(path.read_bytes())
    data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    path.write_bytes(data)


def zeroed(path: Path, random: Random) -> None:
    """Turn everything from somewhere on into zeros, as a disk does that wrote a file's length and not its content."""
    data = path.read_bytes()
    start = random.randrange(len(data))
    path.write_bytes(data[:start] + bytes(len(data) - start))


DAMAGES: dict[str, Callable[[Path, Random], None]] = {"torn": torn, "flipped": flipped, "zeroed": zeroed}
