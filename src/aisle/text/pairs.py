"""Pairs of texts with what is known of them, 0/1 or a grade: what a cross-encoder learns from; checked before anything is learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from aisle.core.errors import InputError


@dataclass(frozen=True)
class Pairs:
    """Pair ``k`` is ``first[k]`` and ``second[k]``; ``label`` ``(n,) float32`` is 0 for what does not belong together, more for what does.

    ``name`` says in messages which pairs these are.
    """

    first: Sequence[str]
    second: Sequence[str]
    label: NDArray[np.float32]
    name: str = "pairs"

    def __len__(self) -> int:
        return len(self.label)

    def checked(self) -> Self:
        """These pairs. Raises `InputError` for parts of unlike length, a text that says nothing, a label that is no number from 0 on, or
        labels that are all alike, from which nothing can be learned or measured."""
        if not len(self.first) == len(self.second) == len(self.label):
            what = f"{self.name}: {len(self.first)} first texts, {len(self.second)} second ones and {len(self.label)} labels."
            raise InputError(what, "Every pair needs two texts and a label.")
        empty = next((row for row, texts in enumerate(zip(self.first, self.second, strict=True)) if not all(map(str.strip, texts))), None)
        if empty is not None:
            raise InputError(f"{self.name}: pair {empty} has an empty text.", "Leave out pairs of which one side says nothing.")
        if not (np.isfinite(self.label) & (self.label >= 0)).all():
            row = int(np.argmin(np.isfinite(self.label) & (self.label >= 0)))
            raise InputError(f"{self.name}: pair {row} has the label {self.label[row]}.", "Labels are 0 or 1, or grades from 0 on.")
        if not 0 < int((self.label > 0).sum()) < len(self):
            said = "no pair" if not (self.label > 0).any() else "every pair"
            raise InputError(f"{self.name}: {said} belongs together.", "Give pairs that do and pairs that do not.")
        return self

    def without(self, other: Pairs) -> tuple[Pairs, int]:
        """Those that are no pair of ``other``, whichever of the two texts stands first, and how many were left out: what measures must
        not teach."""
        held = {frozenset(texts) for texts in zip(other.first, other.second, strict=True)}
        kept = [row for row, texts in enumerate(zip(self.first, self.second, strict=True)) if frozenset(texts) not in held]
        return self.take(kept), len(self) - len(kept)

    def take(self, rows: Sequence[int]) -> Pairs:
        """Some of them, in this order."""
        return Pairs([self.first[row] for row in rows], [self.second[row] for row in rows], self.label[list(rows)], self.name)
