"""The table of examples: what is known of each case before its outcome, and the outcome; all that click-through models read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from aisle.core.errors import InputError

Floats = NDArray[np.float64]
Codes = NDArray[np.int32]


class Names(Protocol):
    """Texts by number."""

    def __len__(self) -> int: ...
    def __getitem__(self, place: int, /) -> str: ...


@dataclass(frozen=True)
class Column:
    """Values of a category: ``codes`` ``(n,) int32``, of a sequence ``(n, length) int32``, into ``names``; -1 is missing (or padding)."""

    codes: Codes
    names: Names

    @classmethod
    def of(cls, values: Sequence[str | None]) -> Self:
        """Number texts in order of first appearance; None is missing."""
        number: dict[str, int] = {}
        codes = [-1 if value is None else number.setdefault(value, len(number)) for value in values]
        return cls(np.array(codes, np.int32), list(number))

    def pick(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> Column:
        """The same names, some of the rows."""
        return replace(self, codes=self.codes[rows])


@dataclass(frozen=True)
class Examples:
    """``n`` cases in order of time, each described by nothing later than itself.

    ``categories`` have codes ``(n,)``; ``numbers`` are ``(n,) float64`` with NaN for missing; ``sequences`` have codes ``(n, length)``, the
    newest last, padded with -1 at the left, each under the name of a category whose values it holds (the last items under ``item``).
    ``label`` ``(n,) float64`` is 1 where it happened, 0 where not. ``kept``: the share of the cases without the outcome that were sampled;
    probabilities are corrected for it (`sampling.corrected`). ``outcomes`` ``(n,) float64``: what may follow the label and did (1) or not.
    Raises `InputError` where a column has another length.
    """

    categories: Mapping[str, Column]
    numbers: Mapping[str, Floats]
    label: Floats
    sequences: Mapping[str, Column] = field(default_factory=dict)
    kept: float = 1.0
    outcomes: Mapping[str, Floats] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = {name: len(column.codes) for name, column in self.categories.items()}
        lengths |= {name: len(values) for name, values in self.numbers.items()}
        lengths |= {name: len(values) for name, values in self.outcomes.items()}
        lengths |= {f"{name} (sequence)": len(column.codes) for name, column in self.sequences.items()}
        for name, length in lengths.items():
            if length != len(self.label):
                raise InputError(f"Column `{name}` has {length} rows for {len(self.label)} labels.", "Build all columns of the same cases.")
        for name in (name for name in self.sequences if name not in self.categories):
            raise InputError(f"There is a sequence `{name}` but no category of that name.", "A sequence holds a category's values.")

    def __len__(self) -> int:
        return len(self.label)

    def pick(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> Examples:
        """Some of the cases, by place or by mask."""
        return replace(
            self,
            categories={name: column.pick(rows) for name, column in self.categories.items()},
            numbers={name: values[rows] for name, values in self.numbers.items()},
            label=self.label[rows],
            sequences={name: column.pick(rows) for name, column in self.sequences.items()},
            outcomes={name: values[rows] for name, values in self.outcomes.items()},
        )

    def only(self, *categories: str) -> Examples:
        """These categories and nothing else."""
        return replace(self, categories={name: self.categories[name] for name in categories}, numbers={}, sequences={})

    def without(self, *categories: str) -> Examples:
        """All but these categories."""
        return replace(self, categories={name: column for name, column in self.categories.items() if name not in categories})
