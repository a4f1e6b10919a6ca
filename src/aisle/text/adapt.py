"""A linear map on a frozen encoder, learned from judged or clicked pairs in under a minute: the first form of fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
BATCH, NEGATIVES = 128, 2_048
PATIENCE = 3
MOST, MOST_JUDGED = 40_000, 4_000
"""Pairs that a map learns from, and by which it is judged, where there are more: 150,000 took a minute and a half."""


@dataclass(frozen=True)
class Pairs:
    """``m`` relevant pairs: ``query`` and ``item`` ``(m,) int`` rows of the two tables of vectors, ``weight`` ``(m,) float32`` above 0."""

    query: NDArray[np.integer]
    item: NDArray[np.integer]
    weight: Floats


@dataclass(frozen=True)
class Adapter:
    """Learns ``W`` ``(d, d) float32`` so that ``W @ query`` lies near its relevant items and far from others.

    Softmax over each batch's items and a fresh sample of the catalogue (Bengio and Senécal 2008), Adam, drawn towards the identity;
    stops when the last tenth of the queries no longer gains. The items' vectors stay as they are, so other sources share them. With a
    ``rank`` it is the identity and a product of two thin matrices (Hu et al. 2021): ``2 rank / d`` of the numbers.
    """

    learning_rate: float = 3e-4
    regularization: float = 1e-2
    epochs: int = 30
    temperature: float = 0.03
    seed: int = 7
    rank: int = 0

    def fit(self, queries: Floats, items: Floats, pairs: Pairs) -> Floats | None:
        """``queries`` ``(q, d)`` and ``items`` ``(n, d)`` float32 of unit length; every item is a possible negative.

        None when the map does not beat the identity on the queries kept out, or when there are fewer than fifty queries.
        """
        random = np.random.default_rng(self.seed)
        known = random.permutation(np.unique(pairs.query))
        if len(known) < 50:
            return None
        kept_out = np.isin(pairs.query, known[-max(len(known) // 10, 5) :])
        sample = random.choice(len(items), min(len(items), 4 * NEGATIVES), replace=False)
        fitting, judging = (_few(pairs, mask, most, random) for mask, most in ((~kept_out, MOST), (kept_out, MOST_JUDGED)))
        best = self._loss(np.eye(queries.shape[1], dtype=np.float32), queries, items, judging, sample)
        size, found, patience = queries.shape[1], None, PATIENCE
        turn = _Thin(self.learning_rate, size, self.rank, random) if self.rank else _Whole(self.learning_rate, size)
        for _ in range(self.epochs):
            self._epoch(turn, queries, items, fitting, random)
            loss = self._loss(turn.weights, queries, items, judging, sample)
            patience = PATIENCE if loss < best else patience - 1
            if loss < best:
                best, found = loss, turn.weights.copy()
            if not patience:
                break
        return found

    def _epoch(self, turn: _Whole | _Thin, queries: Floats, items: Floats, pairs: Pairs, random: np.random.Generator) -> None:
        identity = np.eye(queries.shape[1], dtype=np.float32)
        order = random.permutation(len(pairs.query))
        for start in range(0, len(order), BATCH):
            batch = _where(pairs, order[start : start + BATCH])
            negatives = random.integers(len(items), size=NEGATIVES)
            weights = turn.weights
            gradient = self._gradient(weights, queries, items, batch, negatives)
            turn.move(gradient + self.regularization * (weights - identity))

    def _gradient(self, weights: Floats, queries: Floats, items: Floats, batch: Pairs, negatives: NDArray[np.int64]) -> Floats:
        asked, shown = queries[batch.query], items[np.concatenate([batch.item, negatives])]
        share = self._shares(weights, asked, shown, batch)
        share[np.arange(len(asked)), np.arange(len(asked))] -= 1
        scaled = share * (batch.weight / batch.weight.sum())[:, None] / self.temperature
        return np.asarray((scaled @ shown).T @ asked, np.float32)

    def _shares(self, weights: Floats, asked: Floats, shown: Floats, batch: Pairs) -> Floats:
        """``(b, b + negatives)``: the softmax; another pair's item is no negative for the same query."""
        logits = (asked @ weights.T) @ shown.T / self.temperature
        same = batch.query[:, None] == batch.query[None, :]
        np.fill_diagonal(same, False)
        logits[:, : len(asked)][same] = -np.inf
        logits -= logits.max(axis=1, keepdims=True)
        share = np.exp(logits)
        return np.asarray(share / share.sum(axis=1, keepdims=True), np.float32)

    def _loss(self, weights: Floats, queries: Floats, items: Floats, pairs: Pairs, sample: NDArray[np.int64]) -> float:
        """Mean cross-entropy of the relevant item against a fixed sample."""
        turned = queries[pairs.query] @ weights.T
        own = (turned * items[pairs.item]).sum(axis=1, keepdims=True)
        others = (turned @ items[sample].T - own) / self.temperature
        return float(np.average(np.logaddexp(0, _logsumexp(others)), weights=pairs.weight))


class _Whole:
    """The map itself, from the identity on."""

    def __init__(self, rate: float, size: int) -> None:
        self.weights: Floats = np.eye(size, dtype=np.float32)
        self.state = _Adam(rate, self.weights.shape)

    def move(self, gradient: Floats) -> None:
        self.weights = self.weights - self.state.step(gradient)


class _Thin:
    """The identity and ``up @ down``, which begins at nothing."""

    def __init__(self, rate: float, size: int, rank: int, random: np.random.Generator) -> None:
        self.up = np.zeros((size, rank), np.float32)
        self.down = (random.standard_normal((rank, size)) / np.sqrt(rank)).astype(np.float32)
        self.states = _Adam(rate, self.up.shape), _Adam(rate, self.down.shape)

    @property
    def weights(self) -> Floats:
        return np.eye(len(self.up), dtype=np.float32) + self.up @ self.down

    def move(self, gradient: Floats) -> None:
        """By the chain rule, both from where they stand."""
        up, down = gradient @ self.down.T, self.up.T @ gradient
        self.up, self.down = self.up - self.states[0].step(up), self.down - self.states[1].step(down)


class _Adam:
    """Kingma and Ba 2015."""

    def __init__(self, rate: float, shape: tuple[int, ...]) -> None:
        self.rate, self.steps = rate, 0
        self.mean, self.square = np.zeros(shape, np.float32), np.zeros(shape, np.float32)

    def step(self, gradient: Floats) -> Floats:
        self.steps += 1
        self.mean += 0.1 * (gradient - self.mean)
        self.square += 0.001 * (gradient**2 - self.square)
        mean, square = self.mean / (1 - 0.9**self.steps), self.square / (1 - 0.999**self.steps)
        return np.asarray(self.rate * mean / (np.sqrt(square) + 1e-8), np.float32)


def _where(pairs: Pairs, rows: NDArray[np.integer] | NDArray[np.bool_]) -> Pairs:
    return Pairs(pairs.query[rows], pairs.item[rows], pairs.weight[rows])


def _few(pairs: Pairs, mask: NDArray[np.bool_], most: int, random: np.random.Generator) -> Pairs:
    """At most so many of the pairs that the mask keeps, drawn without regard to their query."""
    rows = np.flatnonzero(mask)
    return _where(pairs, rows if len(rows) <= most else np.sort(random.choice(rows, most, replace=False)))


def _logsumexp(values: Floats) -> Floats:
    top = values.max(axis=1, keepdims=True)
    return np.asarray(top[:, 0] + np.log(np.exp(values - top).sum(axis=1)), np.float32)
