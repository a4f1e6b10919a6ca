"""Finding the nearest of many vectors: every one of them is read while they are few, the nearest cells where they are many."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from aisle.core.stage import Mask

LARGE = 60_000
"""Vectors up to which all are read: 50,000 x 384 take 2 ms."""
CELLS, READ = 512, 96
"""Cells that more vectors are parted into, and how many of them a search reads: of the first 100 it finds 98 to 99 % in a seventh of the
time (100,000 x 384, inverted file of Jégou et al. 2011, 8 bits a number; the caller works out exact products of what is found)."""
SAMPLE = 40_000
FILE = "cells.faiss"


class Scan:
    """An index over ``(n, d)`` vectors by inner product."""

    def __init__(self, index: faiss.Index) -> None:
        faiss.omp_set_num_threads(1)
        self.index = index

    @classmethod
    def of(cls, vectors: NDArray[np.floating], large: int = LARGE) -> Scan:
        """Read in steps, since the vectors may be a memory map."""
        size = vectors.shape[1]
        index: faiss.Index = faiss.IndexScalarQuantizer(size, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        index.is_trained = True
        if len(vectors) > large:
            index = _cells(vectors)
        for start in range(0, len(vectors), 16_384):
            index.add(np.ascontiguousarray(vectors[start : start + 16_384], np.float32))
        return cls(index)

    def nearest(self, vector: NDArray[np.float32], mask: Mask | None, limit: int) -> NDArray[np.int32]:
        """``(k,) int32``: at most ``limit`` rows near ``vector`` that ``mask`` ``(n,)`` allows, in no promised order."""
        chosen = faiss.SearchParameters()
        if self.parted:
            chosen = cells = faiss.SearchParametersIVF()
            cells.nprobe = READ
        bits = np.packbits(mask, bitorder="little") if mask is not None else None
        if bits is not None:
            chosen.sel = faiss.IDSelectorBitmap(self.index.ntotal, faiss.swig_ptr(bits))
        rows = self.index.search(vector[None], limit, params=chosen)[1][0].astype(np.int32)
        return np.asarray(rows[rows >= 0])

    @property
    def parted(self) -> bool:
        """Whether it reads the nearest cells only."""
        return isinstance(self.index, faiss.IndexIVF)

    def save(self, folder: Path) -> None:
        """Write what takes long to make again; the small form is made from the vectors when they are opened."""
        if self.parted:
            faiss.write_index(self.index, str(folder / FILE))

    @classmethod
    def load(cls, folder: Path, vectors: NDArray[np.floating]) -> Scan:
        """Open what `save` wrote."""
        path = folder / FILE
        return cls(faiss.read_index(str(path))) if path.exists() else cls.of(vectors)


def _cells(vectors: NDArray[np.floating]) -> faiss.Index:
    size = vectors.shape[1]
    kind = faiss.ScalarQuantizer.QT_8bit
    index = faiss.IndexIVFScalarQuantizer(faiss.IndexFlatIP(size), size, CELLS, kind, faiss.METRIC_INNER_PRODUCT)
    every = max(1, len(vectors) // SAMPLE)
    index.train(np.ascontiguousarray(vectors[::every], np.float32))
    return index
