"""The newest sequence that was put on disk, kept in a small file beside the log: what tells that a log has lost its end."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from zlib import crc32

from aisle.state.database import Disk


class HighWater:
    """One line, ``sequence checksum``, always of the same length, so that it is replaced within one sector of the disk."""

    def __init__(self, folder: Path, disk: Disk) -> None:
        self.path, self.disk = folder / "high_water", disk
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        names = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(names)  # a new file's name must last as its content does
        finally:
            os.close(names)

    def read(self) -> int | None:
        """The mark, 0 for a new file, None for one that is damaged."""
        line = os.pread(self._file, 64, 0)
        if not line:
            return 0
        number, _, check = line.decode("ascii", "replace").strip().partition(" ")
        return int(number) if number.isdecimal() and _line(int(number)) == line and check else None

    def reach(self, sequence: int) -> None:
        """Let the mark be at least ``sequence``; it is on disk afterwards, by this process or by another that set a larger one."""
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            before = self.read() or 0
            if before < sequence:
                self._set(before, sequence)
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _set(self, before: int, sequence: int) -> None:
        os.pwrite(self._file, _line(sequence), 0)
        try:
            self.disk.sync(self._file)
        except OSError:
            os.pwrite(self._file, _line(before), 0)  # else another process would take it for synchronised
            raise

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def _line(sequence: int) -> bytes:
    number = f"{sequence:020d}"
    return f"{number} {crc32(number.encode()):08x}\n".encode()
