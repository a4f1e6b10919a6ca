"""Contrastive learning of queries and items: the batches, harder by topic and by hand-picked negatives, and the loss; training only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import faiss
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aisle.text.model_train import Opened, Tokens
from aisle.text.pieces import holds, piece

Numbers = NDArray[np.int64]
Weights = NDArray[np.float32]
BATCH = 256
TEMPERATURE = 0.03
TOPICS = 4
"""Topics that share a batch: queries of like meaning are each other's hard negatives (Hofstätter et al. 2021)."""
PER_TOPIC = 400
"""Pairs for which one topic is made."""


@dataclass(frozen=True)
class Batch:
    """``queries`` and ``items`` are tokens of different texts; pair ``k`` says that item ``item[k]`` answers query ``query[k]``.
    ``related`` ``(queries, items) bool``: answers too, or may do so; such are never negatives. ``shown`` are the numbers of the items. Of
    known answers: ``asked`` are the numbers of the queries, ``other`` ``(pairs,)`` the item that is a hard negative of the pair's query,
    -1 for none, ``weight`` ``(pairs,)`` how much each teaches, empty: all alike."""

    queries: Sequence[Tokens]
    items: Sequence[Tokens]
    query: Numbers
    item: Numbers
    related: NDArray[np.bool_]
    asked: Numbers = field(default_factory=lambda: np.zeros(0, np.int64))
    shown: Numbers = field(default_factory=lambda: np.zeros(0, np.int64))
    other: Numbers = field(default_factory=lambda: np.zeros(0, np.int64))
    weight: Weights = field(default_factory=lambda: np.zeros(0, np.float32))


def loss(model: Opened, batch: Batch, temperature: float = TEMPERATURE) -> Tensor:
    """Mean cross-entropy of each pair among the batch's items, and among its queries (in-batch softmax, Henderson et al. 2017).

    What is related to a query is no negative for it; each pair's own answer stands alone against the negatives. Where pairs have weights
    the mean is weighted: a pair of weight 0 teaches nothing, its texts are still others' negatives. Several processes do not share
    negatives: each has those of its own batch.
    """
    return contrast(model.vectors(batch.queries) @ model.vectors(batch.items).T / temperature, batch)


def contrast(scores: Tensor, batch: Batch) -> Tensor:
    """The same of ``scores`` ``(queries, items)``, cosines over the temperature."""
    wrong = scores.masked_fill(torch.from_numpy(batch.related).to(scores.device), -torch.inf)
    query, item = torch.from_numpy(batch.query), torch.from_numpy(batch.item)
    right = scores[query, item]
    among_items = torch.logaddexp(right, wrong.logsumexp(1)[query]) - right
    among_queries = torch.logaddexp(right, wrong.logsumexp(0)[item]) - right
    if not len(batch.weight):
        return (among_items.mean() + among_queries.mean()) / 2
    weight = torch.from_numpy(batch.weight).to(scores.device)
    return (weight @ (among_items + among_queries).float()) / (2 * weight.sum())


@dataclass(frozen=True)
class Pairs:
    """Known answers: pair ``k`` says that item row ``item[k]`` answers ``queries[query[k]]``. ``answers[q]``: all rows known to answer;
    ``hard[q]``: rows that look like answers and are not known to be any, may be empty; ``weight[k]``: how much the pair teaches, at least
    one in a batch above 0, None: all alike."""

    queries: Sequence[str]
    query: Numbers
    item: Numbers
    answers: Sequence[frozenset[int]]
    hard: Sequence[NDArray[np.integer]]
    weight: Weights | None = None


class Known:
    """Batches of ``size`` known pairs, by topics of their queries, each with a hard negative more."""

    def __init__(self, model: Opened, pairs: Pairs, items: Sequence[Tokens], seed: int = 7, size: int = BATCH) -> None:
        self.pairs, self.items, self.seed, self.size = pairs, items, seed, size
        self.queries = model.tokens(pairs.queries, "query")
        self.topic = _topics(model, self.queries, max(1, len(pairs.query) // PER_TOPIC), seed)[pairs.query]

    def __call__(self, epoch: int) -> Iterator[Batch]:
        """The pairs in a fresh order."""
        random = np.random.default_rng((self.seed, epoch))
        order = self._order(random)
        for start in range(0, len(order), self.size):
            yield self._batch(order[start : start + self.size], random)

    def steps(self) -> int:
        """Batches of an epoch."""
        return max(1, round(len(self.pairs.query) / self.size))

    def _order(self, random: np.random.Generator) -> Numbers:
        """Small groups of one topic, the groups in random order."""
        mixed = random.permutation(len(self.topic))
        mixed = mixed[np.argsort(self.topic[mixed], kind="stable")]
        ends = np.flatnonzero(np.diff(self.topic[mixed])) + 1
        groups = [
            some[start : start + self.size // TOPICS]
            for some in np.split(mixed, ends)
            for start in range(0, len(some), self.size // TOPICS)
        ]
        return np.concatenate([groups[place] for place in random.permutation(len(groups))])

    def _batch(self, rows: Numbers, random: np.random.Generator) -> Batch:
        pairs = self.pairs
        asked, query = np.unique(pairs.query[rows], return_inverse=True)
        harder = np.array([random.choice(hard) if len(hard := pairs.hard[number]) else -1 for number in asked.tolist()], np.int64)
        shown = np.unique(np.concatenate([pairs.item[rows], harder[harder >= 0]]))
        related = np.array([[row in pairs.answers[number] for row in shown.tolist()] for number in asked.tolist()])
        item, other = np.searchsorted(shown, pairs.item[rows]), np.where(harder >= 0, np.searchsorted(shown, harder), -1)[query]
        tokens = [self.queries[n] for n in asked.tolist()], [self.items[row] for row in shown.tolist()]
        weight = np.zeros(0, np.float32) if pairs.weight is None else pairs.weight[rows]
        return Batch(*tokens, query, item, related, asked, shown, other, weight)


class Pieces:
    """Batches of made-up queries: a few words of a title shall find the title. They need no log and no judgement.

    As in the inverse cloze task (Lee et al. 2019); an item whose title holds all the words is no negative.
    """

    def __init__(self, model: Opened, texts: Sequence[str], items: Sequence[Tokens], seed: int = 7) -> None:
        self.model, self.texts, self.items, self.seed = model, texts, items, seed

    def steps(self) -> int:
        """Batches of an epoch."""
        return max(1, round(len(self.texts) / BATCH))

    def __call__(self, epoch: int) -> Iterator[Batch]:
        """Every title once, in random order."""
        random = np.random.default_rng((self.seed, epoch))
        order = random.permutation(len(self.texts))
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH].tolist()
            asked = [piece(self.texts[row], random) for row in rows]
            related = np.array([[holds(self.texts[row], query) for row in rows] for query in asked])
            np.fill_diagonal(related, True)
            own = np.arange(len(rows))
            yield Batch(self.model.tokens(asked, "query"), [self.items[row] for row in rows], own, own, related, shown=np.array(rows))


def _topics(model: Opened, queries: Sequence[Tokens], count: int, seed: int) -> Numbers:
    """``(queries,) int64``: a topic each, by k-means over the untouched model's vectors."""
    if count < 2:
        return np.zeros(len(queries), np.int64)
    model.net.eval()
    with torch.no_grad():
        vectors = model.vectors(queries).float().cpu().numpy()
    means = faiss.Kmeans(vectors.shape[1], count, niter=8, seed=seed, min_points_per_centroid=1)
    means.train(vectors)
    return np.asarray(means.index.search(vectors, 1)[1][:, 0], np.int64)
