"""Which of the encoders measured to take: the rows, the rules by which one is advised, the table for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.evaluation.intervals import bootstrap
from aisle.evaluation.results import Json, Measured

BYTES = 1
"""Of a number of an item's vector in a bundle (`aisle.retrieval.packed`)."""
Found = Mapping[str, tuple["Row", list[float]]]
"""By name a row and each query's share."""


@dataclass(frozen=True)
class Row:
    """One encoder on one thread: ``recall`` is recall@10 among the pool, ``texts`` a second in batches, ``query_ms`` the median of one
    query alone, ``megabytes`` of its files; ``by_token`` is recall@10 where tokens are compared too, None where they are not told."""

    name: str
    recall: Measured
    texts: float
    query_ms: float
    megabytes: float
    dimension: int
    by_token: Measured | None = None

    @property
    def vector_bytes(self) -> int:
        """Of an item's vector in the catalogue."""
        return BYTES * self.dimension


@dataclass(frozen=True)
class Comparison:
    """All rows, best first, the one to take ("" where none fits ``budget_ms``) and why; ``asked`` says by what was measured."""

    rows: Sequence[Row]
    take: str
    why: str
    asked: str
    budget_ms: float | None = None

    def to_json(self) -> dict[str, Json]:
        """``encoders --json``."""
        rows: list[Json] = [
            {
                "name": row.name,
                "recall@10": _bounded(row.recall),
                "recall@10_by_token": None if row.by_token is None else _bounded(row.by_token),
                "texts_per_second": row.texts,
                "query_ms": row.query_ms,
                "megabytes": row.megabytes,
                "dimension": row.dimension,
                "bytes_per_vector": row.vector_bytes,
            }
            for row in self.rows
        ]
        return {"asked": self.asked, "encoders": rows, "take": self.take or None, "why": self.why, "budget_ms": self.budget_ms}


def _bounded(found: Measured) -> dict[str, Json]:
    return {"value": found.value, "low": found.low, "high": found.high}


def judged(found: Found, asked: str) -> Comparison:
    """The fastest of those that are not surely worse than the best."""
    rows = sorted((row for row, _ in found.values()), key=lambda row: -row.recall.value)
    best = rows[0]
    level = [row for row in rows if _level(found[row.name][1], found[best.name][1])]
    take = min(level, key=lambda row: row.query_ms)
    if take is best:
        why = f"{take.name} finds most" + ("" if len(level) > 1 else ", surely more than every other")
    else:
        why = f"{take.name} is not surely worse than {best.name} and answers in {take.query_ms:.2f} ms, not {best.query_ms:.2f}"
    return Comparison(rows, take.name, f"{why}.", asked)


def within(found: Found, asked: str, budget_ms: float) -> Comparison:
    """What finds most within the budget; of those that are not surely worse the one with the smallest vectors, then the smallest files."""
    rows = sorted((row for row, _ in found.values()), key=lambda row: -row.recall.value)
    fits = [row for row in rows if row.query_ms <= budget_ms]
    if not fits:
        fastest = min(rows, key=lambda row: row.query_ms)
        why = (
            f"None answers one query within {budget_ms:g} ms on one thread here; the fastest, {fastest.name}, takes {fastest.query_ms:.2f}."
        )
        return Comparison(rows, "", why, asked, budget_ms)
    best = fits[0]
    level = [row for row in fits if _level(found[row.name][1], found[best.name][1])]
    take = min(level, key=lambda row: (row.vector_bytes, row.megabytes))
    said = [f"it answers one query in {take.query_ms:.2f} ms, within {budget_ms:g}"]
    if take is best:
        said.append(f"and finds most of the {len(fits)} that do" if len(fits) > 1 else "and nothing else does")
    else:
        smaller = (
            f"with {take.vector_bytes:,} bytes a vector, not {best.vector_bytes:,}, and {take.megabytes:,.0f} MB, not {best.megabytes:,.0f}"
        )
        said.append(f"and is not surely worse than {best.name}, {smaller}")
    if rows[0] is not best:
        said.append(f"({rows[0].name} finds more, {rows[0].recall.value:.3f}, not {take.recall.value:.3f}, in {rows[0].query_ms:.2f} ms)")
    return Comparison(rows, take.name, f"{' '.join(said)}.", asked, budget_ms)


def _level(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether the 95 % interval of the paired difference reaches 0."""
    difference: NDArray[np.float64] = np.array(one) - np.array(other)
    return not difference.any() or bool(bootstrap(difference[:, None]).high[0] >= 0)
