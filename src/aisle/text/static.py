"""A static encoder: a table of token vectors and their mean, distilled from a slower one; thousands of texts a second."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import Tokenizer

from aisle.core.arrays import mapped_tensor
from aisle.core.errors import BundleError
from aisle.core.sparse import csr_matrix
from aisle.text.encoder import LONGEST, Encoder, Kind, Vectors

SAMPLE = 5_000
"""Texts that the table is fitted to."""
COMMON = 1e-3
"""A token's share of all tokens at which it counts half (smooth inverse frequency, Arora et al. 2017)."""
RIDGE = 0.1
ROUNDS = 30


class StaticEncoder:
    """A text is the weighted mean of its tokens' vectors, at unit length.

    ``table_`` ``(tokens, dimension) float16`` starts from the teacher's vector of each token alone (Tulkens and van Dongen 2024) and is
    then fitted so that the means come near the teacher's vectors of the shop's own texts: ridge regression towards the start.
    """

    name = "static"

    def __init__(self, words: str, table: NDArray[np.float16], fingerprint: str = "") -> None:
        """``words`` is a tokenizer's JSON, ``table`` a row for each of its tokens, weights included; ``fingerprint`` is the table's, where
        it is known."""
        self._words, self.table_, self._fingerprint = words, table, fingerprint
        self.dimension = int(table.shape[1])
        self._tokenizer = Tokenizer.from_str(words)
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    @classmethod
    def distilled(cls, teacher: Encoder, words: str, texts: Sequence[str], seed: int = 7) -> Self:
        """From a ``teacher`` and its tokenizer's JSON; a sample of ``texts`` is encoded by it."""
        tokenizer = Tokenizer.from_str(words)
        names = [tokenizer.id_to_token(number) or "" for number in range(tokenizer.get_vocab_size())]
        start = teacher.encode([name.removeprefix("##").replace("Ġ", " ").strip() for name in names], "item")
        chosen = np.random.default_rng(seed).permutation(len(texts))[:SAMPLE]
        sample = [texts[row] for row in chosen.tolist()]
        encoder = cls(words, start.astype(np.float16))
        means = encoder._means(sample)
        seen = np.bincount(means.indices, minlength=len(names)).astype(np.float64)
        weight = COMMON / (COMMON + seen / max(1.0, seen.sum()))
        used = np.flatnonzero(seen)
        scaled = csr_matrix(means[:, used].multiply(weight[used][None, :]))
        length = np.linalg.norm(scaled @ start[used], axis=1)
        scaled = csr_matrix(scaled.multiply(1 / np.maximum(length, 1e-6)[:, None])).astype(np.float32)
        start[used] += _fitted(scaled, teacher.encode(sample, "item") - scaled @ start[used])
        return cls(words, (start * weight[:, None]).astype(np.float16))

    @property
    def fingerprint(self) -> str:
        """Changes with the table; told by what was saved, so that opening it need not read it."""
        return self._fingerprint or sha256(self.table_.tobytes()).hexdigest()

    def encode(self, texts: Sequence[str], kind: Kind) -> Vectors:
        """``(n, dimension) float32`` of unit length, zero for a text without a token."""
        found = self._means(texts) @ self.table_.astype(np.float32) if len(texts) > 64 else self._each(texts)
        length = np.linalg.norm(found, axis=1, keepdims=True)
        return np.asarray(found / np.maximum(length, 1e-9), np.float32)

    def _each(self, texts: Sequence[str]) -> Vectors:
        """A few texts, without reading the whole table."""
        found = np.zeros((len(texts), self.dimension), np.float32)
        for row, ids in enumerate(self._tokens(texts)):
            if ids:
                found[row] = self.table_[ids].astype(np.float32).sum(axis=0)
        return found

    def _means(self, texts: Sequence[str]) -> csr_matrix:
        """``(n, tokens) float32``: how often each token stands in each text."""
        tokens = self._tokens(texts)
        ends = np.cumsum([0, *map(len, tokens)])
        flat = np.fromiter((number for ids in tokens for number in ids), np.int32, int(ends[-1]))
        return csr_matrix((np.ones(len(flat), np.float32), flat, ends), shape=(len(texts), len(self.table_)))

    def _tokens(self, texts: Sequence[str]) -> list[list[int]]:
        clean = [text[:LONGEST].encode("utf-8", "replace").decode("utf-8") for text in texts]
        return [found.ids for found in self._tokenizer.encode_batch_fast(clean, add_special_tokens=False)]

    def save(self, folder: Path) -> None:
        """Write ``table.safetensors``, ``tokenizer.json`` and ``encoder.json``."""
        folder.mkdir(parents=True, exist_ok=True)
        save_file({"table": np.ascontiguousarray(self.table_)}, folder / "table.safetensors")
        (folder / "tokenizer.json").write_text(self._words, encoding="utf-8")
        facts = {"kind": "static", "name": self.name, "dimension": self.dimension, "fingerprint": self.fingerprint}
        (folder / "encoder.json").write_text(json.dumps(facts), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open what `save` wrote; a missing file raises `BundleError`."""
        try:
            facts = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
            words, table = (folder / "tokenizer.json").read_text(encoding="utf-8"), mapped_tensor(folder / "table.safetensors", "table")
            return cls(words, table, str(facts.get("fingerprint", "")))
        except OSError as error:
            raise BundleError(f"The encoder in {folder} cannot be read: {error}.", "Train it again.") from None


def _fitted(means: csr_matrix, wanted: NDArray[np.float32]) -> NDArray[np.float32]:
    """``(tokens, d)``: the change of the table that brings ``means @ table`` nearest to ``wanted``, by conjugate gradients on the normal
    equations with a ridge (Hestenes and Stiefel 1952), all columns at once."""
    turned = means.T.tocsr()
    found = np.zeros((means.shape[1], wanted.shape[1]), np.float32)
    rest = np.asarray(turned @ wanted, np.float32)
    step, size = rest.copy(), (rest**2).sum(axis=0)
    for _ in range(ROUNDS):
        image = turned @ (means @ step) + np.float32(RIDGE) * step
        rate = size / np.maximum((step * image).sum(axis=0), 1e-12)
        found += rate * step
        rest -= rate * image
        fresh = (rest**2).sum(axis=0)
        step = rest + fresh / np.maximum(size, 1e-12) * step
        size = fresh
    return found
