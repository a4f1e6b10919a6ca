"""One source file as rows of text: what every reader gives, whatever the file's form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

BATCH = 50_000
LONGEST = 2_000
"""Characters of a bad row that are kept to be shown."""


@dataclass(frozen=True)
class BadRow:
    """A row that could not be read. ``row`` counts data rows from 1, blank lines left out."""

    row: int
    reason: str
    content: str


@dataclass
class Loaded:
    """``table`` has ``_row`` int64 (data rows from 1, bad ones counted) and text columns, an empty cell null; ``rows`` counts all data
    rows, bad ones too."""

    table: pa.Table
    rows: int
    bad: list[BadRow] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """The file's own column names."""
        return [name for name in self.table.column_names if name != "_row"]


def schema(names: Sequence[str]) -> pa.Schema:
    """Of a loaded table."""
    return pa.schema([("_row", pa.int64()), *((name, pa.string()) for name in names)])


def numbered(places: NDArray[np.int64], bad: Sequence[int]) -> NDArray[np.int64]:
    """Row numbers of the good rows that are the ``places``-th (from 0) among the good ones, where ``bad`` (sorted) are the numbers of the
    bad rows. Two rows kept around row 2 that is bad: 1 and 3."""
    gaps = np.asarray(bad, np.int64) - 1 - np.arange(len(bad))
    return places + np.searchsorted(gaps, places, side="right") + 1


def batch(rows: Sequence[int], cells: Sequence[Sequence[str | None]], names: Sequence[str]) -> pa.RecordBatch:
    """Rows of cells as columns; empty cells are null, lone surrogates become the replacement character."""
    columns = zip(*cells, strict=True) if cells else [()] * len(names)
    return pa.record_batch([pa.array(rows, pa.int64()), *(_column(column) for column in columns)], schema=schema(names))


def _column(cells: Iterable[str | None]) -> pa.Array:
    texts = [cell or None for cell in cells]
    try:
        return pa.array(texts, pa.string())
    except UnicodeEncodeError:
        return pa.array([text and text.encode("utf-8", "replace").decode() for text in texts], pa.string())


def from_records(rows: Sequence[int], found: Sequence[Mapping[str, str | None]], names: Sequence[str]) -> pa.RecordBatch:
    """Rows of named cells as columns; a name that a row does not have is null there."""
    return batch(rows, [[record.get(name) for name in names] for record in found], names)
