"""Small dirty shops for the cleaning tests: raw tables as the reader leaves them, built by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from aisle.data.clean import Cleaned, clean
from aisle.data.rules.order import RULES
from aisle.settings import Cleaning, Settings

Row = Mapping[str, str | None]


def fill(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Row], file: str | Sequence[str], first: int = 1) -> None:
    """Make ``raw_<table>``; ``file`` is one name, or one a row (each file then numbers its own rows)."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    files = [file] * len(rows) if isinstance(file, str) else list(file)
    numbers = [first + files[:place].count(name) for place, name in enumerate(files)]
    cells = {name: pa.array([row.get(name) for row in rows], pa.string()) for name in names}
    stage = pa.table({**cells, "_file": pa.array(files, pa.string()), "_row": pa.array(numbers, pa.int64())})
    connection.register("stage", stage)
    connection.execute(f"CREATE TABLE raw_{table} AS SELECT * FROM stage")
    connection.unregister("stage")


@contextmanager
def cleaned(
    only: str = "", newest: float = float("inf"), file: str = "", cleaning: Cleaning | None = None, **tables: Sequence[Row]
) -> Iterator[Cleaned]:
    """The tables cleaned by all rules or by those named in ``only``; each from its own file `<table>.csv`, or all from the one ``file``,
    line by line."""
    off = tuple({rule.name for rule in RULES} - set(only.split())) if only else ()
    settings = Settings(cleaning=cleaning or Cleaning(off=off))
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1")
        for name, rows in tables.items():
            fill(connection, name, rows, file or f"{name}.csv")
        yield clean(connection, settings, newest)


def rows(done: Cleaned, table: str) -> list[dict[str, object]]:
    """The rows that a table kept, in the order of reading, our own columns but `_row` left out."""
    found = done.tables[table].order_by("_key").to_pyarrow().to_pylist()
    return [{name: value for name, value in row.items() if name == "_row" or not name.startswith("_")} for row in found]


def column(done: Cleaned, table: str, name: str) -> list[object]:
    """One column of the kept rows."""
    return [row[name] for row in rows(done, table)]


def reasons(done: Cleaned, table: str) -> dict[int, str]:
    """Row to reason of what a table rejected."""
    gone = done.gone.filter(done.gone["table_name"] == table).order_by("_key").to_pyarrow().to_pylist()
    return {row["_row"]: row["reason"] for row in gone}


def item(item_id: str, title: str | None = "Lamp", **further: str | None) -> dict[str, str | None]:
    """A row of items."""
    return {"item_id": item_id, "title": title, **further}


def touched(done: Cleaned, rule: str) -> tuple[int, int]:
    """Rows that a rule repaired and rejected."""
    tallies = [tally for tally in done.tallies if tally.rule == rule]
    return sum(sum(tally.repaired.values()) for tally in tallies), sum(sum(tally.rejected.values()) for tally in tallies)


def event(user: str | None, item_id: str | None, time: str | None, kind: str = "purchase", **further: str | None) -> dict[str, str | None]:
    """A row of events."""
    return {"user_id": user, "item_id": item_id, "timestamp": time, "type": kind, **further}
