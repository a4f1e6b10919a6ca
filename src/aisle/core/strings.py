"""A read-only column of text in two flat arrays, so that 100,000 titles cost their bytes and open by memory map."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aisle.core.arrays import mapped

LONG = 64
"""Bytes of a text, in the mean, from which a column that is only shown is read piece by piece: mapped, it would soon be in memory whole,
64 KB around each text."""


class Strings:
    """``n`` texts, each a UTF-8 slice of one blob; an absent text is ``None``, an empty one is ``""``.

    ``blob`` is ``(bytes,) uint8``, ``offsets`` ``(n + 1,) int64``, ``absent`` ``(n,) bool``.
    """

    def __init__(self, blob: NDArray[np.uint8], offsets: NDArray[np.int64], absent: NDArray[np.bool_]) -> None:
        self.blob, self.offsets, self.absent = blob, offsets, absent
        self._pieces: Pieces | None = None

    @classmethod
    def of(cls, texts: Iterable[str | None]) -> Strings:
        """Pack ``texts``; lone surrogates become the replacement character, since UTF-8 has no form for them."""
        raw = [None if text is None else text.encode("utf-8", "replace") for text in texts]
        lengths = np.fromiter((0 if piece is None else len(piece) for piece in raw), np.int64, len(raw))
        offsets = np.zeros(len(raw) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        blob = np.frombuffer(b"".join(piece for piece in raw if piece), np.uint8)
        return cls(blob, offsets, np.fromiter((piece is None for piece in raw), bool, len(raw)))

    @classmethod
    def none(cls, size: int) -> Strings:
        """``size`` absent texts."""
        return cls(np.zeros(0, np.uint8), np.zeros(size + 1, np.int64), np.ones(size, bool))

    def __len__(self) -> int:
        return len(self.absent)

    def get(self, row: int) -> str | None:
        """The text at ``row``, ``None`` where it is absent."""
        absent, edges, data = self._views
        return None if absent[row] else str(data[edges[row] : edges[row + 1]], "utf-8")

    @cached_property
    def _views(self) -> tuple[memoryview, memoryview, Pieces | memoryview]:
        """The arrays as memory views, whose elements are read in a third of the time."""
        return self.absent.data, self.offsets.data, self._pieces or self.blob.data

    def __getitem__(self, row: int) -> str:
        return self.get(row) or ""

    def __iter__(self) -> Iterator[str]:
        data, edges = self.blob.tobytes(), self.offsets.tolist()
        for start, end in pairwise(edges):
            yield data[start:end].decode("utf-8")

    def take(self, rows: NDArray[np.integer]) -> Strings:
        """The texts at ``rows`` as a new column."""
        return Strings.of([self.get(int(row)) for row in rows])

    def save(self, folder: Path, name: str) -> None:
        """Write ``name.blob.npy``, ``name.offsets.npy`` and ``name.absent.npy``."""
        np.save(folder / f"{name}.blob.npy", self.blob)
        np.save(folder / f"{name}.offsets.npy", self.offsets)
        np.save(folder / f"{name}.absent.npy", self.absent)

    @classmethod
    def load(cls, folder: Path, name: str, shown: bool = False) -> Strings:
        """Open what `save` wrote, the blob by memory map; of a `LONG` column that is ``shown``, single texts are read from the file."""
        blob, offsets, absent = (mapped(folder / f"{name}.{part}.npy") for part in ("blob", "offsets", "absent"))
        texts = cls(blob, offsets, absent)
        if shown and len(blob) > LONG * len(texts) and hasattr(os, "pread"):
            texts._pieces = Pieces(folder / f"{name}.blob.npy", len(blob))
        return texts


class Pieces:
    """The last ``size`` bytes of a file, of which slices are read when they are asked for. Safe to use from several threads; the file stays
    open as long as this lives."""

    def __init__(self, path: Path, size: int) -> None:
        self._file = os.open(path, os.O_RDONLY)
        self._start = os.fstat(self._file).st_size - size
        weakref.finalize(self, os.close, self._file)

    def __getitem__(self, part: slice) -> bytes:
        return os.pread(self._file, part.stop - part.start, self._start + part.start)
