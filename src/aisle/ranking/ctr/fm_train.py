"""The factorisation machine; training only."""

from __future__ import annotations

import torch
from torch import Tensor

from aisle.ranking.ctr.layout import Shape
from aisle.ranking.ctr.net import Settings
from aisle.ranking.ctr.parts_train import CtrNet, Embedded, Linear, Numbered, pairs


class Fm(CtrNet):
    """z = b + Σ w_i x_i + Σ_{i<j} ⟨v_i, v_j⟩ x_i x_j (Rendle, "Factorization Machines", ICDM 2010, equation 1)."""

    def __init__(self, shape: Shape, settings: Settings) -> None:
        super().__init__()
        self.linear, self.embedded = Linear(shape), Embedded(shape, settings.embedding_size)
        self.numbered = Numbered(shape, settings.embedding_size)

    def forward(self, ids: Tensor, numbers: Tensor) -> Tensor:
        """``(b,)``."""
        return self.linear(ids, numbers) + pairs(torch.cat([self.embedded(ids), self.numbered(numbers)], 1))
