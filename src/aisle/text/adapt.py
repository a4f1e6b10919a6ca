"""A linear map on a frozen encoder, learned from judged or clicked pairs in under a minute: the first form of fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
BATCH, NEGATIVES = 128, 2_048
PATIENCE = 3


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
    stops when the last tenth of the queries no longer gains. The items' vectors stay as they are, so other sources share them.
    """

    learning_rate: float = 3e-4
    regularization: float = 1e-2
    epochs: int = 30
    temperature: float = 0.03
    seed: int = 7

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
        fitting, judging = _where(pairs, ~kept_out), _where(pairs, kept_out)
        best = self._loss(np.eye(queries.shape[1], dtype=np.float32), queries, items, judging, sample)
        weights, found, patience = np.eye(queries.shape[1], dtype=np.float32), None, PATIENCE
        state = _Adam(self.learning_rate, weights.shape)
        for _ in range(self.epochs):
            self._epoch(weights, state, queries, items, fitting, random)
            loss = self._loss(weights, queries, items, judging, sample)
            patience = PATIENCE if loss < best else patience - 1
            if loss < best:
                best, found = loss, weights.copy()
            if not patience:
                break
        return found

    def _epoch(self, weights: Floats, state: _Adam, queries: Floats, items: Floats, pairs: Pairs, random: np.random.Generator) -> None:
        identity = np.eye(len(weights), dtype=np.float32)
        order = random.permutation(len(pairs.query))
        for start in range(0, len(order), BATCH):
            batch = _where(pairs, order[start : start + BATCH])
            negatives = random.integers(len(items), size=NEGATIVES)
            gradient = self._gradient(weights, queries, items, batch, negatives)
            weights -= state.step(gradient + self.regularization * (weights - identity))

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


def _logsumexp(values: Floats) -> Floats:
    top = values.max(axis=1, keepdims=True)
    return np.asarray(top[:, 0] + np.log(np.exp(values - top).sum(axis=1)), np.float32)
