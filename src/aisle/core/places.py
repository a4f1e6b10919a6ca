"""From a text to its row: a table of rows alone, beside a column that holds the texts already. A dictionary would hold them once more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Self, TypeVar, overload
from zlib import crc32

import numpy as np

from aisle.core.strings import Strings

T = TypeVar("T")


class Places(Mapping[str, int]):
    """The rows of ``texts``, each of which stands there once; ``more`` are rows that came since.

    Open addressing: a row lies at the slot that its text's checksum names, or the next free one.

    >>> places = Places(Strings.of(["lamp", "pot"]))
    >>> places["pot"], places.get("cup")
    (1, None)
    """

    def __init__(self, texts: Strings, more: Mapping[str, int] | None = None) -> None:
        self.texts, self.more = texts, more or {}
        blob, edges = texts.blob.data, texts.offsets
        self._last = (1 << (2 * len(texts)).bit_length()) - 1
        wanted = np.fromiter((crc32(blob[start:end]) for start, end in pairwise(edges.tolist())), np.int64, len(texts)) & self._last
        slots, waiting = np.full(self._last + 1, -1, np.int32), np.arange(len(texts))
        while len(waiting):
            free = waiting[slots[wanted[waiting]] < 0]
            slots[wanted[free]] = free
            waiting = waiting[slots[wanted[waiting]] != waiting]
            wanted[waiting] = (wanted[waiting] + 1) & self._last
        self._slots, self._blob, self._edges = slots.data, blob, edges.data

    def knowing(self, more: Mapping[str, int]) -> Self:
        """With further texts, over the same table."""
        other = object.__new__(type(self))
        other.__dict__ |= self.__dict__ | {"more": {**self.more, **more}}
        return other

    @overload
    def get(self, key: str, default: None = None, /) -> int | None: ...
    @overload
    def get(self, key: str, default: T, /) -> int | T: ...
    def get(self, key: str, default: object = None, /) -> object:
        """The row of a text, ``default`` for one that is not here."""
        raw, slots, edges = key.encode("utf-8", "surrogatepass"), self._slots, self._edges
        at = crc32(raw) & self._last
        while (row := slots[at]) >= 0:
            if self._blob[edges[row] : edges[row + 1]].tobytes() == raw:
                return row
            at = (at + 1) & self._last
        return self.more.get(key, default)

    def __getitem__(self, key: str) -> int:
        row = self.get(key)
        if row is None:
            raise KeyError(key)
        return row

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.get(key) is not None

    def __iter__(self) -> Iterator[str]:
        yield from self.texts
        yield from self.more

    def __len__(self) -> int:
        return len(self.texts) + len(self.more)
