"""Logistic regression learned online, one case at a time, each weight at its own pace: FTRL-Proximal; no torch needed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.ranking.ctr.base import Ctr, Floats
from aisle.ranking.ctr.examples import Examples
from aisle.ranking.ctr.layout import Inputs, Layout

SETTINGS = ("learning_rate", "beta", "sparsity", "regularization")


class Ftrl(Ctr):
    """w_i = 0 where |z_i| ≤ λ1, else −(z_i − sgn(z_i) λ1) / ((β + √n_i)/α + λ2); after each case g = (p − y) x, σ = (√(n + g²) − √n)/α,
    z += g − σ w, n += g² (McMahan et al., "Ad Click Prediction: a View from the Trenches", KDD 2013, algorithm 1).

    ``learning_rate`` is α, ``sparsity`` λ1 (rare values get no weight at all), ``regularization`` λ2. The bias has neither.
    """

    name = "ftrl"

    def __init__(
        self,
        learning_rate: float = 0.05,
        beta: float = 1.0,
        sparsity: float = 0.1,
        regularization: float = 1.0,
        layout: Layout | None = None,
    ) -> None:
        super().__init__()
        self.learning_rate, self.beta, self.sparsity, self.regularization = learning_rate, beta, sparsity, regularization
        self.layout = layout or Layout()

    def _fit(self, examples: Examples) -> None:
        self.layout = replace(self.layout).fit(examples)
        shape = self.layout.shape
        self.z_, self.n_ = np.zeros(shape.size + shape.numbers + 1), np.zeros(shape.size + shape.numbers + 1)
        self.learn(examples)

    def learn(self, examples: Examples) -> None:
        """Go on with later cases, one after another; values not known when it was fitted train what stands for the unknown."""
        inputs = self.layout.apply(examples)
        places, values = self._sparse(inputs)
        for place, x, y in zip(places, values, examples.label.tolist(), strict=True):
            w, n = self._weights(place), self.n_[place]
            p = 1 / (1 + np.exp(-min(max(float(w @ x), -35.0), 35.0)))
            g = (p - y) * x
            after = n + g * g
            self.z_[place] += g - (np.sqrt(after) - np.sqrt(n)) / self.learning_rate * w
            self.n_[place] = after

    def _sparse(self, inputs: Inputs) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Places of the weights and their values, each ``(n, columns + numbers + 1)``: values of categories are 1, the bias comes last."""
        shape, rows = self.layout.shape, len(inputs.numbers)
        own = np.broadcast_to(shape.size + np.arange(shape.numbers + 1), (rows, shape.numbers + 1))
        ids = inputs.ids[:, : shape.columns]
        return np.hstack([ids, own]), np.hstack([np.ones(ids.shape), inputs.numbers, np.ones((rows, 1))])

    def _weights(self, place: NDArray[np.int64]) -> Floats:
        z = self.z_[place]
        free = place == len(self.z_) - 1
        shrunk = np.sign(z) * np.maximum(np.abs(z) - np.where(free, 0, self.sparsity), 0)
        return np.asarray(-shrunk / ((self.beta + np.sqrt(self.n_[place])) / self.learning_rate + np.where(free, 0, self.regularization)))

    def raw(self, examples: Examples) -> Floats:
        """``(n,) float64``."""
        places, values = self._sparse(self.layout.apply(examples))
        weights = self._weights(np.arange(len(self.z_)))
        return np.asarray((weights[places] * values).sum(axis=1))

    def _write(self, folder: Path) -> dict[str, Any]:
        np.save(folder / "z.npy", self.z_)
        np.save(folder / "n.npy", self.n_)
        return {**{name: getattr(self, name) for name in SETTINGS}, "layout": self.layout.to_dict()}

    def _read(self, folder: Path, state: dict[str, Any]) -> None:
        self.layout = Layout.from_dict(state["layout"])
        for name in SETTINGS:
            setattr(self, name, state[name])
        self.z_, self.n_ = (np.load(folder / f"{name}.npy", allow_pickle=False) for name in ("z", "n"))
