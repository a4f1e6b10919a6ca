"""DeepFM; training only."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aisle.ranking.ctr.layout import Shape
from aisle.ranking.ctr.net import Settings
from aisle.ranking.ctr.parts_train import CtrNet, Embedded, Linear, Numbered, hidden, pairs


class DeepFm(CtrNet):
    """z = y_FM + y_DNN, both over the same embeddings (Guo et al., "DeepFM", IJCAI 2017, equations 1 to 4)."""

    def __init__(self, shape: Shape, settings: Settings) -> None:
        super().__init__()
        self.linear, self.embedded = Linear(shape), Embedded(shape, settings.embedding_size)
        self.numbered = Numbered(shape, settings.embedding_size)
        fields = shape.columns + shape.numbers
        self.deep = hidden(fields * settings.embedding_size, settings.layers, settings.dropout)
        self.out = nn.Linear(settings.layers[-1], 1, bias=False)

    def forward(self, ids: Tensor, numbers: Tensor) -> Tensor:
        """``(b,)``."""
        fields = torch.cat([self.embedded(ids), self.numbered(numbers)], 1)
        return self.linear(ids, numbers) + pairs(fields) + self.out(self.deep(fields.flatten(1))).squeeze(1)
