"""Trains what `ncf` serves; apart, because serving does without torch."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from aisle.core.events import Dataset
from aisle.retrieval.learned import Weights
from aisle.retrieval.ncf_shape import Model, layer_widths, product_width, whole_width
from aisle.retrieval.next_train import (
    EPOCHS,
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

BATCH = 1_024
"""Bought items a step, each with its negatives."""
DROPOUT = 0.3
"""Of the history's mean."""
JUDGES = 1_000
"""Shoppers at most that decide when to stop: each costs the whole catalogue through the hidden layers."""


class Settings(Protocol):
    """What training reads of `ncf.Ncf`."""

    embedding_size: int
    model: Model
    decay: float
    negatives: int
    learning_rate: float
    regularization: float
    epochs: int
    seed: int


class Net(nn.Module):  # type: ignore[misc]
    """``texts`` ``(items, k) float32``. ``history`` and ``items`` are the items' own embeddings on the user's side and on their own."""

    def __init__(self, texts: Tensor, settings: Settings) -> None:
        super().__init__()
        width, layers = whole_width(settings.model, settings.embedding_size), layer_widths(settings.model, settings.embedding_size)
        self.texts, self.product = texts, product_width(settings.model, settings.embedding_size)
        self.history, self.items = (nn.Parameter(torch.randn(len(texts), width) * 0.1) for _ in range(2))
        self.history_text, self.items_text = (nn.Parameter(torch.zeros(width, texts.shape[1])) for _ in range(2))
        self.hidden = nn.ModuleList(nn.Linear(wide, narrow) for wide, narrow in pairwise(layers))
        self.out = nn.Linear(self.product + (layers or [0])[-1], 1)
        self.dropout = nn.Dropout(DROPOUT)

    def users(self, past: Past) -> Tensor:
        """``(b, k)``: the mean of each history."""
        return self.dropout(means(self.history, self.texts, self.history_text, past))

    def embedded(self, items: Tensor) -> Tensor:
        """``(..., k)``: the items' side."""
        return embeddings(self.items, self.texts, self.items_text, items)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """``(...)``: logits of users and items ``(..., k)``, row by row or spread over each other."""
        parts = [users[..., : self.product] * items[..., : self.product]] if self.product else []
        if len(self.hidden):
            size = users.shape[-1] - self.product
            mine, theirs = (self.hidden[0].weight[:, part] for part in (slice(size), slice(size, None)))
            x = functional.relu(users[..., self.product :] @ mine.T + items[..., self.product :] @ theirs.T + self.hidden[0].bias)
            for layer in self.hidden[1:]:
                x = functional.relu(layer(x))
            parts.append(x)
        logits: Tensor = self.out(torch.cat(parts, -1))[..., 0]
        return logits


def train(data: Dataset, settings: Settings) -> Weights:
    """The weights of the best epoch, by `ncf.Ncf`'s names. Zero vectors for all items where the log holds no two in a row."""
    dice = ready(settings, alone=True)
    net, log = Net(torch.from_numpy(text_vectors(data)), settings), Log.of(data, dice)
    if not log.sequences:
        return _written(net, log.seen & False)
    pasts, known = Pasts.of(log.kept), np.flatnonzero(log.seen)
    judges = log.judges[:: -(-len(log.judges) // JUDGES) or 1]
    steps = _steps(net, settings)

    def learn() -> None:
        _pass(net, Pass(pasts, pasts.targets, known), settings, steps, dice)

    look = (lambda: _quality(net, judges, settings.decay)) if judges else None
    every = max(EPOCHS, -(-STEPS * BATCH // len(pasts.targets)))
    return best_epoch(settings.epochs, every, learn, look, lambda: _written(net, log.seen), steps.tell)


def go_on(data: Dataset, settings: Settings, weights: Weights, since: float) -> Weights:
    """One pass from ``weights`` over the shoppers who bought something later than ``since``."""
    dice, later = ready(settings, alone=True), Later.of(data, since)
    net, targets = Net(torch.from_numpy(text_vectors(data)), settings), later.targets()
    start_from(net.history.data, net.history_text.data, net.texts, weights["history"])
    start_from(net.items.data, net.items_text.data, net.texts, weights["items"])
    hidden = {name: value for name, value in weights.items() if name.startswith("hidden.")}
    take(net, {**hidden, "out.weight": weights["out"][None], "out.bias": weights["out.bias"]})
    if len(targets):
        over = Pass(Pasts.of(later.sequences), targets, np.flatnonzero(later.seen))
        _pass(net, over, settings, _steps(net, settings), dice)
    return _written(net, later.seen)


@dataclass(frozen=True)
class Pass:
    """Once over ``targets``, places of ``pasts``; the negatives are drawn from the items ``known``."""

    pasts: Pasts
    targets: NDArray[np.int64]
    known: NDArray[np.int64]


def _pass(net: Net, over: Pass, settings: Settings, steps: Steps, dice: np.random.Generator) -> None:
    net.train()
    places = dice.permutation(over.targets)
    for part in np.array_split(places, -(-len(places) // BATCH)):
        bought = over.pasts.item[part][:, None]
        others = over.known[dice.integers(len(over.known), size=(len(part), settings.negatives))]
        users = net.users(over.pasts.before(part, settings.decay))
        steps(_loss(net, users, torch.from_numpy(bought), torch.from_numpy(others)), len(part))


def _steps(net: Net, settings: Settings) -> Steps:
    return Steps(net, torch.optim.AdamW(net.parameters(), lr=settings.learning_rate, weight_decay=settings.regularization))


def _loss(net: Net, users: Tensor, bought: Tensor, others: Tensor) -> Tensor:
    """Binary cross-entropy (He et al. 2017, equation 7) of ``bought`` ``(b, 1)`` and ``others`` ``(b, n)``, mean over all; another that is
    what was bought does not count."""
    logits = net(users[:, None], net.embedded(torch.cat([bought, others], 1)))
    wanted = torch.zeros_like(logits)
    wanted[:, 0] = 1.0
    counts = torch.cat([torch.ones_like(bought, dtype=torch.bool), others != bought], 1)
    return functional.binary_cross_entropy_with_logits(logits[counts], wanted[counts])


@torch.no_grad()  # type: ignore[untyped-decorator]
def _quality(net: Net, judges: list[NDArray[np.int64]], decay: float) -> float:
    """`last_item_quality` without dropout."""
    net.eval()
    table = net.embedded(torch.arange(len(net.texts)))

    def scores(before: list[NDArray[np.int64]]) -> Tensor:
        users = net.users(whole(before, decay))
        return torch.stack([net(user, table) for user in users])

    return last_item_quality(judges, scores)


@torch.no_grad()  # type: ignore[untyped-decorator]
def _written(net: Net, known: NDArray[np.bool_]) -> Weights:
    """The weights as `ncf.Ncf` reads them; an item without events has what its text says, none at all where nothing was learned."""
    seen = torch.from_numpy(known)[:, None]
    items = (net.items * seen + net.texts @ net.items_text.T) * bool(known.any())
    hidden = {name: value for name, value in net.state_dict().items() if name.startswith("hidden.")}
    found = {
        "items": items, "history": net.history * seen + net.texts @ net.history_text.T, "out": net.out.weight[0], "out.bias": net.out.bias,
        **hidden,
    }  # fmt: skip
    return {name: value.detach().clone().numpy() for name, value in found.items()}
