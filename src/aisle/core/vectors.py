"""What stages ask of items' vectors, whoever made them."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Vectors(Protocol):
    """Items' vectors of unit length, of texts or of pictures; NaN for a text that is still to be encoded, zero for an item without."""

    def __len__(self) -> int: ...

    def take(self, rows: NDArray[np.integer]) -> NDArray[np.float32]:
        """``(k, d) float32``: the vectors of ``rows`` ``(k,)``."""
        ...
