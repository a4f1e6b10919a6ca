"""Slips of the finger in what was typed so far: near words and near beginnings of words, the first letter kept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import product
from typing import Self

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import OSA

SHORTEST = 3
"""A word of fewer letters is taken as typed."""
LONGEST = 16
MOST_WORDS = 30_000
MOST_TEXTS = 16
"""Corrected beginnings that are looked up."""
_WORD = re.compile(r"[a-z]+")
Near = tuple[int, int, str]
"""Slips, the rank of the best entry, the word."""


class Slips:
    """Knows ``words`` ``(w,)`` of Latin letters, sorted, and the ``rank`` ``(w,)`` of the best entry with each."""

    def __init__(self, words: NDArray[np.bytes_], rank: NDArray[np.int32]) -> None:
        self.words, self.rank = words, rank
        self._begun = cache(self._beginnings)

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, int]]) -> Self:
        """From (word, rank) pairs; the words of the best entries are kept."""
        best: dict[str, int] = {}
        for word, rank in pairs:
            if _WORD.fullmatch(word) and SHORTEST <= len(word) <= LONGEST:
                best[word] = min(rank, best.get(word, rank))
        kept = sorted(sorted(best, key=lambda word: (best[word], word))[:MOST_WORDS])
        return cls(np.array(kept, f"S{LONGEST}"), np.array([best[word] for word in kept], np.int32))

    def mended(self, text: str) -> list[tuple[int, str]]:
        """Other beginnings that ``text`` (matching form) may have been meant as, with their number of slips, the nearest first.

        Words before the last are mended as whole words, the last as the beginning of one.
        """
        typed = text.split(" ")
        choices = [self._near(word, None) for word in typed[:-1]]
        last = typed[-1]
        choices.append([one for length in (len(last), len(last) + 1, len(last) - 1) for one in self._near(last, length)])
        if not all(choices):
            return []
        best = [sorted(found)[:4] for found in choices]
        columns = (tuple(zip(*parts, strict=True)) for parts in product(*best))
        whole = sorted((sum(slips), sum(ranks), " ".join(words)) for slips, ranks, words in columns)
        return list(dict.fromkeys((slips, mended) for slips, _, mended in whole if mended != text))[:MOST_TEXTS]

    def warm(self) -> Self:
        """Do now what the first slips of each length would wait for."""
        for length in (None, *range(SHORTEST - 1, LONGEST)):
            self._begun(length)
        return self

    def _near(self, word: str, length: int | None) -> list[Near]:
        """Words (their first ``length`` letters) within one slip of a short word, two of a longer one; the word itself where it is none."""
        if not _WORD.fullmatch(word) or not SHORTEST <= len(word) <= LONGEST:
            return [(0, 0, word)] if length is None or length == len(word) else []
        reach = 1 if len(word) < 6 else 2
        names, ranks = self._begun(length).get(word[0], ((), ()))
        found = process.extract(word, names, scorer=OSA.distance, score_cutoff=reach, limit=20)
        return [(int(slips), ranks[place], name) for name, slips, place in found]

    def _beginnings(self, length: int | None) -> dict[str, tuple[Sequence[str], Sequence[int]]]:
        """First letter to the different first ``length`` letters of the words and the rank of the best entry of each."""
        if not len(self.words) or length == 0:
            return {}
        cut = self.words if length is None else self.words.astype(f"S{length}")
        first = np.flatnonzero(np.r_[True, cut[1:] != cut[:-1]])
        names = cut[first].astype(str).tolist()
        ranks = np.minimum.reduceat(self.rank, first).tolist()
        letter = cut[first].astype("S1")
        edges = np.flatnonzero(np.r_[True, letter[1:] != letter[:-1]]).tolist()
        return {names[a][0]: (names[a:b], ranks[a:b]) for a, b in zip(edges, [*edges[1:], len(names)], strict=True)}
