"""The `where` of a source: one SQL condition on the file's own columns, checked to be no more than that."""

from __future__ import annotations

import re

import duckdb

from aisle.core.errors import SettingsError
from aisle.data.documents import quoted
from aisle.settings import Source

MOST = 0.9
"""Share of cells that must be numbers (times) for a column to be compared as numbers (times)."""


def condition(source: Source, stage: str, names: list[str], connection: duckdb.DuckDBPyConnection) -> str:
    """An SQL condition on ``stage`` (all text, with `_row`) that says what ``where`` says.

    Where the text alone does not do (``Quantity > 0``), columns that hold numbers or times are compared as such, an unreadable cell as
    missing. Raises `SettingsError` naming the source when it is no condition, or cannot be worked out.
    """
    if not source.where.strip():
        return "true"
    try:
        duckdb.SQLExpression(source.where)
    except duckdb.Error as error:
        raise _wrong(source, error) from None
    plain = f"(\n{source.where}\n)"
    try:
        _try(f"SELECT count(*) FROM {stage} WHERE {plain}", connection)
        return plain
    except duckdb.Error:
        typed = f"SELECT _row, {_typed(source.where, stage, names, connection)} FROM {stage}"
    try:
        _try(f"SELECT count(*) FROM ({typed}) WHERE {plain}", connection)
    except duckdb.Error as error:
        raise _wrong(source, error) from None
    return f"_row IN (SELECT _row FROM ({typed}) WHERE {plain})"


def _try(query: str, connection: duckdb.DuckDBPyConnection) -> None:
    statements = connection.extract_statements(query)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise duckdb.ParserException("it is more than one condition")
    connection.execute(statements[0]).fetchall()


def _typed(where: str, stage: str, names: list[str], connection: duckdb.DuckDBPyConnection) -> str:
    cells = []
    for name in names:
        column = quoted(name)
        kind = _kind(column, stage, connection) if re.search(re.escape(name), where, re.IGNORECASE) else ""
        cells.append(f"TRY_CAST({column} AS {kind}) AS {column}" if kind else column)
    return ", ".join(cells)


def _kind(column: str, stage: str, connection: duckdb.DuckDBPyConnection) -> str:
    counts = f"count({column}), count(TRY_CAST({column} AS DOUBLE)), count(TRY_CAST({column} AS TIMESTAMP))"
    found = connection.execute(f"SELECT {counts} FROM {stage}").fetchall()[0]  # to the end: DuckDB 2 keeps an unread result open
    filled, numbers, times = (int(count) for count in found)
    if numbers >= max(1, filled * MOST):
        return "DOUBLE"
    return "TIMESTAMP" if times >= max(1, filled * MOST) else ""


def _wrong(source: Source, error: duckdb.Error) -> SettingsError:
    why = re.sub(r"\s+", " ", str(error).split("\n\nLINE", 1)[0]).strip()
    return SettingsError(
        f"[[sources]] {source.file}: `where` = {source.where!r} does not work: {why}",
        "Write an SQL condition on the file's own columns, names with spaces in double quotes, text in single quotes.",
    )
