"""A raw file looked at, and what it could become: the nouns of `aisle init`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aisle.data.loaded import Loaded
from aisle.data.look import Column

GUESSED = "The file has no header; which column is which is guessed from what they hold. Check it."


@dataclass(frozen=True)
class Seen:
    """A raw file looked at: ``file`` as aisle.toml names it, ``headless`` when its first row is data already."""

    file: str
    path: Path
    loaded: Loaded
    columns: tuple[Column, ...]
    headless: bool = False
    told: str = ""

    def find(self, name: str) -> Column | None:
        """The column of that name."""
        return next((column for column in self.columns if column.name == name), None)


@dataclass
class Draft:
    """One `[[sources]]` to be. ``notes`` are said above it, ``hints`` beside a column; not ``sure``: nothing
    tells the type of its events."""

    seen: Seen
    table: str
    columns: dict[str, str]
    constants: dict[str, str] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    hints: dict[str, str] = field(default_factory=dict)
    sure: bool = True


def names_of(roles: Mapping[str, Column]) -> dict[str, str]:
    """Ours = theirs."""
    return {role: column.name for role, column in roles.items()}
