"""Logistic regression, the article's click-through rate: p = σ(⟨θ, x⟩), fitted with cross-entropy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
Vector = NDArray[np.float64]


class Logistic:
    """σ(⟨θ, x⟩) over standardised features, each joined by a flag that says it is missing (the feature itself is then its mean, 0).

    ``regularization`` is the weight of the L2 penalty per example (scikit-learn's ``1 / (C n)``).
    """

    name = "logistic"
    link = "logistic"

    def __init__(self, regularization: float = 1e-4, epochs: int = 200) -> None:
        self.regularization, self.epochs = regularization, epochs

    def fit(self, x: Matrix, y: NDArray[np.floating], weight: NDArray[np.floating] | None = None) -> Self:
        """``x`` ``(n, f)`` with NaN for missing, ``y`` ``(n,)`` 0 or 1. With one class only, the answer is that class's share."""
        from sklearn.linear_model import LogisticRegression

        finite = np.isfinite(x)
        count = np.maximum(finite.sum(axis=0), 1)
        self.mean_ = np.where(finite, x, 0).sum(axis=0, dtype=np.float64) / count
        spread = np.sqrt((np.where(finite, x - self.mean_, 0) ** 2).sum(axis=0, dtype=np.float64) / count)
        self.scale_ = np.where(spread > 0, spread, 1.0)
        self.flagged_ = np.flatnonzero(~finite.all(axis=0))
        share = float(np.clip(np.mean(y), 1e-9, 1 - 1e-9))
        self.theta_, self.bias_ = np.zeros(x.shape[1] + len(self.flagged_)), float(np.log(share / (1 - share)))
        if len(np.unique(y)) == 2:
            model = LogisticRegression(C=1 / (self.regularization * len(y)), max_iter=self.epochs, tol=1e-3)
            model.fit(self._expand(x), y, sample_weight=weight)
            self.theta_, self.bias_ = model.coef_[0].astype(np.float64), float(model.intercept_[0])
        return self

    def score(self, x: Matrix) -> NDArray[np.float32]:
        """``(n,) float32`` probabilities."""
        logit = self._expand(x) @ self.theta_ + self.bias_
        return (1 / (1 + np.exp(-np.clip(logit, -40, 40)))).astype(np.float32)

    def raw(self, x: Matrix) -> NDArray[np.float64]:
        """``(n,) float64``: ⟨θ, x⟩."""
        return np.asarray(self._expand(x) @ self.theta_ + self.bias_, np.float64)

    def contributions(self, x: Matrix) -> NDArray[np.float64]:
        """``(n, f + 1) float64``: what each feature, with its flag, adds to `raw`; the bias comes last."""
        parts = self._expand(x) * self.theta_
        each = parts[:, : x.shape[1]].astype(np.float64)
        each[:, self.flagged_] += parts[:, x.shape[1] :]
        return np.column_stack([each, np.full(len(x), self.bias_)])

    def _expand(self, x: Matrix) -> NDArray[np.float32]:
        missing = ~np.isfinite(x)
        result = np.empty((len(x), x.shape[1] + len(self.flagged_)), np.float32)
        standard = result[:, : x.shape[1]]
        np.subtract(x, self.mean_, out=standard, casting="same_kind")
        standard /= self.scale_
        np.clip(standard, -8, 8, out=standard)
        standard[missing] = 0
        result[:, x.shape[1] :] = missing[:, self.flagged_]
        return result

    def save(self, folder: Path) -> None:
        """Write ``logistic.json``."""
        folder.mkdir(parents=True, exist_ok=True)
        state = {
            "mean": self.mean_.tolist(),
            "scale": self.scale_.tolist(),
            "flagged": self.flagged_.tolist(),
            "theta": self.theta_.tolist(),
            "bias": self.bias_,
        }
        (folder / "logistic.json").write_text(json.dumps(state), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open what `save` wrote."""
        state = json.loads((folder / "logistic.json").read_text(encoding="utf-8"))
        model = cls()
        model.mean_, model.scale_, model.theta_ = (np.array(state[name], np.float64) for name in ("mean", "scale", "theta"))
        model.flagged_, model.bias_ = np.array(state["flagged"], np.int64), float(state["bias"])
        return model
