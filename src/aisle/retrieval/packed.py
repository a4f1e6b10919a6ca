"""Vectors of unit length in one byte a number, half of float16: the length need not be kept, since it is known to be 1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Packed = NDArray[np.int8]
Floats = NDArray[np.float32]
Stored = NDArray[np.number]
"""Vectors as a file holds them: packed, or as they are."""
MOST = 127
"""The largest number of each vector becomes this, so that all of the byte is used, whatever the dimension."""


def packed(vectors: NDArray[np.floating]) -> Packed:
    """``(n, d) int8`` of finite vectors ``(n, d)``; all zero stays all zero.

    What is lost, and what it costs a search, is measured by the part `packed_vectors` of the benchmarks.
    """
    largest = np.abs(vectors).max(axis=1, initial=0, keepdims=True).astype(np.float32)
    return np.rint(vectors * (MOST / np.where(largest > 0, largest, 1))).astype(np.int8)


def floats(rows: Stored) -> Floats:
    """``(k, d) float32`` of vectors, finite, however they are kept."""
    if rows.dtype == np.int8:
        return unpacked(np.asarray(rows, np.int8))
    return widened(np.asarray(rows, np.float16)) if rows.dtype == np.float16 else np.ascontiguousarray(rows, np.float32)


def unpacked(rows: Packed) -> Floats:
    """``(k, d) float32`` of unit length, or zero."""
    found = rows.astype(np.float32)
    squared = np.einsum("ij,ij->i", found, found)
    found *= (1 / np.sqrt(np.where(squared > 0, squared, np.float32(1))))[:, None]
    return found


def widened(vectors: NDArray[np.float16]) -> NDArray[np.float32]:
    """``vectors``, finite, as float32. Shifted into place and scaled by the difference of the two exponents, all numbers at once: numpy
    converts them one by one, in three times as long."""
    bits = vectors.view(np.int16).astype(np.int32)
    bits <<= 13
    bits &= ~0x70000000
    found = bits.view(np.float32)
    found *= np.float32(2.0**112)
    return found
