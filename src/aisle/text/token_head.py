"""A text as one small vector a token, for late interaction: what of an encoder's states is kept, and how alike two texts are by them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

Floats = NDArray[np.float32]
SIZE = 96
"""Numbers of a token's vector."""
WHOLE = 0.5
"""What the cosine of two whole vectors weighs beside their tokens: both together find more than either."""
SAMPLE = 500
"""Texts by whose tokens an encoder that learned nothing of them is given directions."""
FILE = "tokens.safetensors"


def sampled(texts: Sequence[str]) -> list[str]:
    """At most `SAMPLE` of them, evenly spread."""
    rows = np.linspace(0, len(texts) - 1, min(SAMPLE, len(texts))).astype(np.int64)
    return [texts[row] for row in rows.tolist()]


class Asked(NamedTuple):
    """A query: its tokens' vectors ``(q, size) float32`` of unit length, and how much each counts ``(q,) float32``, which add up to 1."""

    tokens: Floats
    weight: Floats


@dataclass(frozen=True)
class TokenHead:
    """From a token's state ``(d,)`` to its vector, ``projection`` ``(size, d)`` times it at unit length, and to what the token counts in a
    query, ``softplus(<weight, state> + bias)``."""

    projection: Floats
    weight: Floats
    bias: float = 0.0

    @classmethod
    def principal(cls, states: Floats, size: int = SIZE) -> Self:
        """Where nothing taught it: the directions in which ``states`` ``(t, d)`` of unit length are largest; all tokens of a query count
        alike."""
        unit = states / np.maximum(np.linalg.norm(states, axis=1, keepdims=True), 1e-9)
        _, directions = np.linalg.eigh((unit.T @ unit).astype(np.float64))
        return cls(np.ascontiguousarray(directions[:, ::-1][:, :size].T, np.float32), np.zeros(states.shape[1], np.float32))

    @property
    def size(self) -> int:
        """Numbers of a token's vector."""
        return len(self.projection)

    def tokens(self, states: Floats) -> Floats:
        """``(t, size) float32`` of unit length, of ``(t, d)`` states."""
        found = states @ self.projection.T
        return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9), np.float32)

    def asked(self, states: Floats) -> Asked:
        """A query by the states of its tokens."""
        counts = np.logaddexp(0, states @ self.weight + self.bias)
        return Asked(self.tokens(states), np.asarray(counts / counts.sum(), np.float32))

    def save(self, path: Path) -> None:
        """Write it to the file ``path``."""
        save_file({"projection": self.projection, "weight": self.weight, "bias": np.array([self.bias], np.float32)}, path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Open what `save` wrote."""
        held = load_file(path)
        return cls(held["projection"], held["weight"], float(held["bias"][0]))


def likeness(asked: Asked, tokens: Floats, starts: Sequence[int] | NDArray[np.integer]) -> Floats:
    """``(n,) float32``: how alike ``n`` texts are to a query, whose tokens ``(t, size)`` begin at ``starts`` ``(n,)``, one at least each.

    Of each of the query's tokens the largest product with any of the text's, in a weighted mean (MaxSim of ColBERT, Khattab and Zaharia
    2020).
    """
    return np.asarray(asked.weight @ np.maximum.reduceat(asked.tokens @ tokens.T, starts, axis=1), np.float32)


def together(likeness: Floats, cosine: Floats) -> Floats:
    """``(n,) float32``: what texts are worth by their tokens and as a whole, at most 1."""
    return np.asarray((likeness + WHOLE * cosine) / (1 + WHOLE), np.float32)
