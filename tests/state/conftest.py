"""A state folder for each claim, in memory where the system has a disk there: the real disk's slowness proves nothing here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from aisle.state.folder import State

MEMORY = Path("/dev/shm")


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder."""
    with TemporaryDirectory(dir=MEMORY if os.access(MEMORY, os.W_OK) else None) as made:
        yield Path(made) / "state"


@pytest.fixture
def state(folder: Path) -> Iterator[State]:
    """An open state folder."""
    with State.open(folder) as opened:
        yield opened
