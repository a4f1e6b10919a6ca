"""What trainers of a next item share: the log as sequences, the shoppers kept out, and the epoch that finds their last item best."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from aisle.core.events import Dataset
from aisle.core.threads import threads
from aisle.retrieval.base import MOST
from aisle.retrieval.learned import Weights, faded
from aisle.retrieval.sequences import Sequences
from aisle.retrieval.vectors import item_texts
from aisle.text.ngram import NgramEncoder
from aisle.tracking.run import Pace, begin, listening, memory_mb, point

HELD_OUT, SHARE = 2_000, 0.1
"""Shoppers, and at most which share of all, whose last item decides when to stop."""
PATIENCE, EPOCHS, STEPS = 3, 2, 100
"""It stops after so many looks without a gain, each after so many epochs and at least so many steps."""
TOP, BATCH = 10, 256
RIDGE = 1.0
"""What `start_from` adds to the squares of the texts' vectors."""

One = NDArray[np.int64]
Past = tuple[Tensor, Tensor, Tensor]
"""Histories as `torch.nn.functional.embedding_bag` wants them: items, where each begins, weights."""


class Settings(Protocol):
    """What every trainer reads of its source."""

    epochs: int
    seed: int


@dataclass(frozen=True)
class Log:
    """Sequences of two items and more, those of them by place that are ``held``, and ``seen`` ``(items,) bool``: items with events."""

    sequences: list[One]
    held: list[int]
    seen: NDArray[np.bool_]

    @classmethod
    def of(cls, data: Dataset, dice: np.random.Generator) -> Log:
        """Of three items one can be kept out and still leave something to learn."""
        log = Sequences.of(data.events, len(data.catalogue))
        sequences, seen = [log.item[part].astype(np.int64) for part in _shoppers(log)], _seen(log)
        long = [place for place, one in enumerate(sequences) if len(one) > 2]
        held = dice.choice(long, min(HELD_OUT, int(SHARE * len(long))), replace=False).tolist() if long else []
        return cls(sequences, sorted(held), seen)

    @property
    def kept(self) -> list[One]:
        """All sequences, without the last item of those held."""
        held = set(self.held)
        return [one[:-1] if place in held else one for place, one in enumerate(self.sequences)]

    @property
    def judges(self) -> list[One]:
        """The held ones, whole."""
        return [self.sequences[place] for place in self.held]


@dataclass(frozen=True)
class Later:
    """Sequences of two items and more that end later than a moment, the last ``fresh[s]`` of sequence ``s`` since then; ``seen``
    ``(items,) bool``: items with events, whenever."""

    sequences: list[One]
    fresh: list[int]
    seen: NDArray[np.bool_]

    @classmethod
    def of(cls, data: Dataset, since: float) -> Later:
        """Of each shopper who came again."""
        log = Sequences.of(data.events, len(data.catalogue))
        parts = [(part, int((log.time[part] > since).sum())) for part in _shoppers(log)]
        again = [(log.item[part].astype(np.int64), fresh) for part, fresh in parts if fresh]
        return cls([items for items, _ in again], [fresh for _, fresh in again], _seen(log))

    def targets(self) -> One:
        """``(m,) int64``: places of `Pasts.of` the sequences that have something before them, of each sequence what is new and the newest
        `MOST` at least: what was learned before is gone over again, and beside what is new there is something else to choose from."""
        lengths = [len(one) for one in self.sequences]
        wanted = [min(max(fresh, MOST), length - 1) for fresh, length in zip(self.fresh, lengths, strict=True)]
        found = [np.arange(end - size, end) for end, size in zip(np.cumsum(lengths).tolist(), wanted, strict=True)]
        return np.concatenate([np.zeros(0, np.int64), *found]).astype(np.int64)


def _shoppers(log: Sequences) -> list[slice]:
    """Where each shopper's events stand, of those with two and more."""
    offsets = np.concatenate([[0], np.flatnonzero(np.diff(log.user)) + 1, [len(log)]]) if len(log) else np.zeros(1, np.int64)
    return [slice(a, b) for a, b in pairwise(offsets.tolist()) if b - a > 1]


def _seen(log: Sequences) -> NDArray[np.bool_]:
    found = np.zeros(log.items, bool)
    found[log.item] = True
    return found


@dataclass(frozen=True)
class Pasts:
    """Items each with what its shopper had before: ``item`` ``(n,)`` is one sequence after another, the one at each place began at
    ``start`` ``(n,)``."""

    item: One
    start: One

    @classmethod
    def of(cls, sequences: list[One]) -> Pasts:
        """Of at least one sequence."""
        lengths = np.array([len(one) for one in sequences])
        return cls(np.concatenate(sequences), np.repeat(np.cumsum(lengths) - lengths, lengths))

    @property
    def targets(self) -> One:
        """``(m,) int64``: places that have something before them."""
        return np.flatnonzero(np.arange(len(self.item)) > self.start)

    def before(self, places: One, decay: float) -> Past:
        """The newest `MOST` items before each of ``places``, with weights as `learned.faded` gives them."""
        lengths = np.minimum(places - self.start[places], MOST)
        begins = np.cumsum(lengths) - lengths
        behind = np.repeat(begins + lengths, lengths) - np.arange(lengths.sum())
        weights = np.concatenate([faded(length, decay) for length in range(1, MOST + 1)])
        ends = np.cumsum(np.arange(1, MOST + 1))[lengths - 1]
        items, weight = self.item[np.repeat(places, lengths) - behind], weights[np.repeat(ends, lengths) - behind]
        return torch.from_numpy(items), torch.from_numpy(begins), torch.from_numpy(weight)


def whole(sequences: list[One], decay: float) -> Past:
    """All of each sequence, as `Pasts.before` gives what stands before an item that came next."""
    return Pasts.of([np.append(one, 0) for one in sequences]).before(np.cumsum([len(one) + 1 for one in sequences]) - 1, decay)


def embeddings(own: Tensor, texts: Tensor, text: Tensor, items: Tensor) -> Tensor:
    """``(..., d)``: each item's ``own`` embedding plus the map ``text`` of its text's vector."""
    return own[items] + texts[items] @ text.T


def means(own: Tensor, texts: Tensor, text: Tensor, past: Past) -> Tensor:
    """``(b, d)``: weighted means of such embeddings over each part of ``past``, as `Pasts.before` gives it."""
    items, begins, weights = past
    mine, theirs = (functional.embedding_bag(items, table, begins, mode="sum", per_sample_weights=weights) for table in (own, texts))
    return mine + theirs @ text.T


def ready(settings: Settings, alone: bool = False) -> np.random.Generator:
    """All `threads`, or one ``alone`` for what is too small to share, and the same dice for the same seed."""
    torch.set_num_threads(1 if alone else threads())
    torch.manual_seed(settings.seed)
    return np.random.default_rng(settings.seed)


def text_vectors(data: Dataset) -> NDArray[np.float32]:
    """``(items, k) float32``: what the shop's own words say of each item."""
    texts = item_texts(data.catalogue)
    return NgramEncoder().fit(texts).encode(texts, "item")


@torch.no_grad()  # type: ignore[untyped-decorator]
def start_from(own: Tensor, text: Tensor, texts: Tensor, vectors: NDArray[np.float32]) -> None:
    """Set items' ``own`` embeddings and the map ``text`` of their texts so that together they are ``vectors`` ``(items, d)``, as they were
    served: by ridge regression as much as texts can say is the map's. Where a vector is zero the item's own stays at random, and its text
    speaks for it."""
    known = vectors.any(axis=1)
    said = texts.numpy()[known].astype(np.float64)
    found = np.linalg.solve(said.T @ said + RIDGE * np.eye(said.shape[1]), said.T @ vectors[known])
    text.copy_(torch.from_numpy(found.T.astype(np.float32)))
    own[torch.from_numpy(known)] = torch.from_numpy((vectors[known] - said @ found).astype(np.float32))


def take(net: nn.Module, weights: Weights) -> None:
    """Set those parameters of ``net`` that ``weights`` name."""
    net.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in weights.items()}, strict=False)


class Steps:
    """Takes the steps of an epoch, and remembers what there is to tell of them."""

    def __init__(self, net: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        self.net, self.optimizer = net, optimizer
        self.losses: list[float] = []
        self.pace = Pace()

    def __call__(self, loss: Tensor, cases: int) -> None:
        """A step down the gradient of ``loss``, which ``cases`` went into."""
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.losses.append(float(loss.detach()))
        self.pace.add(cases)

    def tell(self, epoch: int) -> None:
        """The mean loss since it was last told, the last gradient's norm, the speed."""
        if listening() and self.losses:
            gradients = [one.grad for one in self.net.parameters() if one.grad is not None]
            norm, rate = torch.nn.utils.get_total_norm(gradients), self.optimizer.param_groups[0]["lr"]
            told = {"loss": float(np.mean(self.losses)), "gradient_norm": float(norm), "rate": rate}
            point(epoch, **told, per_second=self.pace.look(), memory_mb=memory_mb())
        self.losses.clear()


def best_epoch(
    epochs: int,
    every: int,
    learn: Callable[[], None],
    quality: Callable[[], float] | None,
    written: Callable[[], Weights],
    tell: Callable[[int], None] = lambda epoch: None,
) -> Weights:
    """``learn`` at most ``epochs`` times, looking at ``quality`` after each ``every``; what is ``written`` where it was best, or at the
    end where there is none to look at. After each epoch it may ``tell`` how that went."""
    best, weights, waited = -1.0, None, 0
    begin()
    for epoch in range(epochs):
        learn()
        tell(epoch + 1)
        if quality is None or (epoch + 1) % every:
            continue
        found = quality()
        point(epoch + 1, development=found)
        if found > best:
            best, weights, waited = found, written(), 0
        elif (waited := waited + 1) >= PATIENCE:
            break
    return weights or written()


@torch.no_grad()  # type: ignore[untyped-decorator]
def last_item_quality(judges: list[One], scores: Callable[[list[One]], Tensor]) -> float:
    """Mean NDCG@10 of the last item of each sequence among all that it does not hold before; ``scores`` gives ``(b, items)`` of what
    stands before it."""
    total = 0.0
    for start in range(0, len(judges), BATCH):
        some = judges[start : start + BATCH]
        found = scores([one[:-1] for one in some])
        for row, one in enumerate(some):
            mine = found[row, one[-1]].clone()
            found[row, torch.from_numpy(one[:-1])] = -torch.inf
            rank = int((found[row] > mine).sum())
            total += 1 / np.log2(rank + 2) if rank < TOP else 0.0
    return total / len(judges)
