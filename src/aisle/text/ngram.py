"""An encoder made from the shop's own text without any model: hashed words and character n-grams, rarity, and a truncated SVD."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Self
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from aisle.core.arrays import mapped_tensor
from aisle.core.sparse import csr_matrix
from aisle.text.encoder import Kind, Vectors
from aisle.text.normalise import normalise
from aisle.text.segment import bigrams, grams, language, words

BUCKETS = 1 << 15
LONGEST = 1_000
"""Characters of a text that are read."""
SAMPLE = 40_000
"""Texts that the directions are learned from; more of them add time, not quality."""
ROUNDS = 4
DIMENSION = 128


class NgramEncoder:
    """Latent semantic analysis (Deerwester et al. 1990) with a randomised SVD (Halko et al. 2011).

    ``projection_`` ``(buckets, dimension) float16`` has rarity in it; a text is its tokens' log counts times that, at unit length.
    """

    name = "ngram"

    def __init__(self, dimension: int = DIMENSION, seed: int = 7) -> None:
        self.dimension, self.seed = dimension, seed
        self.projection_: NDArray[np.float16] = np.zeros((BUCKETS, dimension), np.float16)
        self._fingerprint = ""

    @property
    def fingerprint(self) -> str:
        """Changes with what was learned."""
        return self._fingerprint or sha256(self.projection_.astype(np.float32).tobytes()).hexdigest()

    def fit(self, texts: Sequence[str]) -> Self:
        """Learn rarity and directions from the catalogue's texts; fewer texts than dimensions leave the last directions empty."""
        random = np.random.default_rng(self.seed)
        chosen = np.sort(random.choice(len(texts), min(len(texts), SAMPLE), replace=False))
        counts = _counts([texts[row] for row in chosen])
        frequency = np.bincount(counts.indices, minlength=BUCKETS)
        rarity = np.where(frequency > 0, np.log((1 + counts.shape[0]) / (1 + frequency)) + 1, 0).astype(np.float32)
        counts.data = counts.data * rarity[counts.indices]
        owner = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
        length = np.sqrt(np.bincount(owner, counts.data**2, minlength=counts.shape[0]))
        counts.data = (counts.data / np.maximum(length, 1e-9)[owner]).astype(np.float32)
        directions = _directions(counts, self.dimension, random)
        self.projection_, self._fingerprint = (directions * rarity[:, None]).astype(np.float16), ""
        return self

    def encode(self, texts: Sequence[str], kind: Kind) -> Vectors:
        """``(n, dimension) float32`` of unit length; zero for a text of which nothing was ever seen."""
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for row, text in enumerate(texts):
            found = _tokens(text)
            if found:
                buckets, count = np.unique(found, return_counts=True)
                vectors[row] = (1 + np.log(count)).astype(np.float32) @ self.projection_[buckets].astype(np.float32)
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(length, 1e-9), np.float32)

    def save(self, folder: Path) -> None:
        """Write ``projection.safetensors`` and ``encoder.json``."""
        folder.mkdir(parents=True, exist_ok=True)
        save_file({"projection": self.projection_}, folder / "projection.safetensors")
        facts = {"kind": "ngram", "name": self.name, "dimension": self.dimension, "seed": self.seed, "fingerprint": self.fingerprint}
        (folder / "encoder.json").write_text(json.dumps(facts), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open what `save` wrote."""
        facts = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
        encoder = cls(int(facts["dimension"]), int(facts["seed"]))
        encoder.projection_ = mapped_tensor(folder / "projection.safetensors", "projection")
        encoder._fingerprint = str(facts.get("fingerprint", ""))
        return encoder


def _tokens(text: str) -> list[int]:
    """Hashed words and trigrams; with Chinese in it, bigrams too."""
    form = normalise(text[:LONGEST])
    pieces = [*words(form), *grams(form), *(bigrams(form) if language(form) == "zh" else ())]
    return [crc32(piece.encode("utf-8", "replace")) % BUCKETS for piece in pieces]


def _counts(texts: Sequence[str]) -> csr_matrix:
    """``(texts, buckets)``: 1 + log of how often."""
    tokens = [_tokens(text) for text in texts]
    ends = np.cumsum([0, *map(len, tokens)])
    flat = np.fromiter((token for row in tokens for token in row), np.int32, int(ends[-1]))
    counts = csr_matrix((np.ones(len(flat), np.float32), flat, ends), shape=(len(texts), BUCKETS))
    counts.sum_duplicates()
    counts.data = 1 + np.log(counts.data)
    return counts


def _directions(table: csr_matrix, dimension: int, random: np.random.Generator) -> NDArray[np.float64]:
    """``(columns, dimension)``: the leading right singular vectors of ``table``."""
    guess = random.standard_normal((table.shape[1], dimension + 16)).astype(np.float32)
    for _ in range(ROUNDS):
        guess = np.linalg.qr(table.T @ np.linalg.qr(table @ guess)[0])[0]
    _, _, right = np.linalg.svd(np.linalg.qr(table @ guess)[0].T @ (table @ guess), full_matrices=False)
    found = (guess @ right.T)[:, :dimension]
    return np.pad(found, ((0, 0), (0, dimension - found.shape[1])))
