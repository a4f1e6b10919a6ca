"""Wide & Deep; training only."""

from __future__ import annotations

from itertools import combinations

import torch
from torch import Tensor, nn

from aisle.ranking.ctr.layout import Shape
from aisle.ranking.ctr.net import Settings
from aisle.ranking.ctr.parts_train import CtrNet, Embedded, Linear, hidden

CROSSED = 1 << 16
"""Weights that the crossed pairs share by hashing."""
PRIME = 1_000_003


class WideDeep(CtrNet):
    """z = b + w_wide · [x, φ(x)] + w_deep · a(x) (Cheng et al., "Wide & Deep Learning for Recommender Systems", DLRS 2016, equation 3).

    φ crosses every two categories (their equation 1), hashed into one table; a is the last hidden layer over embeddings and numbers. Both
    sides are fitted jointly by one optimiser, where the paper has FTRL for the wide and AdaGrad for the deep side.
    """

    def __init__(self, shape: Shape, settings: Settings) -> None:
        super().__init__()
        self.linear, self.embedded = Linear(shape), Embedded(shape, settings.embedding_size)
        self.couples = list(combinations(range(shape.columns), 2))
        self.crossed = nn.Embedding(CROSSED, 1)
        nn.init.zeros_(self.crossed.weight)
        self.deep = hidden(shape.columns * settings.embedding_size + shape.numbers, settings.layers, settings.dropout)
        self.out = nn.Linear(settings.layers[-1], 1, bias=False)

    def forward(self, ids: Tensor, numbers: Tensor) -> Tensor:
        """``(b,)``."""
        deep = self.deep(torch.cat([self.embedded(ids).flatten(1), numbers], 1))
        z = self.linear(ids, numbers) + self.out(deep).squeeze(1)
        return z + self._crosses(ids).sum((1, 2)) if self.couples else z

    def _crosses(self, ids: Tensor) -> Tensor:
        """``(b, couples, 1)``."""
        one, other = (ids[:, [couple[side] for couple in self.couples]] for side in (0, 1))
        return self.crossed((one * PRIME + other) % CROSSED)

    def penalty(self, ids: Tensor) -> Tensor:
        """The crossed weights too."""
        return super().penalty(ids) + self._crosses(ids).square().sum((1, 2)).mean() if self.couples else super().penalty(ids)
