"""The catalogue as it stands now: a bundle's columns with what was changed since laid over them, and the items that came since behind."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from aisle.core.answer import Value
from aisle.core.catalogue import Catalogue, Floats, Labels
from aisle.core.places import Places
from aisle.core.strings import Strings
from aisle.schema import ITEMS, Kind

WRITTEN = (Kind.ID, Kind.TEXT, Kind.CATEGORY)
TRUTHS = {"true": 1.0, "false": 0.0}

Cells = Mapping[str, Mapping[int, Value]]
"""Attribute to row to what stands there now; None: nothing does."""


class Overwritten(Strings):
    """``size`` texts: those of ``base``, but for the rows in ``changed``. Costs what was changed, not what there is."""

    def __init__(self, base: Strings, changed: Mapping[int, str | None], size: int) -> None:
        self.base, self.changed, self.size = base, changed, size

    @classmethod
    def over(cls, column: Strings, changed: Mapping[int, str | None], size: int) -> Overwritten:
        """``column`` with further changes."""
        if isinstance(column, Overwritten):
            return cls(column.base, {**column.changed, **changed}, size)
        return cls(column, changed, size)

    def __len__(self) -> int:
        return self.size

    def get(self, row: int) -> str | None:
        """The text at ``row``, ``None`` where it is absent."""
        if row in self.changed:
            return self.changed[row]
        return self.base.get(row) if row < len(self.base) else None

    def __iter__(self) -> Iterator[str]:
        texts = [*self.base, *[""] * (self.size - len(self.base))]
        for row, text in self.changed.items():
            texts[row] = text or ""
        return iter(texts)


class Overlaid(Catalogue):
    """``before`` with new items behind it and ``cells`` laid over. Immutable as every catalogue; ``before`` stays as it was.

    Rows never move and are never used again: an item that is deleted keeps its row and stands in ``gone``. A column keeps the kind that
    the bundle gave it, numbers or text; what cannot be read as its kind is missing. ``rewritten`` ``(k,) int32``, ascending: rows with a
    text that is not what it was in ``before``, new items among them.
    """

    def __init__(
        self, before: Catalogue, ids: Sequence[str] = (), cells: Cells | None = None, gone: Mapping[int, bool] | None = None
    ) -> None:
        self._before, self.size = len(before), len(before) + len(ids)
        fresh = dict(zip(range(self._before, self.size), ids, strict=True))
        names = Overwritten.over(before.ids, fresh, self.size) if ids else before.ids
        super().__init__(names, before.texts, before.numbers)
        self._bundled = before.bundled
        self._fresh, self._known = fresh, before.row_of
        self.gone = self._without(before.gone, gone or {})
        touched: dict[str, dict[int, str | None]] = {}
        for name, changes in (cells or {}).items():
            if self._is_text(name, changes.values()):
                touched[name] = self._write(before, name, changes)
            else:
                self.numbers[name] = self._count(before, name, changes)
        self._grow(before, touched)
        written = {row for rows in touched.values() for row in rows} | set(fresh)
        self.rewritten = np.array(sorted(written), np.int32)

    @property
    def bundled(self) -> Catalogue:
        """The catalogue of the bundle itself: its columns arm filters, later changes do not."""
        return self._bundled

    @cached_property
    def row_of(self) -> Places:
        """Item id to row."""
        return self._known.knowing({item: row for row, item in self._fresh.items()}) if self._fresh else self._known

    def labels(self, name: str) -> Labels:
        """A text column read as categories: the bundle's, with what was changed cut anew."""
        if name not in self._labels:
            column = self.texts.get(name)
            changed = column.changed if isinstance(column, Overwritten) else {}
            known = name in self.bundled.texts
            base = self.bundled.labels(name) if known else Labels(np.zeros(len(self.bundled) + 1, np.int64), np.zeros(0, np.int32), ())
            self._labels[name] = patched(base, changed, self.size)
        return self._labels[name]

    def _without(self, before: NDArray[np.bool_] | None, gone: Mapping[int, bool]) -> NDArray[np.bool_] | None:
        if before is None and not any(gone.values()):
            return None
        mask = np.zeros(self.size, bool)
        if before is not None:
            mask[: len(before)] = before
        mask[list(gone)] = list(gone.values())
        return mask

    def _is_text(self, name: str, values: Iterable[Value]) -> bool:
        """The bundle decides; else the contract; else what came, once a text always text."""
        if name in self.bundled.names:
            return name in self.bundled.texts
        if name in ITEMS:
            return ITEMS[name].kind in WRITTEN
        return name in self.texts or any(isinstance(value, str) for value in values)

    def _write(self, before: Catalogue, name: str, changes: Mapping[int, Value]) -> dict[int, str | None]:
        """Change a text column; what really changed."""
        column = self.texts[name] if name in self.texts else _column_of(before, name)
        told = {row: as_text(value) for row, value in changes.items()}
        fresh = {row: text for row, text in told.items() if row >= self._before or column.get(row) != text}
        if name in self.numbers:  # numbers until now, and then something that is none
            del self.numbers[name]
            fresh = told
        self.texts[name] = Overwritten.over(column, fresh, self.size)
        return fresh

    def _count(self, before: Catalogue, name: str, changes: Mapping[int, Value]) -> Floats:
        column = np.full(self.size, np.nan)
        if name in before.numbers:
            column[: self._before] = before.numbers[name]
        column[list(changes)] = [as_number(value) for value in changes.values()]
        return column

    def _grow(self, before: Catalogue, touched: Mapping[str, Mapping[int, str | None]]) -> None:
        """Every column as long as the catalogue; labels that were cut before are mended, not cut again."""
        if self.size > self._before:
            pad = np.full(self.size - self._before, np.nan)
            self.numbers = {name: held if len(held) == self.size else np.concatenate([held, pad]) for name, held in self.numbers.items()}
            short = {name: held for name, held in self.texts.items() if len(held) < self.size}
            self.texts |= {name: Overwritten.over(held, {}, self.size) for name, held in short.items()}
        for name, labels in before.cut.items():
            if name in self.texts:
                self._labels[name] = patched(labels, touched.get(name, {}), self.size)


def _column_of(before: Catalogue, name: str) -> Strings:
    """A text column that was not one before."""
    if name not in before.numbers:
        return Strings.none(len(before))
    told = {int(row): as_text(float(before.numbers[name][row])) for row in np.flatnonzero(~np.isnan(before.numbers[name]))}
    return Overwritten(Strings.none(len(before)), told, len(before))


def patched(labels: Labels, changed: Mapping[int, str | None], size: int) -> Labels:
    """``labels`` grown to ``size`` items, with the values of the ``changed`` rows; names keep their codes."""
    known = len(labels.offsets) - 1
    if not changed and size == known:
        return labels
    rows = np.array(sorted(changed), np.int64)
    cut = Labels.of((changed[row] for row in rows.tolist()), labels.number)
    if not len(rows) or rows[0] >= known:
        behind = np.zeros(size - known, np.int64)
        behind[rows - known] = np.diff(cut.offsets)
        ends = np.concatenate([labels.offsets, labels.offsets[-1] + np.cumsum(behind)])
        return Labels(ends, np.concatenate([labels.codes, cut.codes]), cut.names)
    counts = np.zeros(size, np.int64)
    counts[:known] = np.diff(labels.offsets)
    kept = np.ones(size, bool)
    kept[rows] = False
    codes = labels.codes[np.repeat(kept, counts)]
    counts[rows] = 0
    place = np.repeat(_ends(counts)[rows], np.diff(cut.offsets))
    counts[rows] = np.diff(cut.offsets)
    return Labels(_ends(counts), np.insert(codes, place, cut.codes).astype(np.int32), cut.names)


def _ends(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    ends = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=ends[1:])
    return ends


def as_text(value: Value) -> str | None:
    """A value in a column of texts."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return None if math.isnan(value) else str(int(value)) if float(value).is_integer() else repr(value)
    return value


def as_number(value: Value) -> float:
    """A value in a column of numbers, NaN where it is none."""
    if value is None:
        return math.nan
    if isinstance(value, str) and value.lower() in TRUTHS:
        return TRUTHS[value.lower()]
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return math.nan
    return found if math.isfinite(found) else math.nan
