"""Logistic regression over the table of examples; training only."""

from __future__ import annotations

from torch import Tensor

from aisle.ranking.ctr.layout import Shape
from aisle.ranking.ctr.net import Settings
from aisle.ranking.ctr.parts_train import CtrNet, Linear


class Lr(CtrNet):
    """p = σ(b + ⟨w, x⟩) over one-hot categories and numbers, by stochastic gradient descent on cross-entropy with L2 (Richardson et al.,
    "Predicting Clicks", WWW 2007)."""

    def __init__(self, shape: Shape, settings: Settings) -> None:
        super().__init__()
        self.linear = Linear(shape)

    def forward(self, ids: Tensor, numbers: Tensor) -> Tensor:
        """``(b,)``."""
        return self.linear(ids, numbers)
