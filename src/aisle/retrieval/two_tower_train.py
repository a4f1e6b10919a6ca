"""Trains what `two_tower` serves; apart, because serving does without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from aisle.core.events import Dataset
from aisle.retrieval.learned import Weights
from aisle.retrieval.next_train import (
    STEPS,
    Later,
    Log,
    Past,
    Pasts,
    Steps,
    best_epoch,
    embeddings,
    last_item_quality,
    means,
    ready,
    start_from,
    take,
    text_vectors,
    whole,
)

BATCH = 512
"""Bought items a step; the softmax chooses among them."""
DROPOUT = 0.3
"""Of the history's mean and of hidden units."""
TOWERS = ("user.", "item.")
"""What the weights of both towers begin with: the items' one is kept to go on learning from."""
RANDOM = 256
"""Items of the catalogue drawn for a step of the squared error: against all of them at once what is bought would not count."""


class Settings(Protocol):
    """What training reads of `two_tower.TwoTower`."""

    embedding_size: int
    decay: float
    loss: Literal["softmax", "squared"]
    temperature: float
    learning_rate: float
    regularization: float
    epochs: int
    seed: int


class Tower(nn.Module):  # type: ignore[misc]
    """A hidden layer beside the input, as `two_tower.tower`."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.wide, self.narrow, self.dropout = nn.Linear(width, 2 * width), nn.Linear(2 * width, width), nn.Dropout(DROPOUT)
        nn.init.zeros_(self.wide.bias)
        nn.init.zeros_(self.narrow.bias)

    def forward(self, x: Tensor) -> Tensor:
        """``(..., d)`` to the same."""
        found: Tensor = x + self.narrow(self.dropout(functional.relu(self.wide(x))))
        return found


class Net(nn.Module):  # type: ignore[misc]
    """``texts`` ``(items, k) float32``."""

    def __init__(self, texts: Tensor, settings: Settings) -> None:
        super().__init__()
        width = settings.embedding_size
        self.texts, self.unit = texts, settings.loss == "softmax"
        self.own = nn.Parameter(torch.randn(len(texts), width) * width**-0.5)
        self.text = nn.Parameter(torch.zeros(width, texts.shape[1]))
        self.user, self.item, self.dropout = Tower(width), Tower(width), nn.Dropout(DROPOUT)

    def users(self, past: Past) -> Tensor:
        """``(b, d)``: what the history's tower makes of each."""
        return self.scaled(self.user(self.dropout(means(self.own, self.texts, self.text, past))))

    def embedded(self, items: Tensor) -> Tensor:
        """``(n, d)``: what the item's tower makes of ``items``."""
        return self.scaled(self.item(embeddings(self.own, self.texts, self.text, items)))

    def scaled(self, x: Tensor) -> Tensor:
        """Of unit length where the loss is a softmax."""
        return functional.normalize(x, dim=-1) if self.unit else x


def train(data: Dataset, settings: Settings) -> Weights:
    """The weights of the best epoch, by `two_tower.TwoTower`'s names. Zero vectors for all items where the log holds no two in a row."""
    dice = ready(settings, alone=True)
    net, log = Net(torch.from_numpy(text_vectors(data)), settings), Log.of(data, dice)
    if not log.sequences:
        return _written(net, log.seen & False)
    pasts, judges = Pasts.of(log.kept), log.judges
    drawn, known = _drawn(pasts, pasts.targets, len(log.seen)), torch.from_numpy(np.flatnonzero(log.seen))
    steps = _steps(net, settings)

    def learn() -> None:
        _pass(net, Pass(pasts, dice.permutation(pasts.targets), drawn, known), settings, steps)

    look = (lambda: _quality(net, judges, settings.decay)) if judges else None
    every = max(1, -(-STEPS * BATCH // len(pasts.targets)))
    return best_epoch(settings.epochs, every, learn, look, lambda: _written(net, log.seen), steps.tell)


def go_on(data: Dataset, settings: Settings, weights: Weights, since: float) -> Weights:
    """One pass from ``weights``, the items' tower among them, over the shoppers who bought something later than ``since``."""
    dice, later = ready(settings, alone=True), Later.of(data, since)
    net, targets = Net(torch.from_numpy(text_vectors(data)), settings), later.targets()
    start_from(net.own.data, net.text.data, net.texts, weights["history"])
    take(net, {name: value for name, value in weights.items() if name.startswith(TOWERS)})
    if len(targets):
        pasts, known = Pasts.of(later.sequences), torch.from_numpy(np.flatnonzero(later.seen))
        drawn = _drawn(pasts, targets, len(later.seen))
        _pass(net, Pass(pasts, dice.permutation(targets), drawn, known), settings, _steps(net, settings))
    return _written(net, later.seen)


@dataclass(frozen=True)
class Pass:
    """Once over ``places`` of ``pasts``: how often each item is ``drawn``, a share of all that is bought, and the items ``known``."""

    pasts: Pasts
    places: NDArray[np.int64]
    drawn: Tensor
    known: Tensor


def _pass(net: Net, over: Pass, settings: Settings, steps: Steps) -> None:
    net.train()
    for part in np.array_split(over.places, -(-len(over.places) // BATCH)):
        users, bought = net.users(over.pasts.before(part, settings.decay)), torch.from_numpy(over.pasts.item[part])
        loss = _softmax(net, users, bought, over.drawn, settings.temperature) if net.unit else _squared(net, users, bought, over.known)
        steps(loss, len(part))


def _drawn(pasts: Pasts, targets: NDArray[np.int64], items: int) -> Tensor:
    return torch.from_numpy(np.bincount(pasts.item[targets], minlength=items) / len(targets)).float()


def _steps(net: Net, settings: Settings) -> Steps:
    return Steps(net, torch.optim.AdamW(net.parameters(), lr=settings.learning_rate, weight_decay=settings.regularization))


def _softmax(net: Net, users: Tensor, bought: Tensor, drawn: Tensor, temperature: float) -> Tensor:
    """Cross-entropy of each user's item among all items of the batch (Yi et al. 2019, equation 5): the logarithm of an item's share
    ``drawn`` of all that is bought is taken off its logit. The same item in another row of the batch is no other item."""
    logits = users @ net.embedded(bought).T / temperature - drawn[bought].log()
    same = (bought[:, None] == bought) & ~torch.eye(len(bought), dtype=torch.bool)
    return functional.cross_entropy(logits.masked_fill(same, -torch.inf), torch.arange(len(bought)))


def _squared(net: Net, users: Tensor, bought: Tensor, known: Tensor) -> Tensor:
    """Squared error of each user's products, summed: 1 is right for what was bought, 0 for `RANDOM` others of those ``known``."""
    others = known[torch.randperm(len(known))[:RANDOM]]
    wrong = (users @ net.embedded(others).T).square() * (bought[:, None] != others)
    right = ((users * net.embedded(bought)).sum(-1) - 1).square()
    return (right + wrong.sum(-1)).mean()


@torch.no_grad()  # type: ignore[untyped-decorator]
def _quality(net: Net, judges: list[NDArray[np.int64]], decay: float) -> float:
    """`last_item_quality` without dropout."""
    net.eval()
    table = net.embedded(torch.arange(len(net.texts)))

    def scores(before: list[NDArray[np.int64]]) -> Tensor:
        return net.users(whole(before, decay)) @ table.T

    return last_item_quality(judges, scores)


@torch.no_grad()  # type: ignore[untyped-decorator]
def _written(net: Net, known: NDArray[np.bool_]) -> Weights:
    """The weights as `two_tower.TwoTower` reads them; an item without events has what its text says, none at all where nothing was
    learned or it has no text."""
    net.eval()
    history = net.own * torch.from_numpy(known)[:, None] + net.texts @ net.text.T
    items = net.scaled(net.item(history)) * history.any(-1, keepdim=True) * bool(known.any())
    tower = {name: value for name, value in net.state_dict().items() if name.startswith(TOWERS)}
    return {name: value.detach().clone().numpy() for name, value in {"items": items, "history": history, **tower}.items()}
