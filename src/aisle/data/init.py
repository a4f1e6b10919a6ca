"""`aisle init`: looks at a user's raw files and proposes the `[[sources]]` that map them: a commented aisle.toml that trains as it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import duckdb

from aisle.core.errors import AisleError, InputError
from aisle.data.files import ENDINGS, inputs
from aisle.data.formats import DELIMITERS, Form, sniff
from aisle.data.loaded import Loaded
from aisle.data.look import look
from aisle.data.mapping import expressions
from aisle.data.plan import Plan, plan
from aisle.data.read import load_file
from aisle.data.scan import scan
from aisle.data.seen import Draft, Seen
from aisle.data.toml import written
from aisle.settings import Settings, Source

DATA = r"\.(data|dat)(\.gz)?$"
OURS = ("rejected.csv",)
"""Files that Aisle itself writes into the folder."""

VALUE = re.compile(r"-?\d+([.,]\d+)?(_\d+)?|\d{4}[-/]\d{1,2}[-/]\d{1,2}.*")
"""What is data rather than a column's name."""


def write_proposal(folder: Path, files: Sequence[Path], force: bool = False) -> Path:
    """Write the proposal to ``folder/aisle.toml``; raises `InputError` where one is there already, unless ``force``."""
    path = folder / "aisle.toml"
    if path.exists() and not force:
        raise InputError(f"{path} is there already.", "Rename or remove it, or say --force to overwrite it.")
    text = propose(folder, list(files))
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def propose(folder: Path, files: list[Path]) -> str:
    """The text of an aisle.toml that maps ``files``, by default all data files of ``folder``; files may lie outside of it.

    Raises `InputError` for a file that cannot be read, and when no items can be found in any of them.
    """
    with duckdb.connect() as connection:
        own = _by_name(folder, connection)
        known = {one.seen.path.resolve() for one in own}
        paths = files or _data_files(folder)
        broken: dict[str, str] = {}
        seen = [found for path in paths if path.resolve() not in known and (found := _seen(path, folder, bool(files), broken, connection))]
        if not seen and not own:
            raise InputError(f"There is nothing to look at in {folder}.", f"Name your files: aisle init {folder} FILE...")
        made = plan(seen, own, connection)
    made.unused |= broken
    _try(made)
    return written(made, own)


def _data_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}.", f"Name your files: aisle init {folder} FILE...")
    wanted = re.compile(rf".*\.{ENDINGS}$|.*{DATA}")
    return sorted(path for path in folder.iterdir() if path.is_file() and wanted.match(path.name.lower()) and path.name not in OURS)


def _seen(path: Path, folder: Path, named: bool, broken: dict[str, str], connection: duckdb.DuckDBPyConnection) -> Seen | None:
    """The file looked at; one that nobody named may be unreadable."""
    inside = folder.is_dir() and path.resolve().is_relative_to(folder.resolve())
    file = path.resolve().relative_to(folder.resolve()).as_posix() if inside else path.resolve().as_posix()
    try:
        return _look(path, file, connection)
    except AisleError as error:
        if named:
            raise
        broken[file] = error.what
        return None


def _look(path: Path, file: str, connection: duckdb.DuckDBPyConnection) -> Seen:
    found = scan(path, file)
    form = sniff(found, file)
    headless = form.kind == "delimited" and any(VALUE.fullmatch(name) for name in form.names)
    if headless:
        form = sniff(found, file, headless=True)
    if form.kind == "empty":
        raise InputError(f"{file} is empty.", "Leave it out, or export it again.")
    loaded = load_file(form, path, file, connection)
    if not len(loaded.table):
        raise InputError(f"{file} holds no rows that can be read.", "Leave it out, or export it again.")
    return Seen(file, path, loaded, tuple(look(loaded, connection)), headless, _told(form, loaded))


def _told(form: Form, loaded: Loaded) -> str:
    parts = [
        f"{loaded.rows:,} rows",
        form.scan.shown,
        f"{DELIMITERS.get(form.delimiter, form.delimiter)} separated" if form.delimiter else form.kind,
    ]
    parts += [f"{len(loaded.bad):,} rows cannot be read"] if loaded.bad else []
    return ", ".join(part for part in parts if part)


def _by_name(folder: Path, connection: duckdb.DuckDBPyConnection) -> list[Draft]:
    """The files of ``folder`` that need no mapping: they bear a table's name and have its columns."""
    found: list[Draft] = []
    try:
        given = inputs(folder, Settings()) if folder.is_dir() else []
    except AisleError:
        return found
    for one in given:
        try:
            seen = _look(one.path, one.shown, connection)
            cells = expressions(one.sources[0], seen.loaded.names, shared=False)
        except AisleError:
            continue
        columns = {ours: cell.strip('"') for ours, cell in cells.items()}
        found.append(Draft(seen, one.sources[0].table, columns))
    return found


def _try(made: Plan) -> None:
    """What is proposed must be readable: the mapping is worked out once as `check` will."""
    tables: dict[str, set[str]] = {}
    for one in made.drafts:
        tables.setdefault(one.seen.file, set()).add(one.table)
    for one in made.drafts:
        source = Source(file=one.seen.file, table=one.table, columns=one.columns, constants=one.constants, types=one.types)
        expressions(source, one.seen.loaded.names, len(tables[one.seen.file]) > 1)
