"""What a short text is about, by its likeness to texts whose class is known: a kernel machine over meaning and n-grams, numpy only."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from aisle.core.arrays import mapped
from aisle.query.grams import Grams

Floats = NDArray[np.float32]
SHARPNESS = 3.0
BATCH = 512


@dataclass(frozen=True)
class Classifier:
    """Scores ``K(x) @ weights + prior`` with ``K = exp(SHARPNESS (likeness - 1))`` to ``m`` known texts: kernel ridge regression on the
    classes (Saunders et al. 1998). A score is near 1 for a text like those of its class, near 0 for one like others or like none.

    ``texts`` ``(b, m)`` sparse: piece by known text. ``vectors`` ``(m, d) float32`` after ``turn`` ``(dimension, d)``, which keeps the
    leading directions of the encoder; both are empty where the classifier reads n-grams alone. ``meaning`` is the encoder's share in the
    likeness, the rest is n-grams. ``weights`` ``(m, classes) float32``.
    """

    names: tuple[str, ...]
    grams: Grams
    texts: csr_matrix
    vectors: Floats
    turn: Floats
    weights: Floats
    meaning: float = 0.0

    @property
    def prior(self) -> float:
        """What every class starts from."""
        return 1 / len(self.names)

    @property
    def reads_vectors(self) -> bool:
        """Whether it needs the encoder."""
        return self.turn.size > 0

    def scores(self, texts: Sequence[str], vectors: Floats | None) -> Floats:
        """``(n, classes) float32``; ``vectors`` ``(n, dimension)`` are the encoder's, None where it reads n-grams alone."""
        parts = [np.zeros((0, len(self.names)), np.float32)]
        for start in range(0, len(texts), BATCH):
            some = slice(start, start + BATCH)
            parts.append(self.kernel(texts[some], None if vectors is None else vectors[some]) @ self.weights + np.float32(self.prior))
        return np.concatenate(parts)

    def kernel(self, texts: Sequence[str], vectors: Floats | None) -> Floats:
        """``(n, m) float32``."""
        turned = vectors @ self.turn if vectors is not None and self.reads_vectors else None
        return likeness(self.grams.rows(texts), turned, self.texts, self.vectors, self.meaning)

    def save(self, folder: Path) -> None:
        """Write one array a file, `grams.Grams` beside them, and ``classifier.json``."""
        folder.mkdir(parents=True, exist_ok=True)
        self.grams.save(folder)
        arrays = {"data": self.texts.data, "indices": self.texts.indices, "indptr": self.texts.indptr}
        for name, array in (arrays | {"vectors": self.vectors, "turn": self.turn, "weights": self.weights}).items():
            np.save(folder / f"{name}.npy", array)
        facts = {"names": self.names, "meaning": self.meaning}
        (folder / "classifier.json").write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Classifier:
        """Open what `save` wrote."""
        facts = json.loads((folder / "classifier.json").read_text(encoding="utf-8"))
        arrays = ("data", "indices", "indptr", "vectors", "turn", "weights")
        data, indices, indptr, vectors, turn, weights = (mapped(folder / f"{name}.npy") for name in arrays)
        texts = csr_matrix((data, indices, indptr), shape=(len(indptr) - 1, len(weights)))
        names, grams = tuple(facts["names"]), Grams.load(folder)
        return cls(names, grams, texts, vectors, turn, weights, float(facts["meaning"]))


def likeness(rows: csr_matrix, vectors: Floats | None, texts: csr_matrix, known: Floats, meaning: float) -> Floats:
    """``(n, m) float32``: the kernel of ``rows`` ``(n, b)``, ``vectors`` ``(n, d)`` with ``texts`` ``(b, m)``, ``known`` ``(m, d)``."""
    found = _product(rows, texts)
    if vectors is not None:
        found *= np.float32(1 - meaning)
        found += np.float32(meaning) * (vectors @ known.T)
    found -= 1
    found *= np.float32(SHARPNESS)
    return np.asarray(np.exp(found, out=found), np.float32)


def _product(rows: csr_matrix, texts: csr_matrix) -> Floats:
    """``rows @ texts``, dense. A single row adds up its pieces' rows by hand, several times faster than the general product."""
    if rows.shape[0] != 1:
        return np.asarray((rows @ texts).toarray(), np.float32)
    starts, ends = texts.indptr[rows.indices], texts.indptr[rows.indices + 1]
    sizes = ends - starts
    at = np.arange(int(sizes.sum())) + np.repeat(starts - np.r_[0, np.cumsum(sizes)[:-1]] if len(sizes) else starts, sizes)
    values = texts.data[at] * np.repeat(rows.data, sizes)
    return np.bincount(texts.indices[at], values, minlength=texts.shape[1]).astype(np.float32)[None]
