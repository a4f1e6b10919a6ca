"""Arrays of a bundle: read from their files as they are used, and looked up where they are sparse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

TENSOR_TYPES = {"F16": np.float16, "F32": np.float32, "I8": np.int8}
"""Of those that safetensors knows the ones that we write."""


def mapped(path: Path) -> NDArray[Any]:
    """An array that `numpy.save` wrote, read-only: what is never used takes no memory, and all workers of a server share what is. A plain
    array over the map, since slicing a `numpy.memmap` costs ten times as much."""
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))


def mapped_tensor(path: Path, name: str) -> NDArray[Any]:
    """A tensor of a safetensors file, as `mapped` opens an array: the library itself copies it. Raises `OSError` where the file is none."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        try:
            told = json.loads(file.read(size))[name]
            kind, shape, start = TENSOR_TYPES[told["dtype"]], tuple(told["shape"]), int(told["data_offsets"][0])
        except (KeyError, ValueError) as error:
            raise OSError(f"{path.name} holds no tensor {name} that can be read") from error
    return np.asarray(np.memmap(path, kind, "r", 8 + size + start, shape))


def looked_up(places: NDArray[np.int32], values: NDArray[np.floating], wanted: NDArray[np.int32]) -> NDArray[np.float32]:
    """``(n,) float32``: what stands at each of ``wanted`` ``(n,)``, 0 for one that is not among ``places`` ``(k,)``, ascending."""
    if not len(places):
        return np.zeros(len(wanted), np.float32)
    at = np.minimum(places.searchsorted(wanted), len(places) - 1)
    return np.where(places[at] == wanted, values[at], np.float32(0)).astype(np.float32, copy=False)


def found_at(keys: NDArray[np.integer], wanted: NDArray[np.integer]) -> NDArray[np.int64]:
    """The last place of each ``wanted`` number in ``keys``, which need no order; -1 where it is absent."""
    if not len(keys):
        return np.full(wanted.shape, -1, np.int64)
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    place = np.searchsorted(keys, wanted, side="right") - 1  # -1, the last key, is larger than what is smaller than the first
    return np.where(keys[place] == wanted, order[place], -1)


def grouped(query: NDArray[np.int64], item: NDArray[np.int64], count: int) -> list[NDArray[np.int64]]:
    """Of each of ``count`` queries its items, in their order: ``item`` ``(n,)`` belongs to ``query`` ``(n,)``."""
    order = np.argsort(query, kind="stable")
    return np.split(item[order], np.searchsorted(query[order], np.arange(1, count)))
