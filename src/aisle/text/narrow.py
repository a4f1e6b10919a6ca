"""An encoder's vectors cut to their first numbers: less memory an item and a faster scan, at whatever loss the model's training allows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Self

import numpy as np

from aisle.core.errors import BundleError, InputError
from aisle.text.encoder import Encoder, Kind, OnnxEncoder, Vectors, opened
from aisle.text.static import StaticEncoder

WHOLE: Mapping[str, type[Encoder]] = {"onnx": OnnxEncoder, "static": StaticEncoder}
"""What may be cut."""


class NarrowEncoder:
    """The first ``size`` numbers of what ``whole`` says, of unit length again (Kusupati et al. 2022 train for that; others lose more)."""

    def __init__(self, whole: Encoder, size: int) -> None:
        """A ``size`` that the encoder does not have raises `InputError`."""
        if not 0 < size <= whole.dimension:
            what = f"The vectors of {whole.name} have {whole.dimension} numbers, {size} of them cannot be kept."
            raise InputError(what, f"Set encoder_size in aisle.toml to {whole.dimension} at most, or remove it.")
        self.whole, self.dimension = whole, size
        self.name = f"{whole.name}_{size}"

    @property
    def fingerprint(self) -> str:
        """Changes with the encoder and the size."""
        return sha256(f"{self.whole.fingerprint} {self.dimension}".encode()).hexdigest()

    def encode(self, texts: Sequence[str], kind: Kind) -> Vectors:
        """``(n, size) float32`` of unit length, zero for a text that says nothing."""
        return shortened(self.whole.encode(texts, kind), self.dimension)

    def save(self, folder: Path) -> None:
        """Write the whole encoder into a folder of its own, and ``encoder.json``."""
        self.whole.save(folder / "whole")
        (folder / "encoder.json").write_text(json.dumps({"kind": "narrow", "name": self.name, "size": self.dimension}), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open what `save` wrote; anything missing raises `BundleError`."""
        try:
            size = int(json.loads((folder / "encoder.json").read_text(encoding="utf-8"))["size"])
        except (OSError, KeyError, ValueError) as error:
            raise BundleError(f"The encoder in {folder} cannot be read: {error}.", "Train again.") from None
        return cls(opened(folder / "whole", WHOLE), size)


def narrowed(encoder: Encoder, size: int) -> Encoder:
    """``encoder`` cut to ``size`` numbers, itself where 0 or its own dimension is asked for."""
    return NarrowEncoder(encoder, size) if 0 < size != encoder.dimension else encoder


def shortened(vectors: Vectors, size: int) -> Vectors:
    """``(n, size) float32``: the first numbers of ``(n, d)``, of unit length again; zero stays zero."""
    some = vectors[:, :size]
    return np.asarray(some / np.maximum(np.linalg.norm(some, axis=1, keepdims=True), 1e-9), np.float32)
