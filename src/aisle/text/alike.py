"""Texts that say alike by nobody's label: a text twice, two halves of one, a title and its description, titles clicked together; and what
is kept out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Sort = Literal["dropout", "halved", "described", "clicked"]
SORTS: tuple[Sort, ...] = ("dropout", "halved", "described", "clicked")
HELD, MOST_HELD = 0.05, 128
"""Share of the topics that is kept out, and most of the kept pairs of a sort that measure."""


@dataclass(frozen=True)
class Alike:
    """``texts`` in matching form, each once; ``pairs`` by sort ``(n, 2) int64``, rows of texts: the same text twice under ``dropout``;
    ``topic`` ``(texts,) int64``: what says the same thing of the same product has one topic."""

    texts: Sequence[str]
    topic: Numbers
    pairs: Mapping[Sort, Numbers]

    def related(self, left: Numbers, right: Numbers) -> NDArray[np.bool_]:
        """``(left, right) bool``: texts of one topic, or of two that were clicked together; such are never negatives."""
        one, other = self.topic[left][:, None], self.topic[right][None]
        return np.asarray((one == other) | np.isin(one * self._span + other, self._together))

    def parted(self, sorts: Collection[Sort], seed: int) -> tuple[dict[Sort, Numbers], dict[Sort, Numbers]]:
        """The pairs of these ``sorts`` that teach, and at most `MOST_HELD` of each that measure, of topics that teach nothing."""
        random = np.random.default_rng(seed)
        topics = np.unique(self.topic)
        kept = np.sort(random.permutation(topics)[: max(1, int(HELD * len(topics)))])
        teaching, held = {}, {}
        for sort in sorts:
            out = np.isin(self.topic[self.pairs[sort]], kept)
            teaching[sort] = self.pairs[sort][~out.any(axis=1)]
            held[sort] = random.permutation(self.pairs[sort][out.all(axis=1)])[:MOST_HELD]
        return teaching, held

    @cached_property
    def _span(self) -> int:
        return int(self.topic.max(initial=0)) + 1

    @cached_property
    def _together(self) -> Numbers:
        """Keys of the topics that were clicked together, both ways."""
        one, other = self.topic[self.pairs["clicked"]].T
        return np.unique(np.concatenate([one * self._span + other, other * self._span + one]))
