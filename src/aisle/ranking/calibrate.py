"""Calibration: from a model's score to the probability that it happens, by a monotone curve, so that the order stays as it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Real = NDArray[np.float64]
State = Mapping[str, float | Sequence[float]]
FLATTEST, STEEPEST = 6e-6, 400.0
"""Bounds of the slope: never quite flat, so that a score that says nothing still orders; never a step."""


class Calibrator:
    """A monotone curve from score to probability, in one of two shapes.

    ``platt``: p = σ(a·s + b) with a > 0 and smoothed targets (Platt 1999), strictly monotone, so no ties are made; ``s`` is the score in
    units of the spread seen in fitting. ``isotonic``: the rates of pooled adjacent violators (Zadrozny & Elkan 2002), joined by straight
    lines: any monotone shape, but flat in places and in want of some thousand cases. With one class only, both give its smoothed share.

    >>> Calibrator().fit(np.array([0.0, 1, 2, 3]), np.array([0.0, 0, 1, 1])).apply(np.array([0.0, 3.0, np.nan])).round(2).tolist()
    [0.2, 0.8, nan]
    """

    def __init__(self, method: Literal["platt", "isotonic"] = "platt") -> None:
        self.method = method
        self.middle_, self.spread_, self.slope_, self.bias_ = 0.0, 1.0, 1.0, 0.0
        self.at_, self.rate_ = np.zeros(0), np.zeros(0)

    def fit(self, scores: Floats, labels: Floats) -> Self:
        """``scores`` ``(n,)``, rows with NaN are left out; ``labels`` ``(n,)`` 0 or 1."""
        known = np.isfinite(scores) & np.isfinite(labels)
        s, y = scores[known].astype(np.float64), labels[known].astype(np.float64)
        self.middle_, self.spread_ = (float(s.mean()), float(s.std()) or 1.0) if len(s) else (0.0, 1.0)
        x = (s - self.middle_) / self.spread_
        self.slope_, self.bias_ = _platt(x, y)
        if self.method == "isotonic" and 0 < y.sum() < len(y):
            self.at_, self.rate_ = _isotonic(x, y)
        return self

    def apply(self, scores: Floats) -> Real:
        """``(n,) float64`` probabilities, NaN stays NaN, infinities take the ends of the curve."""
        x = (np.asarray(scores, np.float64) - self.middle_) / self.spread_
        if len(self.at_):
            return np.where(np.isnan(x), np.nan, np.interp(np.nan_to_num(x), self.at_, self.rate_))
        return _sigmoid(self.slope_ * x + self.bias_)

    def to_dict(self) -> dict[str, float | Sequence[float]]:
        """The fitted numbers, fit for JSON."""
        line = {"middle": self.middle_, "spread": self.spread_, "slope": self.slope_, "bias": self.bias_}
        return {**line, "at": self.at_.tolist(), "rate": self.rate_.tolist()} if len(self.at_) else {**line}

    @classmethod
    def from_dict(cls, state: State) -> Self:
        """From what `to_dict` gave."""
        model = cls("isotonic" if "at" in state else "platt")
        numbers = (float(np.asarray(state[name], np.float64)) for name in ("middle", "spread", "slope", "bias"))
        model.middle_, model.spread_, model.slope_, model.bias_ = numbers
        model.at_, model.rate_ = np.asarray(state.get("at", ()), np.float64), np.asarray(state.get("rate", ()), np.float64)
        return model


def _sigmoid(logit: Real) -> Real:
    return np.asarray(1 / (1 + np.exp(-np.clip(logit, -60, 60))), np.float64)


def _platt(x: Real, y: Real) -> tuple[float, float]:
    """Slope and bias by Newton's method with backtracking (Lin, Lin & Weng 2007), the slope kept in its bounds."""
    hits, misses = float(y.sum()), float(len(y) - y.sum())
    target = np.where(y > 0, (hits + 1) / (hits + 2), 1 / (misses + 2))
    flat = np.log((hits + 1) / (misses + 1))
    if not hits or not misses:
        return FLATTEST, float(flat)
    theta = np.array([0.0, flat])
    loss = _loss(theta, x, target)
    for _ in range(100):
        p = _sigmoid(theta[0] * x + theta[1])
        push, weight = p - target, np.maximum(p * (1 - p), 1e-12)
        slope = np.array([push @ x, push.sum()])
        bend = np.array([[weight @ (x * x), weight @ x], [weight @ x, weight.sum()]]) + 1e-12 * np.eye(2)
        step = np.linalg.solve(bend, slope)
        size = 1.0
        while (less := _loss(theta - size * step, x, target)) > loss and size > 1e-10:
            size /= 2
        theta, gain, loss = theta - size * step, loss - less, less
        if gain < 1e-12 * (1 + abs(loss)):
            break
    if theta[0] <= FLATTEST:
        return FLATTEST, float(flat)
    return float(min(theta[0], STEEPEST)), float(np.clip(theta[1], -30, 30))


def _loss(theta: Real, x: Real, target: Real) -> float:
    logit = theta[0] * x + theta[1]
    return float((np.logaddexp(0, logit) - target * logit).sum())


def _isotonic(x: Real, y: Real) -> tuple[Real, Real]:
    """Centres and rates of the pooled blocks; each block's rate leans on the overall one by one case, so that none is exactly 0 or 1."""
    places, which = np.unique(x, return_inverse=True)
    count = np.bincount(which).astype(np.float64)
    hits = np.bincount(which, y)
    blocks: list[tuple[float, float, float]] = []  # hits, cases, sum of x
    for block in zip(hits.tolist(), count.tolist(), (places * count).tolist(), strict=True):
        grown = block
        while blocks and blocks[-1][0] * grown[1] >= grown[0] * blocks[-1][1]:
            last = blocks.pop()
            grown = (last[0] + grown[0], last[1] + grown[1], last[2] + grown[2])
        blocks.append(grown)
    good, size, total = np.array(blocks).T
    overall = (y.sum() + 1) / (len(y) + 2)
    return total / size, np.maximum.accumulate((good + overall) / (size + 1))
