"""The body of a write: one JSON object, an array of them, or JSON lines. A line that cannot be read does not spoil the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from aisle.core.answer import Json
from aisle.serving.problems import RefusedError

UNREADABLE = "This line is not valid JSON."


@dataclass(frozen=True, slots=True)
class Rows:
    """What was read: ``values``, the row that each came from (0 first), and row to reason of those that go no further."""

    values: Sequence[Json]
    places: Sequence[int]
    refused: Mapping[int, str] = field(default_factory=dict)

    def without(self, why_not: Callable[[Json], str]) -> Rows:
        """Fewer rows: those for which ``why_not`` gives a reason are refused."""
        reasons = [why_not(value) for value in self.values]
        kept = [number for number, reason in enumerate(reasons) if not reason]
        refused = {self.places[number]: reason for number, reason in enumerate(reasons) if reason}
        return Rows([self.values[n] for n in kept], [self.places[n] for n in kept], {**self.refused, **refused})

    def counted(self, answer: Mapping[str, Json]) -> dict[str, Json]:
        """An engine's answer on ``values`` as an answer on all rows: refused ones are received and rejected, rows keep their numbers."""
        told = answer.get("rejected")
        rejected: list[Json] = [self._placed(one) for one in told] if isinstance(told, Sequence) and not isinstance(told, str) else []
        rejected += [{"row": row, "reason": reason} for row, reason in self.refused.items()]
        return {**answer, "received": len(self.values) + len(self.refused), "rejected": sorted(rejected, key=_row)}

    def _placed(self, told: Json) -> Json:
        if not isinstance(told, Mapping):
            return told
        row = told.get("row")
        return {**told, "row": self.places[int(row)]} if isinstance(row, int | float) and 0 <= row < len(self.places) else told


def rows(raw: bytes, lines: bool) -> Rows:
    """Read a body. ``lines`` says that it is labelled as JSON lines; it may be them without the label.

    Raises `RefusedError` when it is empty, or broken and not lines of which any can be read.
    """
    if not raw.strip():
        raise RefusedError(400, "broken_json", "The body is empty.", 'Send {"type": "click", "item_id": "A1"}, an array, or JSON lines.')
    if lines:
        return _lines(raw)
    try:
        whole = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        found = _lines(raw)
        if any(isinstance(value, dict) for value in found.values):
            return found
        where = f"line {error.lineno}, column {error.colno}"
        raise RefusedError(
            400, "broken_json", f"The body is not valid JSON ({where}).", "Send an object, an array, or one object a line."
        ) from None
    values = whole if isinstance(whole, list) else [whole]
    return Rows(values, range(len(values)))


def _lines(raw: bytes) -> Rows:
    values: list[Json] = []
    places: list[int] = []
    refused: dict[int, str] = {}
    row = 0
    for line in raw.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
        if not line.strip():
            continue
        try:
            values.append(orjson.loads(line))
            places.append(row)
        except orjson.JSONDecodeError:
            refused[row] = UNREADABLE
        row += 1
    return Rows(values, places, refused)


def _row(rejected: Json) -> float:
    row = rejected.get("row") if isinstance(rejected, Mapping) else None
    return float(row) if isinstance(row, int | float) else -1.0
