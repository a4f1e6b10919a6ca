"""Self-attention over a shopper's last items: what the whole sequence leads to, not only its newest members."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset
from aisle.core.stage import Block, Mask
from aisle.retrieval.als import WIDE, Near
from aisle.retrieval.base import Scored, load_settings, newest, save_settings
from aisle.retrieval.rows import Few, Row
from aisle.retrieval.scan import Scan

Floats = NDArray[np.float32]
Weights = dict[str, Floats]
HIGHEST = 60.0
"""A larger logit would overflow."""


@dataclass(frozen=True)
class Likely:
    """A row of logits (`aisle.retrieval.als.Near`) as likelihoods."""

    logits: Near

    @property
    def nbytes(self) -> int:
        """Bytes of what is the user's own."""
        return self.logits.nbytes

    def best(self, mask: Mask, limit: int) -> tuple[NDArray[np.int32], Floats]:
        """As `aisle.retrieval.rows.Row.best`."""
        items, logits = self.logits.best(mask, limit)
        return items, likelihood(logits)

    def of(self, items: NDArray[np.int32]) -> Floats:
        """As `aisle.retrieval.rows.Row.of`."""
        return likelihood(self.logits.of(items))


class SasRec(Scored):
    """SASRec: Kang and McAuley, "Self-attentive sequential recommendation" (2018). Its score is ``exp(⟨h, e_i⟩)``: ``h`` is the last
    position's state of ``blocks`` causal self-attention blocks over the newest ``length`` items, ``e_i`` an item's embedding.

    Trained with softmax over ``negatives`` sampled items (Klenitskiy and Vasilev, "Turning dross into gold loss", 2023) rather than the
    paper's one negative and binary loss. An item's embedding is its own plus a linear map of its text's vector, so that an item without
    events is not blind; a user is known by the sequence alone.
    """

    name = "sasrec"
    surfaces = frozenset({"home", "item", "basket", "rank"})

    def __init__(
        self,
        embedding_size: int = 64,
        blocks: int = 2,
        length: int = 30,
        dropout: float = 0.4,
        negatives: int = 1_024,
        learning_rate: float = 1e-3,
        epochs: int = 40,
        seed: int = 7,
    ) -> None:
        self.embedding_size, self.blocks, self.length, self.dropout = embedding_size, blocks, length, dropout
        self.negatives, self.learning_rate, self.epochs, self.seed = negatives, learning_rate, epochs, seed
        self.weights_: Weights = {"items": np.zeros((0, embedding_size), np.float32)}
        self._scan: Scan | None = None
        self._learned: tuple[NDArray[np.int32], Floats] | None = None

    def fit(self, data: Dataset) -> Self:
        """Train until the next item of some held-out shoppers is found no better, `epochs` times over the log at most."""
        from aisle.retrieval.sasrec_train import train

        self.weights_, self._learned = train(data, self), None
        self._scan = Scan.of(self.items) if len(self.items) > WIDE else None
        return self

    @property
    def items(self) -> Floats:
        """``(items, embedding_size) float32``: the items' embeddings, zero for one of which nothing is known."""
        return self.weights_["items"]

    def rows(self, block: Block) -> Iterator[Row]:
        """The likelihood of every known item; silent for a request without known items in its history."""
        known, embeddings = self.learned()
        for request in range(len(block)):
            state = self.state(newest(block, request, len(self.items)))
            if state is None:
                yield Few.none()
            elif self._scan is not None:
                yield Likely(Near(state, self.items, self._scan))
            else:
                yield Few(known, likelihood(embeddings @ state))

    def state(self, sequence: NDArray[np.int32]) -> Floats | None:
        """``(embedding_size,) float32``: where a sequence of items, the newest last, leads to; None where none of them is known."""
        sequence = sequence[self.items[sequence].any(axis=1)][-self.length :]
        if not len(sequence):
            return None
        weights, width = self.weights_, np.sqrt(np.float32(self.embedding_size))
        x = self.items[sequence] * width + weights["positions"][-len(sequence) :]
        later = np.triu(np.full((len(sequence), len(sequence)), -np.inf, np.float32), 1)
        for number in range(self.blocks):
            own = {name: weights[f"{number}.{name}"] for name in PARTS}
            q = normed(x, own["norm1.weight"], own["norm1.bias"])
            attention = (q @ own["query"].T) @ (x @ own["key"].T).T / width + later
            attention = np.exp(attention - attention.max(axis=1, keepdims=True))
            attention /= attention.sum(axis=1, keepdims=True)
            x = normed(q + attention @ (x @ own["value"].T), own["norm2.weight"], own["norm2.bias"])
            x = x + np.maximum(x @ own["wide"].T + own["wide_bias"], 0) @ own["narrow"].T + own["narrow_bias"]
        return np.asarray(normed(x[-1], weights["norm.weight"], weights["norm.bias"]), np.float32)

    def learned(self) -> tuple[NDArray[np.int32], Floats]:
        """The items that are known, ascending, and their embeddings, contiguous."""
        if self._learned is None:
            known = np.flatnonzero(self.items.any(axis=1)).astype(np.int32)
            self._learned = known, self.items[known]
        return self._learned

    def save(self, folder: Path) -> None:
        """Write the settings and ``sasrec.safetensors``."""
        names = ("embedding_size", "blocks", "length", "dropout", "negatives", "learning_rate", "epochs", "seed")
        settings: dict[str, Any] = {name: getattr(self, name) for name in names}
        save_settings(folder, settings)
        save_file(self.weights_, folder / "sasrec.safetensors")
        if self._scan is not None:
            self._scan.save(folder)

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> Self:
        """Open what `save` wrote."""
        source = cls(**load_settings(folder))
        source.weights_ = load_file(folder / "sasrec.safetensors")
        source._scan = Scan.load(folder, source.items) if len(source.items) > WIDE else None
        return source


PARTS = (
    "norm1.weight", "norm1.bias", "query", "key", "value", "norm2.weight", "norm2.bias", "wide", "wide_bias", "narrow", "narrow_bias",
)  # fmt: skip
"""The weights of one block."""


def likelihood(logits: Floats) -> Floats:
    """``exp``, kept finite."""
    return np.asarray(np.exp(np.minimum(logits, HIGHEST)), np.float32)


def normed(x: Floats, weight: Floats, bias: Floats) -> Floats:
    """Layer normalisation (Ba et al. 2016) over the last axis."""
    x = x - x.mean(axis=-1, keepdims=True)
    return np.asarray(x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + 1e-8) * weight + bias, np.float32)
