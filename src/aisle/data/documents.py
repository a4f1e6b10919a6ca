"""Reads JSON lines, JSON, Parquet and databases into rows of text."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from aisle.core.errors import InputError
from aisle.data.formats import column_names
from aisle.data.loaded import BATCH, LONGEST, BadRow, Loaded, batch, from_records, schema
from aisle.data.scan import Scan, decoded

Record = dict[str, str | None]


def read_lines(scan: Scan) -> Loaded:
    """JSON lines: an object a line; a line that is none is a bad row."""
    return _gathered((line, _parsed(line)) for line in _lines(scan))


def read_json(scan: Scan, name: str) -> Loaded:
    """A JSON array of objects, or an object whose only list of objects is meant. Raises `InputError` when it is neither."""
    text = "".join(decoded(scan)).lstrip("\ufeff")
    try:
        value = _loads(text)
    except ValueError as error:
        raise InputError(f"{name} is not valid JSON: {error}.", "Mend it there, or write one object a line (JSON lines).") from None
    if isinstance(value, dict):
        lists = [inner for inner in value.values() if isinstance(inner, list) and inner and isinstance(inner[0], dict)]
        value = lists[0] if len(lists) == 1 else [value] if not lists and _flat(value) else None
    if not isinstance(value, list):
        raise InputError(f"{name} holds JSON, but no list of objects.", "Write an array of objects, or one object a line (JSON lines).")
    return _gathered((_text(entry) or "", entry) for entry in value)


def _flat(value: dict[str, object]) -> bool:
    return not any(isinstance(inner, list | dict) for inner in value.values())


def _loads(text: str) -> object:
    return json.loads(text, parse_int=str, parse_float=str, parse_constant=str)  # numbers stay as they are written


def _parsed(line: str) -> object:
    try:
        return _loads(line)
    except (ValueError, RecursionError):
        return None


def _lines(scan: Scan) -> Iterator[str]:
    left, first = "", True
    for piece in decoded(scan):
        *whole, left = (left + (piece.lstrip("\ufeff") if first else piece)).split("\r" if scan.return_only else "\n")
        first = False
        yield from (line for line in whole if line.strip())
    yield from [left] if left.strip() else []


def _text(value: object) -> str | None:
    """One cell: a list becomes its values with `|` between them, an object its JSON."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and not any(isinstance(inner, list | dict) for inner in value):
        return "|".join(_text(inner) or "" for inner in value)
    return json.dumps(value, ensure_ascii=False)


def _gathered(entries: Iterable[tuple[str, object]]) -> Loaded:
    """``entries`` are each row's text and its value; a value that is no object is bad."""
    parts: list[pa.RecordBatch] = []
    bad: list[BadRow] = []
    rows: list[int] = []
    records: list[Record] = []
    names: dict[str, None] = {}
    total = 0
    for total, (text, value) in enumerate(entries, 1):
        if not isinstance(value, dict):
            bad.append(BadRow(total, "no JSON object", text[:LONGEST]))
            continue
        rows.append(total)
        records.append({key: _text(inner) for key, inner in value.items()})
        if len(rows) == BATCH:
            parts.append(_part(rows, records, names))
            rows, records = [], []
    parts.append(_part(rows, records, names))
    table = pa.concat_tables([pa.Table.from_batches([part]) for part in parts], promote_options="default")
    unique = column_names(list(names), "", [])
    return Loaded(table.select(["_row", *names]).rename_columns(["_row", *unique]), total, bad)


def _part(rows: list[int], records: list[Record], names: dict[str, None]) -> pa.RecordBatch:
    for record in records:
        names.update(dict.fromkeys(record))
    return from_records(rows, records, list(names))


def read_parquet(path: Path, name: str, connection: duckdb.DuckDBPyConnection) -> Loaded:
    """All columns as text: whole numbers without a point, times in UTC, lists with `|` between the values."""
    source = f"read_parquet({quoted_text(str(path))}, file_row_number = true)"
    try:
        return _from_query(source, "file_row_number + 1", connection)
    except duckdb.Error as error:
        raise InputError(f"{name} cannot be read as Parquet: {_first_line(error)}", "Write it again; it may be cut off.") from None


def _from_query(source: str, row: str, connection: duckdb.DuckDBPyConnection) -> Loaded:
    described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    columns = [(str(line[0]), str(line[1])) for line in described if line[0] != "file_row_number"]
    names = column_names([column for column, _ in columns], "", [])
    cells = ", ".join(f"{_as_text(column, kind)} AS {quoted(name)}" for (column, kind), name in zip(columns, names, strict=True))
    table = connection.sql(f"SELECT CAST({row} AS BIGINT) AS _row, {cells} FROM {source}").to_arrow_table()
    return Loaded(table.cast(schema(names)), len(table))


def _as_text(column: str, kind: str) -> str:
    cell = quoted(column)
    if kind in ("DOUBLE", "FLOAT"):
        # numbers that pandas made real only because one was missing
        whole = f"{cell} = trunc({cell}) AND abs({cell}) < 9007199254740992"
        cell = f"CASE WHEN {whole} THEN CAST(CAST({cell} AS BIGINT) AS VARCHAR) ELSE CAST({cell} AS VARCHAR) END"
    elif kind == "BLOB":
        cell = f"decode({cell})"
    elif kind.endswith("[]"):
        cell = f"array_to_string({cell}, '|')"
    return f"NULLIF(CAST({cell} AS VARCHAR), '')"


def read_database(url: str, folder: Path, connection: duckdb.DuckDBPyConnection) -> Loaded:
    """A table of an SQLite or DuckDB file: ``sqlite:///shop.db#orders``, ``duckdb:///shop.duckdb#orders``; three slashes: relative to
    ``folder``. Rows are numbered as the database gives them. Raises `InputError` naming what is not there."""
    kind, _, rest = url.partition("://")
    place, _, wanted = rest.removeprefix("/").partition("#")
    path = folder / place
    if kind not in ("sqlite", "duckdb"):
        mend = "Export the table as CSV or Parquet, or name an sqlite or duckdb file."
        raise InputError(f"{url}: databases of the kind `{kind}` cannot be read.", mend)
    if not path.is_file():
        raise InputError(f"{url}: there is no file {path}.", "Three slashes: relative to the folder; four: from the root.")
    try:
        return _sqlite(path, wanted, url) if kind == "sqlite" else _duckdb(path, wanted, url, connection)
    except (sqlite3.Error, duckdb.Error) as error:
        raise InputError(f"{url} cannot be read: {_first_line(error)}.", "Check that the file is whole and of that kind.") from None


def _sqlite(path: Path, wanted: str, url: str) -> Loaded:
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
        tables = [str(name) for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")]
        cursor = database.execute(f"SELECT * FROM {quoted(_chosen(wanted, tables, url))}")
        names = column_names([str(column[0]) for column in cursor.description], url, [])
        parts, total = [], 0
        while found := cursor.fetchmany(BATCH):
            cells = [[_text(cell.decode("utf-8", "replace") if isinstance(cell, bytes) else cell) for cell in row] for row in found]
            parts.append(batch(list(range(total + 1, total + len(found) + 1)), cells, names))
            total += len(found)
    return Loaded(pa.Table.from_batches(parts, schema(names)), total)


def _duckdb(path: Path, wanted: str, url: str, connection: duckdb.DuckDBPyConnection) -> Loaded:
    connection.execute(f"ATTACH {quoted_text(str(path))} AS theirs (READ_ONLY)")
    try:
        query = (
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'theirs' UNION ALL "
            "SELECT view_name FROM duckdb_views() WHERE database_name = 'theirs' AND NOT internal"
        )
        tables = sorted(str(name) for (name,) in connection.execute(query).fetchall())
        loaded = _from_query(f"theirs.{quoted(_chosen(wanted, tables, url))}", "0", connection)
        rows = pa.array(np.arange(1, loaded.rows + 1))
        return Loaded(loaded.table.set_column(0, "_row", rows), loaded.rows)
    finally:
        connection.execute("DETACH theirs")


def _chosen(wanted: str, tables: list[str], url: str) -> str:
    if wanted in tables:
        return wanted
    if not wanted and len(tables) == 1:
        return tables[0]
    what = f"has no table `{wanted}`" if wanted else f"has {len(tables)} tables"
    raise InputError(f"{url} {what}.", f"Name one after #: {', '.join(tables) or 'it holds none'}.")


def quoted(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def quoted_text(text: str) -> str:
    """An SQL text."""
    return "'" + text.replace("'", "''") + "'"


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]
