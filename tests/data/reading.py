"""Folders written on the spot and read into DuckDB, for the claims on reading."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from aisle.data.read import RawTables, read_raw
from aisle.settings import Settings, Source

ITEMS = "item_id,title\n007,Red lamp\n8,Blue lamp\n"
EVENTS = "timestamp,type,item_id,user_id\n2026-01-01,click,007,u1\n"


@dataclass
class Read:
    """What reading a folder left behind."""

    tables: RawTables
    connection: duckdb.DuckDBPyConnection

    def rows(self, table: str, *columns: str) -> list[tuple[object, ...]]:
        """Some columns of a table in the order of the file's rows."""
        wanted = ", ".join(f'"{column}"' for column in columns)
        return self.connection.execute(
            f"SELECT {wanted} FROM {table} ORDER BY {'_file, _row' if table.startswith('raw') else 'row'}"
        ).fetchall()

    def columns(self, table: str) -> list[str]:
        """A table's columns."""
        return [str(line[0]) for line in self.connection.execute(f"DESCRIBE {table}").fetchall()]

    @property
    def rejected(self) -> list[tuple[object, ...]]:
        """Row and reason of each row that was not taken."""
        return self.rows("rejected", "row", "reason")

    @property
    def said(self) -> str:
        """All remarks."""
        return " ".join(self.tables.remarks)


def write(folder: Path, **files: str | bytes) -> Path:
    """Files named ``items_csv`` and so on, of text or bytes."""
    for name, content in files.items():
        path = folder / ".".join(name.rsplit("__", 1) if "__" in name else name.rsplit("_", 1))
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def read(folder: Path, *sources: Source) -> Read:
    """The folder read with these sources, DuckDB set as training sets it."""
    connection = duckdb.connect()
    connection.execute("SET preserve_insertion_order = false")
    return Read(read_raw(folder, Settings(sources=sources), connection), connection)
