"""Which files of a folder feed which tables: those that `[[sources]]` names, and those that bear a table's name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from aisle.core.errors import InputError, SettingsError
from aisle.core.nearest import mend_of
from aisle.schema import TABLES
from aisle.settings import Settings, Source

ENDINGS = r"(csv|tsv|tab|txt|jsonl|ndjson|json|parquet)(\.gz)?"


@dataclass(frozen=True)
class Input:
    """One file (or database table) and the sources that it feeds; ``shown`` is its name for the user: relative to the folder if inside."""

    shown: str
    path: Path
    sources: tuple[Source, ...]
    url: str = ""

    @property
    def encoding(self) -> str:
        """What the user says the encoding is."""
        return next((source.encoding for source in self.sources if source.encoding), "")

    @property
    def headless(self) -> bool:
        """Whether the columns are named by place (``column_1``), so that the file has no header."""
        named = [theirs for source in self.sources for theirs in source.columns.values()]
        return bool(named) and any(re.fullmatch(r"column_\d+", name) for name in named)


def inputs(folder: Path, settings: Settings) -> list[Input]:
    """All inputs, those of `[[sources]]` first. A file by a table's name is left out where a source names that file or feeds that table.

    Raises `InputError` for a missing folder, two files of one name, and a folder without any input; `SettingsError` for an unknown table.
    """
    if not folder.is_dir():
        what = f"{folder} is not a folder." if folder.exists() else f"There is no folder {folder}."
        raise InputError(what, "Name the folder with the shop's files.")
    named = _named(folder, settings.sources)
    fed = {source.table for found in named for source in found.sources}
    used = {found.path.resolve() for found in named if not found.url}
    own = [found for found in _by_name(folder) if found.sources[0].table not in fed and found.path.resolve() not in used]
    if not named and not own:
        there = ", ".join(sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))[:12]) or "nothing"
        raise InputError(
            f"{folder} holds none of the contract's files (items.csv, events.csv, ...); there is: {there}.",
            f"Map your own files: aisle init {folder} FILE...",
        )
    return [*named, *own]


def _named(folder: Path, sources: tuple[Source, ...]) -> list[Input]:
    found: dict[str, Input] = {}
    for source in sources:
        if source.table not in TABLES:
            raise SettingsError(f"[[sources]] {source.file}: there is no table `{source.table}`.", mend_of(source.table, TABLES))
        for one in _files(folder, source):
            key = one.url or str(one.path.resolve())
            found[key] = Input(one.shown, one.path, (*found[key].sources, source), one.url) if key in found else one
    return list(found.values())


def _files(folder: Path, source: Source) -> list[Input]:
    """The file of a source; with `*` in the name, all that fit, in order of their names."""
    if "://" in source.file:
        return [Input(source.file, folder, (source,), source.file)]
    path = folder / source.file
    if "*" not in source.file or path.exists():
        return [Input(_shown(path, folder, source.file), path, (source,))]
    anchor = Path(path.anchor) if path.is_absolute() else Path()
    paths = sorted(anchor.glob(str(path.relative_to(anchor)))) if path.is_absolute() else sorted(Path().glob(str(path)))
    if not paths:
        raise InputError(f"[[sources]] {source.file}: no file fits.", "Correct the pattern in aisle.toml.")
    return [Input(_shown(one, folder, str(one)), one, (source,)) for one in paths]


def _shown(path: Path, folder: Path, written: str) -> str:
    inside = path.resolve().is_relative_to(folder.resolve())
    return path.resolve().relative_to(folder.resolve()).as_posix() if inside and not path.is_symlink() else written


def _by_name(folder: Path) -> list[Input]:
    found = []
    for table in TABLES:
        paths = sorted(path for path in folder.iterdir() if re.fullmatch(rf"{table}\.{ENDINGS}", path.name.lower()))
        if len(paths) > 1:
            names = " and ".join(path.name for path in paths)
            raise InputError(f"{folder}: {names} both say that they are {table}.", "Keep one, or name the right ones in [[sources]].")
        found += [Input(path.name, path, (Source(file=path.name, table=table),)) for path in paths]
    return found
