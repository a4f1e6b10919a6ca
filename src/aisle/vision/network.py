"""The picture encoder that the user brings: an ONNX file, checked when it is opened."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aisle.core import onnx
from aisle.core.errors import SettingsError
from aisle.vision.encoder import Pixels, Vectors, unit

BATCH = 32
PICTURE = "one float32 input `(batch, 3, height, width)` or `(batch, height, width, 3)`"
EXPORT = "Export the network up to its pooled features, with one picture as input and the weights inside the file."


class OnnxPictures:
    """A network from pixels, scaled to [0, 1], less ``mean`` and divided by ``std`` of each colour, to one vector a picture.

    Raises `SettingsError` for a file that is no ONNX model, takes something else than pictures of ``size``, or gives no vector each.
    """

    name = "onnx"

    def __init__(self, path: Path, size: int, mean: Sequence[float], std: Sequence[float], threads: int = 1) -> None:
        self.path, self.size = path, size
        self.mean, self.std = np.array(mean, np.float32), np.array(std, np.float32)
        try:
            model = path.read_bytes()
            self._session = onnx.session(model, threads, onnx.SILENT)
        except (OSError, *onnx.failures()) as error:  # type: ignore[misc]
            raise self._refused(f"is no ONNX model that can be opened: {_first_line(error)}", EXPORT) from None
        self._digest = sha256(model).hexdigest()
        self._colours_first, self._fixed = self._input()
        self.dimension = self._try()

    @property
    def fingerprint(self) -> str:
        """Changes with the file and with how pixels are handed in."""
        return sha256(f"{self._digest} {self.size} {self.mean.tolist()} {self.std.tolist()}".encode()).hexdigest()

    def encode(self, pictures: Pixels) -> Vectors:
        """``(n, dimension) float32``; a network that was exported for a fixed number of pictures is given as many, the last ones blank."""
        step = self._fixed or BATCH
        parts = [self._run(pictures[start : start + step]) for start in range(0, len(pictures), step)]
        return np.concatenate([np.zeros((0, self.dimension), np.float32), *(unit(part.reshape(len(part), -1)) for part in parts)])

    def _run(self, pictures: Pixels) -> NDArray[np.float32]:
        pixels = (pictures.astype(np.float32) / 255 - self.mean) / self.std
        if len(pixels) < self._fixed:
            pixels = np.concatenate([pixels, np.zeros((self._fixed - len(pixels), *pixels.shape[1:]), np.float32)])
        if self._colours_first:
            pixels = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
        found = np.asarray(self._session.run(None, {self._session.get_inputs()[0].name: pixels})[0], np.float32)
        return found[: len(pictures)] if found.ndim else found

    def _input(self) -> tuple[bool, int]:
        """Whether colours come before height and width, and for how many pictures at a time it was exported, 0 for any number."""
        inputs = self._session.get_inputs()
        shape = inputs[0].shape if len(inputs) == 1 and len(inputs[0].shape) == 4 else [None] * 4
        if inputs[0].type != "tensor(float)" or 3 not in (shape[1], shape[3]):
            said = ", ".join(f"{one.name} {one.shape} {one.type}" for one in inputs)
            raise self._refused(f"takes {said}, not {PICTURE}.", EXPORT)
        sides = shape[2:] if shape[1] == 3 else shape[1:3]
        wrong = [side for side in sides if isinstance(side, int) and side != self.size]
        if wrong:
            made = f"takes pictures of {sides[0]} x {sides[1]}, and `pictures.size` says {self.size}."
            raise self._refused(made, f"Set size = {wrong[0]} under [pictures]; pictures are squares.")
        return shape[1] == 3, shape[0] if isinstance(shape[0], int) else 0

    def _try(self) -> int:
        """How long a vector is, by a dark picture and a light one."""
        pictures = np.stack([np.full((self.size, self.size, 3), light, np.uint8) for light in (40, 200)])[: self._fixed or 2]
        try:
            found = self._run(pictures)
        except onnx.failures() as error:
            mend = "Set size under [pictures] to what the network was made for."
            raise self._refused(f"fails on pictures of {self.size} x {self.size}: {_first_line(error)}", mend) from None
        if found.ndim < 2 or len(found) != len(pictures) or found.size != found.shape[0] * found.shape[1] or not np.isfinite(found).all():
            raise self._refused(f"gives {found.shape} for {len(pictures)} pictures, not a finite vector each.", EXPORT)
        return int(found.shape[1])

    def _refused(self, what: str, mend: str) -> SettingsError:
        return SettingsError(f"`pictures.encoder`: {self.path} {what}", mend)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200]
