"""A cross-encoder served by onnxruntime alone: a query and a text read together, one score a pair."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from aisle.core import onnx
from aisle.core.errors import BundleError
from aisle.text.encoder import clean
from aisle.text.shared_words import kinds


class Cross:
    """From `aisle.text.cross_export_train`: ``model.onnx``, ``tokenizer.json``, ``cross.json``.

    Pairs run one at a time: int8 activations are scaled over whatever runs together, so a batch would change a score by its neighbours.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        """Open ``folder``; a missing or unreadable file raises `BundleError`."""
        try:
            self.facts: dict[str, str | int | bool] = json.loads((folder / "cross.json").read_text(encoding="utf-8"))
            self._model = (folder / "model.onnx").read_bytes()
            self._words = (folder / "tokenizer.json").read_text(encoding="utf-8")
            self._typed, longest = bool(self.facts["typed"]), int(self.facts["longest"])
            self._marked = bool(self.facts.get("marked", False))  # those of older bundles are not told of shared words
        except (OSError, KeyError, json.JSONDecodeError) as error:
            raise BundleError(f"The cross-encoder in {folder} cannot be read: {error}.", "Train again.") from None
        self.fingerprint = sha256(self._model).hexdigest()
        self._tokenizer = Tokenizer.from_str(self._words)
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(longest)
        self._session = onnx.session(self._model, threads)

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """``(len(texts),) float32``, larger is better; each the same whatever stands beside it. NaN where one of the two says nothing."""
        asked = clean(query)
        result = np.full(len(texts), np.nan, np.float32)
        rows = [row for row, text in enumerate(texts) if query.strip() and text.strip()]
        pairs = self._tokenizer.encode_batch([(asked, clean(texts[row])) for row in rows])  # the fast form does not say which words
        for row, pair in zip(rows, pairs, strict=True):
            result[row] = self._run(pair)
        return result

    def _run(self, pair: Encoding) -> float:
        ids = np.array([pair.ids], np.int64)
        given = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        if self._typed:
            given["token_type_ids"] = np.array([kinds(pair) if self._marked else pair.type_ids], np.int64)
        return float(self._session.run(["score"], given)[0][0])

    def save(self, folder: Path) -> None:
        """Copy the cross-encoder into ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.onnx").write_bytes(self._model)
        (folder / "tokenizer.json").write_text(self._words, encoding="utf-8")
        (folder / "cross.json").write_text(json.dumps(self.facts), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open with one thread, as a server's worker does."""
        return cls(folder)
