"""Two towers: one network for the history, one for the item, and their product as the score; the items' side is worked out in advance."""

from __future__ import annotations

from copy import copy
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from aisle.core.events import Dataset
from aisle.retrieval.base import MOST
from aisle.retrieval.learned import Floats, States, Weights, faded

Loss = Literal["softmax", "squared"]


class TwoTower(States):
    """Two-tower retrieval: Covington et al., "Deep neural networks for YouTube recommendations" (2016); Yi et al., "Sampling-bias-corrected
    neural modeling for large corpus item recommendations" (2019).

    An item's embedding is its own plus a linear map of its text's vector; its tower is a hidden layer beside it, and so is the history's
    tower over the mean of the newest items' embeddings, each counting ``decay`` of the next. ``loss="softmax"``: towers of unit length,
    products divided by ``temperature``, softmax over the items of the batch with Yi's correction: the logarithm of how often an item is
    drawn is taken off. ``loss="squared"``: the plain product shall be 1 for what was bought next and 0 for items drawn from the catalogue,
    by squared error; ``temperature`` does nothing there. A user is known by the history alone, an item without events by its text.
    """

    name = "two_tower"
    settings = ("embedding_size", "decay", "loss", "temperature", "learning_rate", "regularization", "epochs", "seed")

    def __init__(
        self,
        embedding_size: int = 64,
        decay: float = 0.8,
        loss: Loss = "softmax",
        temperature: float = 0.1,
        learning_rate: float = 1e-3,
        regularization: float = 0.5,
        epochs: int = 40,
        seed: int = 7,
    ) -> None:
        super().__init__()
        self.embedding_size, self.decay, self.loss, self.temperature = embedding_size, decay, loss, temperature
        self.learning_rate, self.regularization, self.epochs, self.seed = learning_rate, regularization, epochs, seed
        self.exponential = loss == "softmax"

    def fit(self, data: Dataset) -> Self:
        """Train until the next item of some held-out shoppers is found no better, `epochs` times over the log at most."""
        from aisle.retrieval.two_tower_train import train

        return self.take(train(data, self))

    @property
    def goes_on(self) -> bool:
        """Not from a bundle that does not hold the items' tower, which only learning reads."""
        return super().goes_on and "item.wide.weight" in self.weights_

    def go_on(self, data: Dataset, since: float) -> Self:
        """One pass over the sequences with something later than ``since`` (`aisle.retrieval.moving.GoesOn`)."""
        from aisle.retrieval.two_tower_train import go_on

        return copy(self).take(go_on(data, self, self.weights_, since))

    def state(self, sequence: NDArray[np.int32]) -> Floats | None:
        """``(embedding_size,) float32``: the history's tower over a sequence, the newest last; None where no item of it is known."""
        sequence = sequence[self.items[sequence].any(axis=1)][-MOST:]
        if not len(sequence):
            return None
        found = tower(faded(len(sequence), self.decay) @ self.weights_["history"][sequence], self.weights_, "user")
        return found / np.float32(length(found) * self.temperature) if self.loss == "softmax" else found


def tower(x: Floats, weights: Weights, name: str) -> Floats:
    """``x`` ``(..., d)`` plus what a hidden layer makes of it."""
    wide = np.maximum(x @ weights[f"{name}.wide.weight"].T + weights[f"{name}.wide.bias"], 0)
    return np.asarray(x + wide @ weights[f"{name}.narrow.weight"].T + weights[f"{name}.narrow.bias"], np.float32)


def length(vector: Floats) -> float:
    """As `torch.nn.functional.normalize` divides by it."""
    return max(float(np.sqrt(vector @ vector)), 1e-12)
