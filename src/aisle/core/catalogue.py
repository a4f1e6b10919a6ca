"""The catalogue inside a bundle: every item's attributes as columns, items numbered by row."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aisle.core.arrays import mapped
from aisle.core.places import Places
from aisle.core.strings import Strings

Floats = NDArray[np.float64]
REMEMBERED = 1_024
"""Items kept as a reader would write them, 2 KB each and read in 9 microseconds: what is shown most is shown again."""


@dataclass(frozen=True)
class Labels:
    """A categorical, possibly many-valued attribute: item ``i`` carries ``codes[offsets[i]:offsets[i + 1]]``.

    ``offsets`` ``(n + 1,) int64``, ``codes`` ``(m,) int32`` into ``names``. An item without a value has an empty slice.
    """

    offsets: NDArray[np.int64]
    codes: NDArray[np.int32]
    names: tuple[str, ...]

    @classmethod
    def of(cls, values: Iterable[str | None], known: Mapping[str, int] | None = None) -> Labels:
        """Cut each value at ``|``; spaces around a part are dropped, empty parts too, the first use numbers a name after the ``known``."""
        number = dict(known or {})
        codes: list[int] = []
        ends = [0]
        for value in values:
            parts = dict.fromkeys(part.strip() for part in (value or "").split("|"))
            codes.extend(number.setdefault(part, len(number)) for part in parts if part)
            ends.append(len(codes))
        return cls(np.array(ends, np.int64), np.array(codes, np.int32), tuple(number))

    @cached_property
    def number(self) -> dict[str, int]:
        """Name to code."""
        return {name: code for code, name in enumerate(self.names)}

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """``(n,) int64``: how many values each item has."""
        return np.diff(self.offsets)

    @cached_property
    def single(self) -> bool:
        """Whether no item has more than one value."""
        return bool(self.counts.max(initial=0) <= 1)

    @cached_property
    def first(self) -> NDArray[np.int32]:
        """``(n,) int32``: each item's first code, -1 where it has none."""
        filled = self.counts > 0
        result = np.full(len(self.offsets) - 1, -1, np.int32)
        result[filled] = self.codes[self.offsets[:-1][filled]]
        return result

    def having(self, names: Iterable[str]) -> NDArray[np.bool_]:
        """``(n,) bool``: items that carry any of ``names``; a path's name also stands for what lies below it."""
        wanted = set(names)
        hit = np.array([name in wanted or any(name.startswith(w + " > ") for w in wanted) for name in self.names], bool)
        result = np.zeros(len(self.offsets) - 1, bool)
        if hit.any():
            owner = np.repeat(np.arange(len(result)), np.diff(self.offsets))
            result[owner[hit[self.codes]]] = True
        return result


class Catalogue:
    """``n`` items. A text column is `Strings`; a number, time or truth column is ``(n,) float64`` with NaN for missing.

    Times are seconds since 1970 in UTC, truths are 1 and 0. ``ids[row]`` is the shop's own id. Rows carry no meaning: they are
    shuffled when the data is read, so that no model can learn from the order of a file. ``gone`` ``(n,) bool``: items that were deleted
    since (`aisle.core.overlay`), None in a bundle.
    """

    def __init__(self, ids: Strings, texts: Mapping[str, Strings], numbers: Mapping[str, Floats]) -> None:
        self.ids, self.texts, self.numbers = ids, dict(texts), dict(numbers)
        self.gone: NDArray[np.bool_] | None = None
        self._labels: dict[str, Labels] = {}
        self._items: dict[int, Mapping[str, str | float | None]] = {}

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def bundled(self) -> Catalogue:
        """The catalogue that came with the bundle, where this one has later changes laid over it."""
        return self

    @property
    def cut(self) -> Mapping[str, Labels]:
        """The columns that were read as categories until now."""
        return dict(self._labels)

    @cached_property
    def row_of(self) -> Places:
        """Item id to row."""
        return Places(self.ids)

    def rows(self, ids: Iterable[str]) -> NDArray[np.int32]:
        """``(k,) int32``: the rows of ``ids``, -1 for an id that is not here."""
        return np.array([self.row_of.get(item, -1) for item in ids], np.int32)

    @property
    def names(self) -> tuple[str, ...]:
        """Every column's name."""
        return (*self.texts, *self.numbers)

    def text(self, name: str) -> Strings:
        """A text column; one that is not there is absent everywhere."""
        if name not in self.texts:
            self.texts[name] = Strings.none(len(self))
        return self.texts[name]

    def number(self, name: str) -> Floats:
        """A number column; one that is not there is NaN everywhere."""
        return self.numbers[name] if name in self.numbers else np.full(len(self), np.nan)

    def labels(self, name: str) -> Labels:
        """A text column read as categories."""
        if name not in self._labels:
            self._labels[name] = Labels.of(self.text(name).get(row) for row in range(len(self)))
        return self._labels[name]

    def item(self, row: int) -> Mapping[str, str | float | None]:
        """One item as a reader would write it; absent attributes are left out. Shared by all who ask, so not to be changed."""
        known = self._items.get(row)
        if known is None:
            if len(self._items) >= REMEMBERED:
                self._items.clear()
            known = self._items[row] = self._item(row)
        return known

    def _item(self, row: int) -> Mapping[str, str | float | None]:
        found: dict[str, str | float | None] = {"item_id": self.ids[row]}
        found |= {name: text for name, column in self.texts.items() if (text := column.get(row)) is not None}
        return found | {name: float(column[row]) for name, column in self.numbers.items() if not np.isnan(column[row])}

    def save(self, folder: Path) -> None:
        """Write the columns and ``columns.json``, which lists them."""
        folder.mkdir(parents=True, exist_ok=True)
        self.ids.save(folder, "ids")
        listing = {"texts": list(self.texts), "numbers": list(self.numbers)}
        for index, column in enumerate(self.texts.values()):
            column.save(folder, f"text{index}")
        for index, values in enumerate(self.numbers.values()):
            np.save(folder / f"number{index}.npy", values)
        (folder / "columns.json").write_text(json.dumps(listing, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Catalogue:
        """Open what `save` wrote."""
        listing = json.loads((folder / "columns.json").read_text(encoding="utf-8"))
        texts = {name: Strings.load(folder, f"text{index}", shown=True) for index, name in enumerate(listing["texts"])}
        numbers = {name: mapped(folder / f"number{index}.npy") for index, name in enumerate(listing["numbers"])}
        return cls(Strings.load(folder, "ids"), texts, numbers)
