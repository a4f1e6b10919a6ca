"""Deep Interest Network, and its control that weighs all last items alike; training only."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from aisle.core.errors import InputError
from aisle.ranking.ctr.layout import Shape
from aisle.ranking.ctr.net import Settings
from aisle.ranking.ctr.parts_train import CtrNet, Embedded

ATTENTION = 32
"""Width of the attention's hidden layer."""


class Din(CtrNet):
    """v_U(A) = Σ_j a(e_j, v_A) e_j: a user's last items weighed by what is asked about (Zhou et al., "Deep Interest Network", KDD 2018,
    equation 3), then hidden layers with PReLU over all embeddings and numbers.

    a is a small net over e, v and e ⊙ v (the paper's e − v is a sum of the first two); its weights are not normalised, as in the paper, so
    that many like items weigh more. An event's vector joins the embeddings of all columns that have a sequence, and v_A those of the same
    columns. The mini-batch aware L2 is `Settings.regularization`; of the paper's two activations PReLU is taken, not Dice.
    """

    attentive: ClassVar[bool] = True

    def __init__(self, shape: Shape, settings: Settings) -> None:
        super().__init__()
        if not shape.sequenced:
            raise InputError("The examples have no sequence of last items.", "Give one, or take a model that reads none (deepfm, dcn).")
        self.shape, size = shape, settings.embedding_size
        self.embedded = Embedded(shape, size)
        joined = size * len(shape.sequenced)
        if self.attentive:
            self.past, self.asked, self.both = nn.Linear(joined, ATTENTION), *(nn.Linear(joined, ATTENTION, bias=False) for _ in range(2))
            self.attention = nn.Sequential(nn.PReLU(), nn.Linear(ATTENTION, 1))
        width, parts = shape.columns * size + joined + shape.numbers, []
        for layer in settings.layers:
            parts += [nn.Linear(width, layer), nn.PReLU(), nn.Dropout(settings.dropout)]
            width = layer
        self.deep = nn.Sequential(*parts, nn.Linear(width, 1, bias=False))

    def forward(self, ids: Tensor, numbers: Tensor) -> Tensor:
        """``(b,)``."""
        fields = self.embedded(ids)
        interest = self._interest(ids, fields)
        return self.deep(torch.cat([fields.flatten(1), interest, numbers], 1)).squeeze(1)

    def _interest(self, ids: Tensor, fields: Tensor) -> Tensor:
        """``(b, joined)``."""
        shape = self.shape
        places = [slice(start, start + shape.length) for start in range(shape.columns, ids.shape[1], shape.length)]
        past = torch.cat([self.embedded.table(ids[:, place]) for place in places], 2)
        there = (ids[:, places[0]] != shape.missing[0]).unsqueeze(2).to(past.dtype)
        if not self.attentive:
            return (past * there).sum(1) / there.sum(1).clamp(min=1)
        asked = torch.cat([fields[:, column] for column in shape.sequenced], 1).unsqueeze(1)
        weight = self.attention(self.past(past) + self.asked(asked) + self.both(past * asked))
        return ((weight * there).transpose(1, 2) @ past).squeeze(1)


class MeanPooling(Din):
    """The control: the mean of the last items' vectors whatever is asked about (the base model of Zhou et al. 2018, section 4.2, with the
    mean for the sum)."""

    attentive: ClassVar[bool] = False
