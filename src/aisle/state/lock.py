"""Locks on files of the state folder: one server owns it, one process writes at a time; the system frees them when a process dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aisle.core.errors import StateError


@contextmanager
def own(folder: Path) -> Iterator[None]:
    """Own the state folder as `aisle serve` does, as long as the block runs.

    Raises `StateError` naming the owner's process id when another process owns it. Processes that are forked inside the block share the
    lock: the folder is free when the last of them has ended.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(file, 20, 0).decode("ascii", "replace").strip() or "unknown"
            raise StateError(
                f"{folder} is served by another process already (process id {owner}).", "Stop that server or name another --state."
            ) from None
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(file)


class Turn:
    """Whose turn it is to write, among processes. Waiting is left to the kernel: SQLite's own sleeps up to 0.1 s between two looks.

    Who waits holds ``next``, so that whoever just wrote must queue behind: without it one busy process would write again and again.
    """

    def __init__(self, folder: Path) -> None:
        self._turn, self._next = (os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o600) for name in ("writing", "next"))

    def __enter__(self) -> None:
        fcntl.flock(self._next, fcntl.LOCK_EX)
        try:
            fcntl.flock(self._turn, fcntl.LOCK_EX)
        finally:
            fcntl.flock(self._next, fcntl.LOCK_UN)

    def __exit__(self, *_: object) -> None:
        fcntl.flock(self._turn, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the files, and give up the turn with them."""
        os.close(self._turn)
        os.close(self._next)
