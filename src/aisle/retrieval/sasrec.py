"""Self-attention over a shopper's last items: what the whole sequence leads to, not only its newest members."""

from __future__ import annotations

from copy import copy
from typing import Self

import numpy as np
from numpy.typing import NDArray

from aisle.core.events import Dataset
from aisle.retrieval.learned import Floats, States


class SasRec(States):
    """SASRec: Kang and McAuley, "Self-attentive sequential recommendation" (2018). Its score is ``exp(⟨h, e_i⟩)``: ``h`` is the last
    position's state of ``blocks`` causal self-attention blocks over the newest ``length`` items, ``e_i`` an item's embedding.

    Trained with softmax over ``negatives`` sampled items, all where there are no more (Klenitskiy and Vasilev, "Turning dross into gold
    loss", 2023), rather than the paper's one negative and binary loss; served are the weights on average over the steps
    (`averaged_train.Averaged`). An item's embedding is its own plus a linear map of its text's vector, so that an item without events is
    not blind; a user is known by the sequence alone.
    """

    name = "sasrec"
    settings = ("embedding_size", "blocks", "length", "dropout", "negatives", "learning_rate", "epochs", "seed")

    def __init__(
        self,
        embedding_size: int = 64,
        blocks: int = 2,
        length: int = 30,
        dropout: float = 0.4,
        negatives: int = 2_048,
        learning_rate: float = 1e-3,
        epochs: int = 40,
        seed: int = 7,
    ) -> None:
        super().__init__()
        self.embedding_size, self.blocks, self.length, self.dropout = embedding_size, blocks, length, dropout
        self.negatives, self.learning_rate, self.epochs, self.seed = negatives, learning_rate, epochs, seed

    def fit(self, data: Dataset) -> Self:
        """Train until the next item of some held-out shoppers is found no better, `epochs` times over the log at most."""
        from aisle.retrieval.sasrec_train import train

        return self.take(train(data, self))

    def go_on(self, data: Dataset, since: float) -> Self:
        """One pass over the sequences with something later than ``since`` (`aisle.retrieval.moving.GoesOn`)."""
        from aisle.retrieval.sasrec_train import go_on

        return copy(self).take(go_on(data, self, self.weights_, since))

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


PARTS = (
    "norm1.weight", "norm1.bias", "query", "key", "value", "norm2.weight", "norm2.bias", "wide", "wide_bias", "narrow", "narrow_bias",
)  # fmt: skip
"""The weights of one block."""


def normed(x: Floats, weight: Floats, bias: Floats) -> Floats:
    """Layer normalisation (Ba et al. 2016) over the last axis."""
    x = x - x.mean(axis=-1, keepdims=True)
    return np.asarray(x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + 1e-8) * weight + bias, np.float32)
