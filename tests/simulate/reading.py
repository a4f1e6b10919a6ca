"""Reads the simulated shop's files with the standard library only, so that these tests do not lean on the project's own readers."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path


@cache
def _read(path: Path, stamp: int) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def rows(path: Path) -> list[dict[str, str]]:
    """All rows of a CSV file as texts."""
    return _read(path, path.stat().st_mtime_ns)


def column(folder: Path, table: str, name: str) -> list[str]:
    """One column of ``folder/table.csv``."""
    return [row[name] for row in rows(folder / f"{table}.csv")]
