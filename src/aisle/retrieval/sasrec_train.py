"""Trains what `sasrec` serves; apart, because serving does without torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from aisle.core.events import Dataset
from aisle.retrieval.averaged_train import Averaged
from aisle.retrieval.learned import Weights
from aisle.retrieval.next_train import (
    EPOCHS,
    STEPS,
    Later,
    Log,
    Steps,
    best_epoch,
    last_item_quality,
    ready,
    start_from,
    take,
    text_vectors,
)

BATCH = 256
"""Sequences a step."""


class Settings(Protocol):
    """What training reads of `sasrec.SasRec`."""

    embedding_size: int
    blocks: int
    length: int
    dropout: float
    negatives: int
    learning_rate: float
    epochs: int
    seed: int


class Block(nn.Module):  # type: ignore[misc]
    """One self-attention block, with the names that `sasrec.PARTS` lists."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-8), nn.LayerNorm(width, eps=1e-8)
        self.query, self.key, self.value, self.wide, self.narrow = (
            nn.Parameter(nn.init.xavier_normal_(torch.empty(width, width))) for _ in range(5)
        )
        self.wide_bias, self.narrow_bias = nn.Parameter(torch.zeros(width)), nn.Parameter(torch.zeros(width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, hidden: Tensor) -> Tensor:
        """``x`` ``(b, t, d)``; ``hidden`` ``(b, t, t)`` is minus infinity where a position may not look."""
        q = self.norm1(x)
        attention = (q @ self.query.T) @ (x @ self.key.T).transpose(1, 2) / x.shape[-1] ** 0.5 + hidden
        x = self.norm2(q + self.dropout(attention.softmax(-1)) @ (x @ self.value.T))
        wide = self.dropout(functional.relu(x @ self.wide.T + self.wide_bias))
        return x + self.dropout(wide @ self.narrow.T + self.narrow_bias)


class Net(nn.Module):  # type: ignore[misc]
    """``texts`` ``(items, k) float32``; the last row of ``own`` is the padding."""

    def __init__(self, texts: Tensor, settings: Settings) -> None:
        super().__init__()
        width = settings.embedding_size
        self.texts = texts
        self.own = nn.Parameter(torch.randn(len(texts), width) * 0.02)
        self.text = nn.Parameter(torch.zeros(width, texts.shape[1]))
        self.positions = nn.Parameter(torch.randn(settings.length, width) * 0.02)
        self.blocks = nn.ModuleList(Block(width, settings.dropout) for _ in range(settings.blocks))
        self.norm, self.dropout = nn.LayerNorm(width, eps=1e-8), nn.Dropout(settings.dropout)

    def embedded(self, items: Tensor) -> Tensor:
        """``(..., d)``: embeddings of ``items``."""
        return self.own[items] + self.texts[items] @ self.text.T

    def forward(self, items: Tensor, there: Tensor) -> Tensor:
        """``(b, t, d)``: the states of sequences ``items`` ``(b, t)`` that end at the right; ``there`` marks what is no padding."""
        size = items.shape[1]
        x = self.dropout(self.embedded(items) * self.own.shape[1] ** 0.5 + self.positions[-size:])
        seen = torch.ones(size, size, dtype=torch.bool).tril() & there[:, None, :] | torch.eye(size, dtype=torch.bool)
        hidden = torch.zeros(seen.shape).masked_fill(~seen, -torch.inf)
        for block in self.blocks:
            x = block(x, hidden)
        states: Tensor = self.norm(x)
        return states


def train(data: Dataset, settings: Settings) -> Weights:
    """The weights of the best epoch, by `sasrec.SasRec`'s names. Zero embeddings for all items where the log holds no two in a row."""
    dice = ready(settings)
    net, log = Net(torch.from_numpy(text_vectors(data)), settings), Log.of(data, dice)
    if not log.sequences:
        return _written(net, log.seen & False)
    kept, judges = log.kept, log.judges
    steps, known = _steps(net, settings), torch.from_numpy(np.flatnonzero(log.seen))
    averaged = Averaged(net)

    def learn() -> None:
        _pass(net, kept, known, settings, steps, dice, averaged.follow)

    every = max(EPOCHS, -(-STEPS * BATCH // len(kept)))
    look = (lambda: _quality(averaged.net, judges, settings.length)) if judges else None
    return best_epoch(settings.epochs, every, learn, look, lambda: _written(averaged.net, log.seen), steps.tell)


def go_on(data: Dataset, settings: Settings, weights: Weights, since: float) -> Weights:
    """One pass from ``weights`` over the sequences with something later than ``since``: their older items are gone over again."""
    dice, later = ready(settings), Later.of(data, since)
    net = Net(torch.from_numpy(text_vectors(data)), settings)
    start_from(net.own.data, net.text.data, net.texts, weights["items"])
    held = {f"blocks.{name}" if name[0].isdigit() else name: value for name, value in weights.items() if name != "items"}
    take(net, held)
    if later.sequences:
        _pass(net, later.sequences, torch.from_numpy(np.flatnonzero(later.seen)), settings, _steps(net, settings), dice)
    return _written(net, later.seen)


def _steps(net: Net, settings: Settings) -> Steps:
    return Steps(net, torch.optim.AdamW(net.parameters(), lr=settings.learning_rate, weight_decay=0.0))


def _pass(
    net: Net,
    sequences: list[NDArray[np.int64]],
    known: Tensor,
    settings: Settings,
    steps: Steps,
    dice: np.random.Generator,
    after: Callable[[], None] = lambda: None,
) -> None:
    """Once over the sequences; the negatives are drawn from the items ``known``; ``after`` each step."""
    net.train()
    for items, there, wanted in _batches(sequences, settings.length, dice):
        steps(_loss(net, items, there, wanted, known[torch.randperm(len(known))[: settings.negatives]]), len(items))
        after()


def _batches(sequences: list[NDArray[np.int64]], length: int, dice: np.random.Generator) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Items ``(b, t)``, what is no padding, and the item after each, in steps of like lengths and random order."""
    size = np.array([min(len(one), length + 1) for one in sequences])
    order = np.argsort(size + dice.random(len(size)), kind="stable")
    steps = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
    for number in dice.permutation(len(steps)):
        whole, there = _padded([sequences[place] for place in steps[number].tolist()], int(size[steps[number]].max()))
        yield whole[:, :-1], there[:, :-1], whole[:, 1:]


def _padded(sequences: list[NDArray[np.int64]], width: int) -> tuple[Tensor, Tensor]:
    """``(b, width)``: the last items of each sequence, at the right, and what is no padding."""
    whole = np.zeros((len(sequences), width), np.int64)
    there = np.zeros(whole.shape, bool)
    for row, one in enumerate(sequences):
        last = one[-width:]
        whole[row, width - len(last) :], there[row, width - len(last) :] = last, True
    return torch.from_numpy(whole), torch.from_numpy(there)


def _loss(net: Net, items: Tensor, there: Tensor, wanted: Tensor, others: Tensor) -> Tensor:
    """Cross-entropy of each next item among itself and ``others`` ``(k,)``, all different; an other that is the next item itself does not
    count."""
    states, wanted = net(items, there)[there], wanted[there]
    place = torch.full((len(net.texts),), -1)
    place[others] = torch.arange(len(others))
    same = (place[wanted] >= 0).nonzero()[:, 0]
    right, wrong = (states * net.embedded(wanted)).sum(-1), states @ net.embedded(others).T
    wrong[same, place[wanted[same]]] = -torch.inf
    return functional.cross_entropy(torch.cat([right[:, None], wrong], 1), torch.zeros(len(right), dtype=torch.long))


@torch.no_grad()  # type: ignore[untyped-decorator]
def _quality(net: Net, sequences: list[NDArray[np.int64]], length: int) -> float:
    """`last_item_quality` without dropout."""
    net.eval()
    table = net.embedded(torch.arange(len(net.texts)))

    def scores(before: list[NDArray[np.int64]]) -> Tensor:
        found: Tensor = net(*_padded(before, min(length, max(len(one) for one in before))))[:, -1] @ table.T
        return found

    return last_item_quality(sequences, scores)


@torch.no_grad()  # type: ignore[untyped-decorator]
def _written(net: Net, known: NDArray[np.bool_]) -> Weights:
    """The weights as `sasrec.SasRec` reads them; an item without events has what its text says, none at all where nothing was learned."""
    own = net.own * torch.from_numpy(known)[:, None]
    items = (own + net.texts @ net.text.T) * bool(known.any())
    blocks = {name.removeprefix("blocks."): value for name, value in net.state_dict().items() if name.startswith("blocks.")}
    found = {"items": items, "positions": net.positions, "norm.weight": net.norm.weight, "norm.bias": net.norm.bias, **blocks}
    return {name: value.detach().clone().numpy() for name, value in found.items()}
