"""Arrays of a bundle, read from their files as they are used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def mapped(path: Path) -> NDArray[Any]:
    """An array that `numpy.save` wrote, read-only: what is never used takes no memory, and all workers of a server share what is. A plain
    array over the map, since slicing a `numpy.memmap` costs ten times as much."""
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
