"""From a table of examples to the numbers a model reads: vocabularies and transforms, fitted on training cases only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from aisle.core.errors import InputError
from aisle.data.normalise import How, Normaliser
from aisle.ranking.ctr.examples import Column, Examples, Names

MISSING, UNKNOWN, KNOWN = 0, 1, 2
"""Each column's own numbers: nothing there, a value not learned, the first value learned."""
FARTHEST = 8.0
"""Transformed numbers are cut here."""


@dataclass(frozen=True)
class Inputs:
    """``ids`` ``(n, columns + sequences * length) int64``: rows of one table of embeddings, each column's value, then each sequence's;
    ``numbers`` ``(n, m) float32``: transformed values (0 where missing), then flags of what is missing."""

    ids: NDArray[np.int64]
    numbers: NDArray[np.float32]


@dataclass(frozen=True)
class Shape:
    """What a net must know of its inputs. ``size`` rows of the table of embeddings; ``columns`` categories; ``numbers`` columns;
    ``sequenced``: the columns that have a sequence, each ``length`` long; ``missing``: each sequence's id of padding."""

    size: int
    columns: int
    numbers: int
    sequenced: tuple[int, ...] = ()
    length: int = 0
    missing: tuple[int, ...] = ()


@dataclass
class Layout:
    """``least``: cases a value must have to be learned by itself, rarer ones train what stands for the unknown; ``buckets``: columns whose
    values are hashed into so many numbers instead; ``how``: a number's transform, ``standard`` where not named."""

    least: int = 2
    buckets: Mapping[str, int] = field(default_factory=dict)
    how: Mapping[str, How] = field(default_factory=dict)

    def fit(self, examples: Examples) -> Self:
        """Learn the values and scales of training cases. Raises `InputError` without a category."""
        if not examples.categories:
            raise InputError("The examples have no category.", "Give at least one, the item say.")
        self._numbers.clear()
        self.known_ = {name: self._values(name, column) for name, column in examples.categories.items()}
        self.sequences_ = {name: column.codes.shape[1] for name, column in examples.sequences.items()}
        if len(set(self.sequences_.values())) > 1:
            raise InputError(f"Sequences have several lengths: {self.sequences_}.", "Pad them to one.")
        self.normalisers_ = {name: Normaliser(self.how.get(name, "standard")).fit(values) for name, values in examples.numbers.items()}
        self.flagged_ = [name for name, values in examples.numbers.items() if not np.isfinite(values).all()]
        return self

    def _values(self, name: str, column: Column) -> dict[str, int]:
        """Learned values by number, the most frequent first; none where they are hashed."""
        if name in self.buckets:
            return {}
        count = np.bincount(column.codes[column.codes >= 0], minlength=len(column.names))
        order = np.argsort(-count, kind="stable")
        return {column.names[code]: KNOWN + place for place, code in enumerate(order[count[order] >= self.least].tolist())}

    def _room(self, name: str) -> int:
        return KNOWN + self.buckets.get(name, len(self.known_[name]))

    @property
    def offsets(self) -> dict[str, int]:
        """Where each column's numbers begin."""
        ends = np.cumsum([0, *map(self._room, self.known_)]).tolist()
        return dict(zip(self.known_, ends, strict=False))

    @property
    def shape(self) -> Shape:
        """For the net that is to read it."""
        names, offsets = list(self.known_), self.offsets
        width = max(1, len(self.normalisers_) + len(self.flagged_))
        length = next(iter(self.sequences_.values()), 0)
        sequenced = tuple(names.index(name) for name in self.sequences_)
        return Shape(sum(map(self._room, names)), len(names), width, sequenced, length, tuple(offsets[name] for name in self.sequences_))

    def apply(self, examples: Examples) -> Inputs:
        """Any cases with the same columns. Raises `InputError` where one is absent."""
        self._check(examples)
        offsets = self.offsets
        parts = [offsets[name] + self._codes(name, examples.categories[name])[:, None] for name in self.known_]
        parts += [offsets[name] + self._codes(name, examples.sequences[name]) for name in self.sequences_]
        values = [normaliser.apply(examples.numbers[name]) for name, normaliser in self.normalisers_.items()]
        flags = [~np.isfinite(examples.numbers[name]) for name in self.flagged_]
        table = np.column_stack([*values, *flags]) if values else np.zeros((len(examples), 1))
        return Inputs(np.hstack(parts).astype(np.int64), np.clip(np.nan_to_num(table), -FARTHEST, FARTHEST).astype(np.float32))

    def _check(self, examples: Examples) -> None:
        wanted = ((self.known_, examples.categories), (self.normalisers_, examples.numbers), (self.sequences_, examples.sequences))
        for own, given in wanted:
            for name in (name for name in own if name not in given):
                raise InputError(f"The examples lack column `{name}`, which the model was fitted with.", "Build them the same way.")

    def _codes(self, name: str, column: Column) -> NDArray[np.int64]:
        """A column's own numbers. Names are looked up once, as long as the next call comes with the same ones."""
        held = self._numbers.get(name)
        if held is None or held[0] is not column.names:
            known, buckets = self.known_[name], self.buckets.get(name)
            own = [_number(column.names[code], known, buckets) for code in range(len(column.names))]
            held = self._numbers[name] = column.names, np.array([*own, MISSING], np.int64)
        return np.asarray(held[1][column.codes])

    @cached_property
    def _numbers(self) -> dict[str, tuple[Names, NDArray[np.int64]]]:
        """By column: the names last seen and their numbers, the missing one's at the end."""
        return {}

    def renamed(self, name: str, now: Mapping[str, str]) -> Self:
        """The same where the values of a category are called otherwise ``now``; what has no new name is never met again."""
        state = self.to_dict()
        state["known"][name] = [now.get(value, f"gone {value}") for value in state["known"].get(name, [])]
        return type(self).from_dict(state)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able; `from_dict` reads it."""
        return {
            "least": self.least,
            "buckets": dict(self.buckets),
            "how": dict(self.how),
            "known": {name: list(values) for name, values in self.known_.items()},
            "sequences": self.sequences_,
            "normalisers": {name: normaliser.to_dict() for name, normaliser in self.normalisers_.items()},
            "flagged": self.flagged_,
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """What `to_dict` gave."""
        layout = cls(state["least"], state["buckets"], state["how"])
        layout.known_ = {name: {value: KNOWN + place for place, value in enumerate(values)} for name, values in state["known"].items()}
        layout.sequences_, layout.flagged_ = dict(state["sequences"]), list(state["flagged"])
        layout.normalisers_ = {name: Normaliser.from_dict(held) for name, held in state["normalisers"].items()}
        return layout


def _number(value: str, known: Mapping[str, int], buckets: int | None) -> int:
    if buckets is None:
        return known.get(value, UNKNOWN)
    return KNOWN + int.from_bytes(blake2b(value.encode("utf-8", "replace"), digest_size=8).digest(), "big") % buckets
