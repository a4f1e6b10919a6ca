"""How a cross-encoder learns: batches of lists or of single pairs, their losses, and one run of the training loop; training only."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aisle.text.cross_model_train import Opened, Tokens
from aisle.text.device_train import near, steps_for
from aisle.text.loop_train import History, Loop, Recipe
from aisle.text.pairs import Pairs

RATE = 2e-4
OTHERS = 3
"""Pairs that do not belong together for one that does."""
TOGETHER = 8
"""Batches of pairs whose pairs are sorted by length before they are cut, so that little padding is read."""


class Batch(NamedTuple):
    """Pairs and their labels ``(n,)``; ``wide`` of them in a row belong to one query, 1 where each stands alone."""

    pairs: Sequence[Tokens]
    label: NDArray[np.float32]
    wide: int


class Single:
    """Batches of pairs that are judged one by one, those of like length together, by binary cross-entropy.

    Grades are read as shares of the highest one. What belongs together is rare in most shops: each epoch draws `OTHERS` pairs that do not
    for one that does, anew, so that the time goes where most is learned and no class drowns the other.
    """

    def __init__(self, model: Opened, pairs: Pairs, size: int = 32, seed: int = 7) -> None:
        self.label = pairs.label / pairs.label.max()
        self.tokens, self.size, self.seed = model.tokens(pairs.first, pairs.second), size, seed
        self.length = np.array([len(one.ids) for one in self.tokens])
        self.alike, self.others = np.flatnonzero(self.label > 0), np.flatnonzero(self.label == 0)

    @property
    def drawn(self) -> int:
        """Pairs that do not belong together in an epoch."""
        return min(len(self.others), OTHERS * len(self.alike))

    def steps(self) -> int:
        """Batches of an epoch."""
        return math.ceil((len(self.alike) + self.drawn) / self.size)

    def __call__(self, epoch: int) -> Iterator[Batch]:
        """Every pair that belongs together once, in a fresh order among others."""
        random = np.random.default_rng((self.seed, epoch))
        order = random.permutation(np.concatenate([self.alike, random.choice(self.others, self.drawn, replace=False)]))
        step = self.size * TOGETHER
        near = [some[np.argsort(self.length[some], kind="stable")] for some in np.split(order, range(step, len(order), step))]
        batches = [rows for some in near for rows in np.split(some, range(self.size, len(some), self.size))]
        for place in random.permutation(len(batches)).tolist():
            yield Batch([self.tokens[row] for row in batches[place].tolist()], self.label[batches[place]], 1)

    def loss(self, model: Opened, batch: Batch) -> Tensor:
        """Mean binary cross-entropy."""
        (label,) = near(model.net, torch.tensor(batch.label))
        return torch.nn.functional.binary_cross_entropy_with_logits(model.scores(batch.pairs), label)


@dataclass(frozen=True)
class Lists:
    """What answers a query and what only looks so. List ``k`` is of ``queries[query[k]]`` and starts with item ``item[k]`` of ``texts``,
    which answers it with ``gain[k]`` above 0; ``hard[q]`` are rows that look like answers of query ``q`` and are none."""

    queries: Sequence[str]
    texts: Sequence[str]
    query: NDArray[np.int64]
    item: NDArray[np.int64]
    gain: NDArray[np.float32]
    hard: Sequence[NDArray[np.int64]]


class Listed:
    """Batches of lists: an answer among what only looks like one, drawn anew in each epoch, by cross-entropy over the list.

    ListNet's top-one likelihood (Cao et al. 2007): within a list nothing but the order counts, as on a page.
    """

    def __init__(self, model: Opened, lists: Lists, wide: int = 8, size: int = 16, seed: int = 7) -> None:
        self.model, self.lists, self.wide, self.size, self.seed = model, lists, wide, size, seed
        enough = np.array([len(lists.hard[number]) >= wide - 1 for number in lists.query.tolist()], bool)
        self.rows = np.flatnonzero(enough)

    def steps(self) -> int:
        """Batches of an epoch."""
        return math.ceil(len(self.rows) / self.size)

    def __call__(self, epoch: int) -> Iterator[Batch]:
        """Every list once, in a fresh order."""
        random = np.random.default_rng((self.seed, epoch))
        order = random.permutation(self.rows)
        for start in range(0, len(order), self.size):
            yield self._batch(order[start : start + self.size].tolist(), random)

    def _batch(self, rows: Sequence[int], random: np.random.Generator) -> Batch:
        lists, first, second = self.lists, [], []
        for row in rows:
            query = int(lists.query[row])
            shown = [int(lists.item[row]), *random.choice(lists.hard[query], self.wide - 1, replace=False).tolist()]
            first += [lists.queries[query]] * self.wide
            second += [lists.texts[item] for item in shown]
        return Batch(self.model.tokens(first, second), lists.gain[list(rows)], self.wide)

    def loss(self, model: Opened, batch: Batch) -> Tensor:
        """Mean over the lists, each weighing as much as its answer's gain."""
        scores = model.scores(batch.pairs).reshape(-1, batch.wide)
        (gain,) = near(model.net, torch.tensor(batch.label))
        return ((scores.logsumexp(1) - scores[:, 0]) * gain).sum() / gain.sum()


@dataclass(frozen=True)
class Course:
    """How long and how to learn: ``epochs`` at most, or so many ``steps`` as a plan says; ``left`` and ``watch`` as `Loop` has them."""

    epochs: float
    seed: int = 7
    rate: float = RATE
    steps: int = 0
    left: Callable[[], float] = lambda: math.inf
    watch: Callable[[int, int, float], None] = field(default=lambda step, steps, loss: None)
    checkpoint: Path | None = None


def teach(model: Opened, source: Single | Listed, judge: Callable[[], float] | None, course: Course) -> History:
    """Train ``model`` on ``source``; the weights that ``judge`` likes best are kept. A loss that is no number raises `TrainingError`."""
    loop = Loop(
        model.net,
        Recipe(course.steps or steps_for(max(1, round(course.epochs * source.steps()))), learning_rate=course.rate, seed=course.seed),
        source,
        lambda batch: source.loss(model, batch),
        judge,
        left=course.left,
        watch=course.watch,
        describe=lambda batch: f"{len(batch.pairs)} pairs",
        checkpoint=course.checkpoint,
    )
    return loop.run()
