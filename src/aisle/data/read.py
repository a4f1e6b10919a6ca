"""Reads a project's files: finds them, tells their form, and leaves each of the contract's tables in DuckDB as text, every row stamped with
its file and row. Nothing is cleaned here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from aisle.core.errors import InputError, SettingsError
from aisle.data.conditions import condition
from aisle.data.delimited import read_delimited
from aisle.data.documents import quoted, quoted_text, read_database, read_json, read_lines, read_parquet
from aisle.data.files import Input, inputs
from aisle.data.formats import DELIMITERS, Form, sniff
from aisle.data.loaded import Loaded
from aisle.data.mapping import expressions
from aisle.data.scan import scan
from aisle.settings import Settings

STAGE = "stage"
UNTAKEN = "no source takes this row"
REJECTED = "file VARCHAR, row BIGINT, table_name VARCHAR, reason VARCHAR, content VARCHAR"


@dataclass(frozen=True)
class FileRead:
    """One source file: ``rows`` data rows in it, of which ``bad`` could not be read; ``remarks`` say what was noticed on the way."""

    file: str
    tables: tuple[str, ...]
    rows: int
    bad: int = 0
    encoding: str = ""
    delimiter: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class RawTables:
    """What was read, file by file."""

    files: tuple[FileRead, ...]

    @property
    def rows(self) -> dict[str, int]:
        """Data rows of each file."""
        return {file.file: file.rows for file in self.files}

    @property
    def remarks(self) -> list[str]:
        """What was noticed while reading."""
        return [remark for file in self.files for remark in file.remarks]


def read_raw(folder: Path, settings: Settings, connection: duckdb.DuckDBPyConnection) -> RawTables:
    """Read all inputs of ``folder`` into ``connection``.

    Leaves one table ``raw_<name>`` for each of the contract's tables that a file feeds: the contract's columns and further ones, all
    VARCHAR, an empty cell NULL; ``_file``, the path as the user knows it; ``_row``, the number of the data row in that file, from 1:
    header and blank lines are not counted, rows that could not be read are. A row that feeds two tables has the same number in both.
    Further the tables ``rejected`` (file, row, table_name, reason, content): rows that could not be read and rows that no source's
    ``where`` takes; and ``source_rows`` (file, read). Raises `AisleError` for what cannot be read at all.
    """
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"CREATE OR REPLACE TABLE rejected ({REJECTED})")
    connection.execute("CREATE OR REPLACE TABLE source_rows (file VARCHAR, read BIGINT)")
    files = tuple(_read(given, folder, connection) for given in inputs(folder, settings))
    for file in files:
        connection.execute("INSERT INTO source_rows VALUES (?, ?)", [file.file, file.rows])
    _refuse_no_items(files, connection)
    return RawTables(files)


def _read(given: Input, folder: Path, connection: duckdb.DuckDBPyConnection) -> FileRead:
    tables = tuple(dict.fromkeys(source.table for source in given.sources))
    if given.url:
        loaded, form = read_database(given.url, folder, connection), None
    else:
        form = sniff(scan(given.path, given.shown, given.encoding), given.shown, given.headless)
        if form.kind == "empty":
            return _empty(given, tables)
        loaded = load_file(form, given.path, given.shown, connection)
    _write(given, tables, loaded, connection)
    remarks = list(form.remarks) if form else []
    if not loaded.rows:
        remarks.append(f"{given.shown} holds no rows.")
    if form is None:
        return FileRead(given.shown, tables, loaded.rows)
    delimiter = DELIMITERS.get(form.delimiter, form.delimiter)
    return FileRead(given.shown, tables, loaded.rows, len(loaded.bad), form.scan.shown, delimiter, tuple(remarks))


def _empty(given: Input, tables: tuple[str, ...]) -> FileRead:
    if "items" in tables:
        raise InputError(f"{given.shown} is empty.", "Export the items again: a header and a row for each item.")
    return FileRead(given.shown, tables, 0, remarks=(f"{given.shown} is empty; nothing was read from it.",))


def load_file(form: Form, path: Path, name: str, connection: duckdb.DuckDBPyConnection) -> Loaded:
    """All rows of a file of that form, as text."""
    if form.kind == "lines":
        return read_lines(form.scan)
    if form.kind == "json":
        return read_json(form.scan, name)
    if form.kind == "parquet":
        return read_parquet(path, name, connection)
    return read_delimited(form)


def _write(given: Input, tables: tuple[str, ...], loaded: Loaded, connection: duckdb.DuckDBPyConnection) -> None:
    """Fill the raw tables, and note the rows that came into none."""
    connection.register(STAGE, loaded.table)
    try:
        taken: dict[str, list[str]] = {}
        for source in given.sources:
            named = source.model_copy(update={"file": given.shown})
            cells = expressions(named, loaded.names, len(tables) > 1)
            where = condition(named, STAGE, loaded.names, connection)
            taken.setdefault(source.table, []).append(where)
            _insert(source.table, f"SELECT {_listed(cells, given.shown)} FROM {STAGE} WHERE {where}", connection)
        _refuse_twice(given, taken, connection)
        _reject(given, taken, loaded, connection)
    finally:
        connection.unregister(STAGE)


def _listed(cells: dict[str, str], shown: str) -> str:
    columns = [f"CAST({cell} AS VARCHAR) AS {quoted(name)}" for name, cell in cells.items()]
    return ", ".join([*columns, f"{quoted_text(shown)} AS _file", "_row"])


def _insert(table: str, query: str, connection: duckdb.DuckDBPyConnection) -> None:
    """Into ``raw_<table>``; columns that it does not have yet are added."""
    raw = f"raw_{table}"
    there = {str(name) for (name,) in connection.execute("SELECT column_name FROM duckdb_columns() WHERE table_name = ?", [raw]).fetchall()}
    if not there:
        connection.execute(f"CREATE TABLE {raw} AS {query}")
        return
    known = {name.lower() for name in there}
    for name in (str(line[0]) for line in connection.execute(f"DESCRIBE {query}").fetchall()):
        if name.lower() not in known:
            connection.execute(f"ALTER TABLE {raw} ADD COLUMN {quoted(name)} VARCHAR")
    connection.execute(f"INSERT INTO {raw} BY NAME {query}")


def _refuse_twice(given: Input, taken: dict[str, list[str]], connection: duckdb.DuckDBPyConnection) -> None:
    """A row may feed a table once: counts of rows would not add up otherwise."""
    for table, wheres in taken.items():
        if len(wheres) < 2:
            continue
        times = " + ".join(f"coalesce(({where})::INTEGER, 0)" for where in wheres)
        twice = connection.execute(f"SELECT min(_row), count(*) FROM {STAGE} WHERE {times} > 1").fetchall()[0]
        if twice[1]:
            raise SettingsError(
                f"[[sources]] {given.shown}: {twice[1]} rows, the first is row {twice[0]}, feed {table} twice.",
                "Give these sources conditions (`where`) that exclude each other.",
            )


def _reject(given: Input, taken: dict[str, list[str]], loaded: Loaded, connection: duckdb.DuckDBPyConnection) -> None:
    """Note the rows that could not be read and those that came into no table."""
    stamp = f"SELECT {quoted_text(given.shown)}, _row, {quoted_text(', '.join(taken))}"
    wheres = [where for found in taken.values() for where in found]
    if "true" not in wheres:
        content = f"concat_ws(',', {', '.join(quoted(name) for name in loaded.names)})"
        untaken = " AND ".join(f"({where}) IS NOT TRUE" for where in wheres)
        connection.execute(f"INSERT INTO rejected {stamp}, {quoted_text(UNTAKEN)}, {content} FROM {STAGE} WHERE {untaken}")
    if loaded.bad:
        rows = [(bad.row, bad.reason, bad.content) for bad in loaded.bad]
        connection.register("bad_rows", pa.table(list(zip(*rows, strict=True)), names=["_row", "reason", "content"]))
        connection.execute(f"INSERT INTO rejected {stamp}, reason, content FROM bad_rows")
        connection.unregister("bad_rows")


def _refuse_no_items(files: Sequence[FileRead], connection: duckdb.DuckDBPyConnection) -> None:
    feeding = [file for file in files if "items" in file.tables]
    if not feeding or connection.execute("SELECT count(*) FROM raw_items").fetchall()[0][0]:
        return
    names = ", ".join(file.file for file in feeding)
    if not any(file.rows for file in feeding):
        raise InputError(f"{names}: a header and no rows, so there is no item.", "Export the items again, with their rows.")
    reasons = Counter(str(reason) for (reason,) in connection.execute("SELECT reason FROM rejected").fetchall())
    what = f"{names}: no row could be read as an item (most often: {reasons.most_common(1)[0][0]})."
    raise InputError(what, "Mend the file or the mapping in aisle.toml.")
