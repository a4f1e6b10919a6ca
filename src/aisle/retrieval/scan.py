"""Finding the nearest of many vectors: each is read as it is while they are few, by a code of it where they are many."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from aisle.core.stage import Mask
from aisle.retrieval.packed import Stored, floats

LARGE = 5_000
"""Vectors up to which all are read as float16; 50,000 x 384 would take 2 ms."""
AGAIN = 2
"""So many times what is wanted is taken from the codes, whose products are rough; the caller works out exact ones. Of the exact first 100
among 54,667 titles by MiniLM (x 384) 99.9 % are then found, for queries and for the mean of a few items alike (99.3 % where those have
nothing in common), in 0.4 ms; making the codes takes 2 s. An inverted file of 256 cells reads half of them for 99.2 %, in four times as
long. By letter n-grams (x 128) 10,000 lose nothing."""
WHOLE = 192
"""Dimensions up to which each has a code of its own; of longer vectors two share one."""
SAMPLE = 15_000
FILE = "codes.faiss"


class Scan:
    """An index over ``(n, d)`` vectors, as `packed.floats` reads them, by inner product."""

    def __init__(self, index: faiss.Index) -> None:
        faiss.omp_set_num_threads(1)
        self.index = index

    @classmethod
    def of(cls, vectors: Stored, large: int = LARGE) -> Scan:
        """Read in steps, since the vectors may be a memory map."""
        index = _coded(vectors) if len(vectors) > large else _plain(vectors.shape[1])
        for start in range(0, len(vectors), 16_384):
            index.add(floats(vectors[start : start + 16_384]))
        return cls(index)

    def nearest(self, vector: NDArray[np.float32], mask: Mask | None, limit: int) -> NDArray[np.int32]:
        """``(k,) int32``: rows near ``vector`` that ``mask`` ``(n,)`` allows, in no promised order: the ``limit`` nearest, or `AGAIN` times
        as many where some of those may be others."""
        chosen = None
        if mask is not None:
            bits = np.packbits(mask, bitorder="little")
            chosen = faiss.SearchParametersIVF() if self.coded else faiss.SearchParameters()
            chosen.sel = faiss.IDSelectorBitmap(self.index.ntotal, faiss.swig_ptr(bits))
        rows = self.index.search(vector[None], AGAIN * limit if self.coded else limit, params=chosen)[1][0].astype(np.int32)
        return np.asarray(rows[rows >= 0])

    @property
    def coded(self) -> bool:
        """Whether it reads codes."""
        return isinstance(self.index, faiss.IndexIVF)

    def save(self, folder: Path) -> None:
        """Write what takes long to make again; the small form is made from the vectors when they are opened."""
        if self.coded:
            faiss.write_index(self.index, str(folder / FILE))

    @classmethod
    def load(cls, folder: Path, vectors: Stored) -> Scan:
        """Open what `save` wrote."""
        path = folder / FILE
        return cls(faiss.read_index(str(path))) if path.exists() else cls.of(vectors)


def _plain(size: int) -> faiss.Index:
    index = faiss.IndexScalarQuantizer(size, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    index.is_trained = True
    return index


def _coded(vectors: Stored) -> faiss.Index:
    """Product codes of 4 bits, compared many at a time in registers (André et al. 2015, "Cache locality is not enough"). An inverted file
    of one cell, since that is the form in which they can be filtered."""
    size = vectors.shape[1]
    parts = size if size <= WHOLE or size % 2 else size // 2
    quantizer = faiss.IndexFlatIP(size)
    quantizer.add(np.zeros((1, size), np.float32))
    index = faiss.IndexIVFPQFastScan(quantizer, size, 1, parts, 4, faiss.METRIC_INNER_PRODUCT)
    index.by_residual = False
    index.pq.cp.niter = 10
    every = max(1, len(vectors) // SAMPLE)
    index.train(floats(vectors[::every]))
    return index
