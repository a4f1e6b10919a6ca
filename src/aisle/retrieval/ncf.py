"""Neural collaborative filtering: a network instead of a product judges history and item together."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from typing import Self

import numpy as np

from aisle.core.events import Dataset
from aisle.core.stage import Block
from aisle.retrieval.base import MOST, newest
from aisle.retrieval.learned import Floats, Items, Learned, Weights, faded, likelihood
from aisle.retrieval.ncf_shape import LAYERS, Model, product_width
from aisle.retrieval.rows import Few

STEP = 4_096
"""Items at a time through the hidden layers, so that they stay in the processor's cache."""


class Ncf(Learned):
    """He et al., "Neural collaborative filtering" (2017). ``model``: ``gmf`` weighs the product of the two embeddings dimension by
    dimension, ``mlp`` puts both side by side through hidden layers, ``neumf`` has both, each with embeddings of its own, trained together
    from the start. Binary cross-entropy against ``negatives`` random items for each one bought.

    Theirs has an embedding for each user. Here it is the mean of the embeddings of the user's newest items, each counting ``decay`` of
    the next (Kabbur et al., "FISM", 2013, for the mean): so a new user is known at once and no user stands in the bundle. Embeddings are
    an item's own plus a linear map of its text's vector. The score is the odds of what the network predicts: in the same order, but not
    run together near 1.

    Every known item is scored, by numpy in steps of `STEP`: its part of the first layer is worked out in advance, and what only the
    product's part proposes would not be this model's answer. 12,000 items take some ms a request, so a large catalogue should do without.
    """

    name = "ncf"
    settings = ("embedding_size", "model", "decay", "negatives", "learning_rate", "regularization", "epochs", "seed")

    def __init__(
        self,
        embedding_size: int = 32,
        model: Model = "neumf",
        decay: float = 0.8,
        negatives: int = 4,
        learning_rate: float = 3e-3,
        regularization: float = 0.1,
        epochs: int = 20,
        seed: int = 7,
    ) -> None:
        super().__init__()
        self.embedding_size, self.model, self.decay, self.negatives = embedding_size, model, decay, negatives
        self.learning_rate, self.regularization, self.epochs, self.seed = learning_rate, regularization, epochs, seed
        self._first: Floats | None = None

    def fit(self, data: Dataset) -> Self:
        """Train until the next item of some held-out shoppers is found no better, `epochs` times over the log at most."""
        from aisle.retrieval.ncf_train import train

        return self.take(train(data, self))

    def go_on(self, data: Dataset, since: float) -> Self:
        """One pass over the sequences with something later than ``since`` (`aisle.retrieval.moving.GoesOn`)."""
        from aisle.retrieval.ncf_train import go_on

        return copy(self).take(go_on(data, self, self.weights_, since))

    def take(self, weights: Weights) -> Self:
        """Answer by ``weights`` from now on."""
        self._first = None
        return super().take(weights)

    def rows(self, block: Block) -> Iterator[Few]:
        """The odds of every known item; silent for a request without known items in its history."""
        known, _ = self.learned()
        for request in range(len(block)):
            user = self.user(newest(block, request, len(self.items)))
            yield Few.none() if user is None else Few(known, likelihood(self.logits(user)))

    def user(self, sequence: Items) -> Floats | None:
        """``(k,) float32``: the embeddings of a sequence, the newest last, for both parts; None where no item of it is known."""
        sequence = sequence[self.items[sequence].any(axis=1)][-MOST:]
        return faded(len(sequence), self.decay) @ self.weights_["history"][sequence] if len(sequence) else None

    def logits(self, user: Floats) -> Floats:
        """``(known,) float32`` of one user."""
        weights, (_, items), width = self.weights_, self.learned(), product_width(self.model, self.embedding_size)
        found = items[:, :width] @ (user[:width] * weights["out"][:width]) + weights["out.bias"]
        if self.model != "gmf":
            mine = weights["hidden.0.weight"][:, : self.embedding_size] @ user[width:] + weights["hidden.0.bias"]
            for start in range(0, len(items), STEP):
                found[start : start + STEP] += self._deep(self.first()[start : start + STEP] + mine) @ weights["out"][width:]
        return np.asarray(found, np.float32)

    def _deep(self, x: Floats) -> Floats:
        """The hidden layers after the first product."""
        np.maximum(x, 0, out=x)
        for number in range(1, LAYERS):
            x = x @ self.weights_[f"hidden.{number}.weight"].T
            x += self.weights_[f"hidden.{number}.bias"]
            np.maximum(x, 0, out=x)
        return x

    def first(self) -> Floats:
        """``(known, 2 * embedding_size) float32``: the items' part of the first hidden layer."""
        if self._first is None:
            items = self.learned()[1][:, product_width(self.model, self.embedding_size) :]
            self._first = items @ self.weights_["hidden.0.weight"][:, self.embedding_size :].T
        return self._first
