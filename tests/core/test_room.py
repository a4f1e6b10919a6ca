"""Free memory is what the system and a container's limit leave."""

from __future__ import annotations

from math import inf
from pathlib import Path

import pytest

from aisle.core import room


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(room, "SYSTEM", tmp_path / "meminfo")
    monkeypatch.setattr(room, "GROUP", tmp_path)
    return tmp_path


def test_nothing_says_how_much_is_free(system: Path) -> None:
    assert room.free() == inf


def test_what_the_system_calls_available_is_free(system: Path) -> None:
    (system / "meminfo").write_text("MemTotal:  4000 kB\nMemAvailable:   3000 kB\n")
    assert room.free() == 3_000 * 1_024


def test_a_system_that_does_not_count_says_nothing(system: Path) -> None:
    (system / "meminfo").write_text("MemTotal:  4000 kB\n")
    assert room.free() == inf


@pytest.mark.parametrize(("limit", "free"), [("max", 3_072_000), ("2000000", 1_500_000), ("9000000", 3_072_000)])
def test_a_containers_limit_leaves_less(system: Path, limit: str, free: int) -> None:
    (system / "meminfo").write_text("MemAvailable:   3000 kB\n")
    (system / "memory.max").write_text(f"{limit}\n")
    (system / "memory.current").write_text("500000\n")
    assert room.free() == free


def test_this_machine_has_some() -> None:
    assert room.free() > 1 << 20
