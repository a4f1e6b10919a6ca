"""What the columns of a file hold, told by their cells: numbers, times, ids, words, how many are filled and how many differ."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import pyarrow as pa

from aisle.data.documents import quoted
from aisle.data.loaded import Loaded
from aisle.schema import EVENT_TYPES, EVENT_WORDS

DATED = r"^\d{1,4}[-/.年]\d{1,2}[-/.月]\d{1,4}日?([ T].*)?$|^(19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(\d{6})?$"
FEW = 40
"""Different values up to which they are all looked at."""


@dataclass(frozen=True)
class Column:
    """One column. ``filled``, ``number``, ``whole``, ``dated`` (a written date), ``unix`` (seconds or milliseconds between 1980 and 2100)
    and ``clock`` (only a time of day) are shares, the first of all rows, the others of filled cells; ``length`` is in characters.
    ``values`` are the different cells, commonest first, where there are few."""

    name: str
    place: int
    rows: int
    filled: float
    different: int
    number: float
    whole: float
    dated: float
    unix: float
    clock: float
    length: float
    low: float
    high: float
    values: tuple[str, ...] = ()

    @property
    def unique(self) -> bool:
        """Hardly any value stands twice."""
        return self.different >= 0.97 * self.rows * self.filled > 0

    @property
    def words(self) -> bool:
        """Text to be read rather than a number or date."""
        return self.number < 0.5 and self.dated < 0.5 and self.unix < 0.5 and self.filled > 0

    @property
    def id_like(self) -> bool:
        """Could be an id: filled, short, no fractions, no date."""
        return self.filled > 0.5 and self.length <= 80 and self.dated < 0.5 and self.number - self.whole < 0.01

    @property
    def time(self) -> bool:
        """Could be an instant."""
        return self.dated > 0.8 or self.unix > 0.8

    @property
    def event_words(self) -> float:
        """Share of the different values that are event types, ours or in other words; 0 where there are many."""
        known = sum(value.strip().lower() in (*EVENT_TYPES, *EVENT_WORDS) for value in self.values)
        return known / len(self.values) if self.values else 0.0


def look(loaded: Loaded, connection: duckdb.DuckDBPyConnection) -> list[Column]:
    """The columns of a loaded file, in its order."""
    connection.register("looked_at", loaded.table)
    try:
        return [_column(name, place, loaded.table, connection) for place, name in enumerate(loaded.names, 1)]
    finally:
        connection.unregister("looked_at")


def _column(name: str, place: int, table: pa.Table, connection: duckdb.DuckDBPyConnection) -> Column:
    cell = quoted(name)
    number = f"TRY_CAST({cell} AS DOUBLE)"
    unix = f"({number} BETWEEN 315532800 AND 4102444800 OR {number} BETWEEN 315532800000 AND 4102444800000)"
    asked = (
        "count(cell)", "count(DISTINCT cell)", "count(number)", "count(*) FILTER (number = trunc(number))",
        f"count(*) FILTER (regexp_matches(cell, '{DATED}'))", f"count(*) FILTER ({unix.replace(number, 'number')})",
        r"count(*) FILTER (regexp_matches(cell, '^\d{1,2}:\d{2}(:\d{2})?$'))", "avg(length(cell))", "min(number)", "max(number)",
    )  # fmt: skip
    query = f"SELECT {', '.join(asked)} FROM (SELECT trim({cell}) AS cell, {number} AS number FROM looked_at WHERE {cell} IS NOT NULL)"
    filled, different, *shares, length, low, high = connection.execute(query).fetchall()[0]
    numbers, whole, dated, seconds, clock = (count / filled if filled else 0.0 for count in shares)
    values: tuple[str, ...] = ()
    if 0 < different <= FEW:
        common = f"SELECT {cell} FROM looked_at WHERE {cell} IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, 1"
        values = tuple(str(value) for (value,) in connection.execute(common).fetchall())
    lowest, highest = (float("nan") if end is None else float(end) for end in (low, high))
    rows = max(1, len(table))
    return Column(
        name, place, rows, filled / rows, different, numbers, whole, dated, seconds, clock, length or 0.0, lowest, highest, values
    )
