"""Short texts as sparse rows of words, pairs of words and letters, weighed by rarity: what a classifier of queries reads beside meaning."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Self
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from aisle.core.arrays import mapped
from aisle.text.normalise import normalise
from aisle.text.segment import language, words

Floats = NDArray[np.float32]
LONGEST = 400
"""Characters of a text that are read, as of a query."""
BUCKETS = 1 << 20
_WORD = re.compile(r"\w+")


def pieces(text: str) -> tuple[list[str], list[str]]:
    """Words with their neighbours, and runs of 2 to 5 letters inside words (1 to 3 characters where Chinese is written).

    >>> pieces("my card")[0], pieces("my")[1]
    (['my', 'card', 'my card'], [' m', 'my', 'y ', ' my', 'my ', ' my '])
    """
    form = normalise(text[:LONGEST])
    chinese = language(form) == "zh"
    runs = _WORD.findall(form)
    known = words(form) if chinese else runs
    sizes = (1, 2, 3) if chinese else (2, 3, 4, 5)
    edged = [run if chinese else f" {run} " for run in runs]
    letters = [run[at : at + size] for run in edged for size in sizes for at in range(len(run) - size + 1)]
    return [*known, *(f"{a} {b}" for a, b in pairwise(known))], letters


class Grams:
    """Which hashed pieces were seen when it was fitted (``buckets_`` ``(b,) int64``, ascending) and how rare each is (``rarity_``).

    A piece never seen is passed over and does not make a text less like others: a new product's name says nothing of the intent.
    """

    def __init__(self, buckets: NDArray[np.int64] | None = None, rarity: Floats | None = None) -> None:
        self.buckets_ = np.zeros(0, np.int64) if buckets is None else buckets
        self.rarity_ = np.zeros(0, np.float32) if rarity is None else rarity

    def fit(self, texts: Sequence[str], common: float = 1.0) -> Self:
        """Count in how many of ``texts`` each piece stands; a piece that more than this share of them have is passed over."""
        count = np.zeros(BUCKETS, np.int64)
        for text in texts:
            count[np.unique(np.concatenate([found for found, _ in _counted(text)]))] += 1
        self.buckets_ = np.flatnonzero((count > 0) & (count <= common * len(texts)))
        self.rarity_ = (np.log((1 + len(texts)) / (1 + count[self.buckets_])) + 1).astype(np.float32)
        return self

    def rows(self, texts: Sequence[str]) -> csr_matrix:
        """``(n, b) float32``, each row of at most unit length, words and letters having half each; a text of nothing known is empty."""
        columns: list[NDArray[np.int64]] = []
        values: list[Floats] = []
        for text in texts:
            found = [self._weighed(buckets, count) for buckets, count in _counted(text)]
            columns.append(np.concatenate([column for column, _ in found]))
            values.append(np.concatenate([value for _, value in found]))
        ends = np.cumsum([0, *map(len, columns)])
        whole = (np.concatenate([np.zeros(0, np.float32), *values]), np.concatenate([np.zeros(0, np.int64), *columns]), ends)
        return csr_matrix(whole, shape=(len(texts), len(self.buckets_)))

    def _weighed(self, buckets: NDArray[np.int64], count: Floats) -> tuple[NDArray[np.int64], Floats]:
        at = np.searchsorted(self.buckets_, buckets)
        known = at < len(self.buckets_)
        known[known] = self.buckets_[at[known]] == buckets[known]
        value = count[known] * self.rarity_[at[known]]
        length = float(np.sqrt(2 * (value**2).sum()))
        return at[known], value / np.float32(length or 1)

    def save(self, folder: Path) -> None:
        """Write ``buckets.npy`` and ``rarity.npy``."""
        np.save(folder / "buckets.npy", self.buckets_)
        np.save(folder / "rarity.npy", self.rarity_)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open what `save` wrote."""
        return cls(*(mapped(folder / f"{name}.npy") for name in ("buckets", "rarity")))


@lru_cache(maxsize=1_024)
def _counted(text: str) -> list[tuple[NDArray[np.int64], Floats]]:
    """For words and for letters: their buckets and 1 + log of how often. Kept, since one query is read by several classifiers."""
    result = []
    for place, found in enumerate(pieces(text)):
        hashed = [crc32(f"{place}{piece}".encode("utf-8", "replace")) % BUCKETS for piece in found]
        buckets, count = np.unique(np.array(hashed, np.int64), return_counts=True)
        result.append((buckets, (1 + np.log(count)).astype(np.float32)))
    return result
