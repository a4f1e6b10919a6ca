"""Trains what `sasrec` serves; apart, because serving does without torch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import pairwise
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from aisle.core.events import Dataset
from aisle.retrieval.sequences import Sequences
from aisle.retrieval.vectors import item_texts
from aisle.text.ngram import NgramEncoder

BATCH = 256
"""Sequences a step."""
HELD_OUT, SHARE = 2_000, 0.1
"""Shoppers, and at most which share of all, whose last item decides when to stop."""
PATIENCE, EPOCHS, STEPS = 3, 2, 100
"""It stops after so many looks without a gain, each after so many epochs and at least so many steps."""
TOP = 10


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


def train(data: Dataset, settings: Settings) -> dict[str, NDArray[np.float32]]:
    """The weights of the best epoch, by `sasrec.SasRec`'s names. Zero embeddings for all items where the log holds no two in a row."""
    torch.set_num_threads(os.cpu_count() or 1)
    torch.manual_seed(settings.seed)
    dice = np.random.default_rng(settings.seed)
    log = Sequences.of(data.events, len(data.catalogue))
    net = Net(torch.from_numpy(_texts(data)), settings)
    offsets = np.concatenate([[0], np.flatnonzero(np.diff(log.user)) + 1, [len(log)]]) if len(log) else np.zeros(1, np.int64)
    sequences = [log.item[a:b].astype(np.int64) for a, b in pairwise(offsets) if b - a > 1]
    seen = np.zeros(len(data.catalogue), bool)
    seen[log.item] = True
    if not sequences:
        return _written(net, seen & False)
    long = [place for place, one in enumerate(sequences) if len(one) > 2]
    held = set(dice.choice(long, min(HELD_OUT, int(SHARE * len(long))), replace=False).tolist()) if long else set()
    kept = [one[:-1] if place in held else one for place, one in enumerate(sequences)]
    every = max(EPOCHS, -(-STEPS * BATCH // len(kept)))
    best, weights, waited = -1.0, None, 0
    optimizer = torch.optim.AdamW(net.parameters(), lr=settings.learning_rate, weight_decay=0.0)
    known = torch.from_numpy(np.flatnonzero(seen))
    for epoch in range(settings.epochs):
        net.train()
        for items, there, wanted in _batches(kept, settings.length, dice):
            optimizer.zero_grad()
            _loss(net, items, there, wanted, known[torch.randperm(len(known))[: settings.negatives]]).backward()
            optimizer.step()
        if not held or (epoch + 1) % every:
            continue
        found = _quality(net, [sequences[place] for place in sorted(held)], settings.length)
        if found > best:
            best, weights, waited = found, _written(net, seen), 0
        elif (waited := waited + 1) >= PATIENCE:
            break
    return weights or _written(net, seen)


def _texts(data: Dataset) -> NDArray[np.float32]:
    """``(items, k) float32``: what the shop's own words say of each item."""
    texts = item_texts(data.catalogue)
    return NgramEncoder().fit(texts).encode(texts, "item")


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
    return (torch.logaddexp(right, wrong.logsumexp(1)) - right).mean()


@torch.no_grad()  # type: ignore[untyped-decorator]
def _quality(net: Net, sequences: list[NDArray[np.int64]], length: int) -> float:
    """Mean NDCG@10 of the last item of each sequence among all that it does not hold before."""
    net.eval()
    table, total = net.embedded(torch.arange(len(net.texts))), 0.0
    for start in range(0, len(sequences), BATCH):
        some = sequences[start : start + BATCH]
        width = min(length, max(len(one) for one in some) - 1)
        scores = net(*_padded([one[:-1] for one in some], width))[:, -1] @ table.T
        for row, one in enumerate(some):
            mine = scores[row, one[-1]].clone()
            scores[row, torch.from_numpy(one[:-1])] = -torch.inf
            rank = int((scores[row] > mine).sum())
            total += 1 / np.log2(rank + 2) if rank < TOP else 0.0
    return total / len(sequences)


@torch.no_grad()  # type: ignore[untyped-decorator]
def _written(net: Net, known: NDArray[np.bool_]) -> dict[str, NDArray[np.float32]]:
    """The weights as `sasrec.SasRec` reads them; an item without events has what its text says, none at all where nothing was learned."""
    own = net.own * torch.from_numpy(known)[:, None]
    items = (own + net.texts @ net.text.T) * bool(known.any())
    blocks = {name.removeprefix("blocks."): value for name, value in net.state_dict().items() if name.startswith("blocks.")}
    found = {"items": items, "positions": net.positions, "norm.weight": net.norm.weight, "norm.bias": net.norm.bias, **blocks}
    return {name: value.detach().clone().numpy() for name, value in found.items()}
