"""Click, cart and purchase learned at once over all that was shown; training only."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aisle.ranking.ctr.layout import Shape
from aisle.ranking.ctr.parts_train import CtrNet, Embedded, hidden
from aisle.ranking.ctr.settings import Settings


class Esmm(CtrNet):
    """A tower each for p(click), p(cart | click) and p(purchase | cart) over shared embeddings. Fitted is their product, p(click) ·
    p(cart | click) for the cart and so on, on every case shown, so that what follows a click is not learned from clicked cases alone
    (Ma et al., "Entire Space Multi-Task Model", SIGIR 2018, equations 3 to 5; the cart is a step more, as in Wen et al., "Entire Space
    Multi-Task Modeling via Post-Click Behavior Decomposition", SIGIR 2020). The losses are `chain_train.cost`."""

    def __init__(self, shape: Shape, settings: Settings) -> None:
        super().__init__()
        self.embedded = Embedded(shape, settings.embedding_size)
        width = shape.columns * settings.embedding_size + shape.numbers
        self.towers = nn.ModuleList(
            nn.Sequential(*hidden(width, settings.layers, settings.dropout), nn.Linear(settings.layers[-1], 1, bias=False))
            for _ in range(1 + len(settings.outcomes))
        )

    def forward(self, ids: Tensor, numbers: Tensor) -> Tensor:
        """``(b,)``; with further outcomes ``(b, 1 + outcomes)``: of the label, then of each given the one before."""
        x = torch.cat([self.embedded(ids).flatten(1), numbers], 1)
        found = torch.cat([tower(x) for tower in self.towers], 1)
        return found if found.shape[1] > 1 else found.squeeze(1)
