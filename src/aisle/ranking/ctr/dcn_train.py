"""Deep & Cross, version 2; training only."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aisle.ranking.ctr.layout import Shape
from aisle.ranking.ctr.net import Settings
from aisle.ranking.ctr.parts_train import CtrNet, Embedded, hidden

CROSSES = 2


class Dcn(CtrNet):
    """x_{l+1} = x_0 ⊙ (W_l x_l + b_l) + x_l beside hidden layers, their ends joined (Wang et al., "DCN V2", WWW 2021, equation 1 and the
    parallel structure of their figure 1b), two cross layers with full matrices."""

    def __init__(self, shape: Shape, settings: Settings) -> None:
        super().__init__()
        self.embedded = Embedded(shape, settings.embedding_size)
        width = shape.columns * settings.embedding_size + shape.numbers
        self.crosses = nn.ModuleList(nn.Linear(width, width) for _ in range(CROSSES))
        self.deep = hidden(width, settings.layers, settings.dropout)
        self.out = nn.Linear(width + settings.layers[-1], 1, bias=False)

    def forward(self, ids: Tensor, numbers: Tensor) -> Tensor:
        """``(b,)``."""
        first = torch.cat([self.embedded(ids).flatten(1), numbers], 1)
        x = first
        for cross in self.crosses:
            x = first * cross(x) + x
        return self.out(torch.cat([x, self.deep(first)], 1)).squeeze(1)
