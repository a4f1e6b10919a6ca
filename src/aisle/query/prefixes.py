"""Sorted keys in one blob, each leading to the rank of an entry: the best entries whose key begins with a text, without a Python list."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from aisle.core.arrays import mapped
from aisle.core.strings import Strings

Ranks = NDArray[np.int32]


class Prefixes:
    """``n`` keys in order of their UTF-8 bytes; ``rank`` ``(n,) int32``: the entry of each, 0 the most wanted."""

    def __init__(self, keys: Strings, rank: Ranks) -> None:
        self.keys, self.rank = keys, rank

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, int]]) -> Self:
        """Sort (key, rank) pairs; a pair that comes twice counts once."""
        ordered = sorted({(key.encode("utf-8", "replace"), rank) for key, rank in pairs})
        ranks = np.fromiter((rank for _, rank in ordered), np.int32, len(ordered))
        return cls(Strings.of(key.decode() for key, _ in ordered), ranks)

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, place: int) -> bytes:
        return self.keys.blob[self.keys.offsets[place] : self.keys.offsets[place + 1]].tobytes()

    def span(self, start: str) -> slice:
        """Where the keys stand that begin with ``start``."""
        first = start.encode("utf-8", "replace")
        low = bisect_left(self, first)
        return slice(low, bisect_left(self, first + b"\xff", low))

    def best(self, start: str, most: int) -> Ranks:
        """``(k,) int32``: the ranks of at most ``most`` entries with a key that begins with ``start``, ascending, each once."""
        part = self.rank[self.span(start)]
        many = 8 * most  # an entry may have several keys that begin so
        return np.unique(np.partition(part, many)[:many] if len(part) > 2 * many else part)[:most]

    def save(self, folder: Path, name: str) -> None:
        """Write the keys and their ranks."""
        self.keys.save(folder, name)
        np.save(folder / f"{name}.rank.npy", self.rank)

    @classmethod
    def load(cls, folder: Path, name: str) -> Self:
        """Open what `save` wrote, by memory map."""
        return cls(Strings.load(folder, name), mapped(folder / f"{name}.rank.npy"))
