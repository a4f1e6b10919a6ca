"""Numeric columns brought to one scale: standard, log or quantile, fitted on window 1 only; missing stays missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
How = Literal["standard", "log", "quantile"]
STEPS = 1_000


@dataclass
class Normaliser:
    """One column's transform. `fit` sees the values of window 1 and nothing later; `apply` takes any values, NaN stays NaN.

    - ``standard``: less the mean, over the standard deviation.
    - ``log``: the sign times log(1 + size), then standard; for prices and counts.
    - ``quantile``: the share of fitted values below (half of those equal), in [0, 1]; order only.
    """

    how: How = "standard"
    mean_: float = 0.0
    scale_: float = 1.0
    knots_: Floats | None = None

    def fit(self, values: Floats) -> Self:
        """Learn from ``(n,)`` values; without a finite one the transform leaves values as they are."""
        known = values[np.isfinite(values)].astype(np.float64)
        if self.how == "quantile":
            self.knots_ = np.quantile(known, np.linspace(0, 1, min(STEPS, len(known)))) if len(known) else np.zeros(0)
        elif len(known):
            shown = _log(known) if self.how == "log" else known
            self.mean_, spread = float(shown.mean()), float(shown.std())
            self.scale_ = spread if spread > 1e-12 * max(1.0, abs(self.mean_)) else 1.0
        return self

    def apply(self, values: Floats) -> Floats:
        """``(n,) float64``; infinite values are taken as missing."""
        shown = np.where(np.isfinite(values), values, np.nan).astype(np.float64)
        if self.how == "quantile":
            return self._shares(shown)
        return ((_log(shown) if self.how == "log" else shown) - self.mean_) / self.scale_

    def _shares(self, values: Floats) -> Floats:
        knots = self.knots_ if self.knots_ is not None else np.zeros(0)
        if not len(knots):
            return values
        below, upto = np.searchsorted(knots, values, "left"), np.searchsorted(knots, values, "right")
        return np.where(np.isnan(values), np.nan, (below + upto) / (2 * len(knots)))

    def to_dict(self) -> dict[str, str | float | list[float]]:
        """JSON-able; `from_dict` reads it."""
        return {"how": self.how, "mean": self.mean_, "scale": self.scale_, "knots": [] if self.knots_ is None else self.knots_.tolist()}

    @classmethod
    def from_dict(cls, state: Mapping[str, object]) -> Self:
        """What `to_dict` gave. Raises `ValueError` for an unknown transform."""
        how = state["how"]
        if how not in ("standard", "log", "quantile"):
            raise ValueError(f"There is no transform {how!r}.")
        knots = np.array(state["knots"], np.float64)
        made = cls(how, float(str(state["mean"])), float(str(state["scale"])))
        made.knots_ = knots if len(knots) else None
        return made


def _log(values: Floats) -> Floats:
    return np.sign(values) * np.log1p(np.abs(values))
