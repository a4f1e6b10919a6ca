"""Pictures to unit vectors: what every picture encoder promises."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""``(n, size, size, 3) uint8``: red, green, blue."""
Vectors = NDArray[np.float32]


@runtime_checkable
class PictureEncoder(Protocol):
    """Turns `Pixels` of its own ``size`` into ``(n, dimension) float32`` of unit length, zero for a picture that it can say nothing of. A
    picture's vector is the same whatever stands beside it. ``fingerprint`` changes with anything that changes a vector."""

    name: str
    size: int
    dimension: int

    @property
    def fingerprint(self) -> str: ...
    def encode(self, pictures: Pixels) -> Vectors: ...


def unit(vectors: NDArray[np.floating]) -> Vectors:
    """Rows of unit length, zero where there is nothing to scale."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 1e-9), np.float32)
