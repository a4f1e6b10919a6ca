"""How texts learn to be compared token by token, beside being compared as a whole; training only."""

from __future__ import annotations

from typing import NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from aisle.text.device_train import placed
from aisle.text.model_train import Opened, Sentences
from aisle.text.token_head import SIZE, TokenHead, sampled


class Told(NamedTuple):
    """Tokens of texts: ``vectors`` ``(n, t, size)`` of unit length, ``weight`` ``(n, t)``, 0 where there is none."""

    vectors: Tensor
    weight: Tensor


class Late(nn.Module):  # type: ignore[misc]
    """Learns what `aisle.text.token_head.TokenHead` applies: which numbers of a state are kept, what a query's tokens count."""

    def __init__(self, begun: TokenHead) -> None:
        super().__init__()
        self.projection = nn.Parameter(torch.from_numpy(begun.projection.copy()))
        self.weight = nn.Parameter(torch.from_numpy(begun.weight.copy()))
        self.bias = nn.Parameter(torch.tensor([begun.bias]))

    @classmethod
    def of(cls, model: Opened, texts: list[str]) -> Self:
        """Begun with the largest directions of what ``model`` says of some of the ``texts``."""
        model.net.eval()
        with torch.no_grad():
            read = model.read(model.tokens(sampled(texts)))
        states = read.states[read.mask > 0].float().cpu().numpy()
        return placed(cls(TokenHead.principal(states, min(SIZE, states.shape[1]))))

    def forward(self, read: Sentences) -> Told:
        """Of the states of some texts."""
        vectors = functional.normalize(read.states @ self.projection.T, dim=-1)
        return Told(vectors, functional.softplus(read.states @ self.weight + self.bias) * read.mask)

    def scores(self, queries: Sentences, items: Sentences) -> Tensor:
        """``(queries, items)``: of each token of a query the largest product with any of the item's, in a weighted mean."""
        asked, told = self(queries), self(items)
        real = queries.mask > 0
        tokens, weight = asked.vectors[real], asked.weight[real]
        count, longest = items.mask.shape
        products = (tokens @ told.vectors.reshape(count * longest, -1).T).reshape(len(tokens), count, longest)
        best = (products + (items.mask - 1) * 4).max(2).values
        owner = torch.arange(len(real), device=real.device).repeat_interleave(real.sum(1))
        total = torch.zeros(len(real), count, device=best.device).index_add(0, owner, (best * weight[:, None]).float())
        return total / asked.weight.sum(1, keepdim=True)

    def head(self) -> TokenHead:
        """What was learned."""
        projection, weight = (tensor.detach().float().cpu().numpy() for tensor in (self.projection, self.weight))
        return TokenHead(projection, weight, float(self.bias.detach()))
