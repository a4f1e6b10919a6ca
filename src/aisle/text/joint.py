"""One encoder for two scripts: a half that reads words with spaces (MiniLM or what stands for it), a half of n-grams that reads Chinese."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from aisle.text.encoder import Encoder, Kind, Vectors, opened
from aisle.text.narrow import WHOLE, NarrowEncoder
from aisle.text.ngram import NgramEncoder
from aisle.text.segment import HAN

MEANING = 0.7
"""Share of the first half in a query without Chinese; the rest finds its pieces in the other half. On a simulated shop recall@10 of English
queries is .590 by MiniLM alone, .651 so."""
DIMENSION = 255
"""Of the half of n-grams: 127 would find 5 % less in Chinese, and MiniLM's 384, these and the silent one make 640."""
HALVES: dict[str, type[Encoder]] = {**WHOLE, "narrow": NarrowEncoder}
"""What may be the first half."""

_HAN_RUN = re.compile(f"[{HAN}]+")
_WORD = re.compile(r"[^\W\d_]+")
PER_WORD = 2
"""Chinese characters that count as a word."""


def spaced(text: str) -> str:
    """What is left of ``text`` without Chinese; empty where that holds no letter.

    >>> spaced("nike 跑鞋 air 42"), spaced("面霜 50")
    ('nike air 42', '')
    """
    rest = " ".join(_HAN_RUN.sub(" ", text).split())
    return rest if _WORD.search(rest) else ""


def share(text: str) -> float:
    """Of the words of ``text`` those with spaces: 1 without Chinese, 0 without other letters.

    >>> share("nike 跑鞋")
    0.5
    """
    chinese = sum(map(len, _HAN_RUN.findall(text))) / PER_WORD
    others = len(_WORD.findall(_HAN_RUN.sub(" ", text)))
    return others / (others + chinese) if others else 0.0


class JointEncoder:
    """``meaning`` reads a text without its Chinese, ``pieces`` all of it; a vector is ``[meaning, pieces, silent]``.

    An item gives each half the same length, and what a half cannot read goes into the last number, which is 0 for queries: so an item in
    one language is neither better nor worse off than one in both. A query's halves weigh by its scripts. A Chinese query never runs
    ``meaning``.
    """

    name = "joint"

    def __init__(self, meaning: Encoder, pieces: NgramEncoder) -> None:
        self.meaning, self.pieces = meaning, pieces
        self.dimension = meaning.dimension + pieces.dimension + 1

    @property
    def fingerprint(self) -> str:
        """Changes with either half."""
        return sha256(f"{self.meaning.fingerprint} {self.pieces.fingerprint} {MEANING}".encode()).hexdigest()

    def encode(self, texts: Sequence[str], kind: Kind) -> Vectors:
        """``(n, dimension) float32`` of unit length; zero for a text of which neither half reads anything."""
        first, second = self._spaced(texts, kind), self.pieces.encode(texts, kind)
        reads = np.stack([first.any(axis=1), second.any(axis=1)], axis=1)
        weights = np.full((len(texts), 2), 0.5, np.float32) if kind == "item" else _weights(texts)
        weights = weights * reads
        if kind == "query":
            weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)
        silent = np.where(reads.any(axis=1) & (kind == "item"), 1 - weights.sum(axis=1), 0)
        sides = np.sqrt(weights)
        return np.hstack([first * sides[:, :1], second * sides[:, 1:], np.sqrt(silent)[:, None]]).astype(np.float32)

    def _spaced(self, texts: Sequence[str], kind: Kind) -> Vectors:
        """The first half, zero for texts that have nothing for it; those do not run the model."""
        left = [spaced(text) for text in texts]
        rows = [row for row, text in enumerate(left) if text]
        found = np.zeros((len(texts), self.meaning.dimension), np.float32)
        if rows:
            found[rows] = self.meaning.encode([left[row] for row in rows], kind)
        return found

    def save(self, folder: Path) -> None:
        """Write the halves into folders of their own, and ``encoder.json``."""
        self.meaning.save(folder / "meaning")
        self.pieces.save(folder / "pieces")
        (folder / "encoder.json").write_text(json.dumps({"kind": "joint", "name": self.name}), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open what `save` wrote; a missing or unknown half raises `BundleError`."""
        pieces = opened(folder / "pieces", {"ngram": NgramEncoder})
        assert isinstance(pieces, NgramEncoder)
        return cls(opened(folder / "meaning", HALVES), pieces)


def _weights(texts: Sequence[str]) -> NDArray[np.float32]:
    """``(n, 2) float32``: how much of each query either half reads."""
    meaning = np.array([MEANING * share(text) for text in texts], np.float32)
    return np.stack([meaning, 1 - meaning], axis=1)
