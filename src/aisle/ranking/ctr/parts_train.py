"""What the nets are made of: embeddings of categories and numbers, first-order weights, hidden layers; training only."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from aisle.ranking.ctr.layout import Shape


class Linear(nn.Module):  # type: ignore[misc]
    """⟨w, x⟩: a weight for each category's value and for each number, zero at first."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.columns = shape.columns
        self.weight = nn.Embedding(shape.size, 1)
        self.number = nn.Linear(shape.numbers, 1, bias=False)
        nn.init.zeros_(self.weight.weight)
        nn.init.zeros_(self.number.weight)

    def forward(self, ids: Tensor, numbers: Tensor) -> Tensor:
        """``(b,)``."""
        return self.weight(ids[:, : self.columns]).sum((1, 2)) + self.number(numbers).squeeze(1)

    def touched(self, ids: Tensor) -> Tensor:
        """The squares of the weights that a case touches, summed, as a mean over the cases."""
        return self.weight(ids[:, : self.columns]).square().sum((1, 2)).mean()


class Embedded(nn.Module):  # type: ignore[misc]
    """The vectors of each case's fields, small and random at first."""

    def __init__(self, shape: Shape, size: int) -> None:
        super().__init__()
        self.columns, self.size = shape.columns, size
        self.table = nn.Embedding(shape.size, size)
        nn.init.normal_(self.table.weight, std=0.1)

    def forward(self, ids: Tensor) -> Tensor:
        """``(b, columns, d)``."""
        return self.table(ids[:, : self.columns])

    def touched(self, ids: Tensor) -> Tensor:
        """The squares of the vectors that a case touches, summed, as a mean over the cases (Zhou et al. 2018, section 5.1)."""
        return self.table(ids).square().sum((1, 2)).mean()


class Numbered(nn.Module):  # type: ignore[misc]
    """Numbers as fields: x_j v_j (Rendle 2010)."""

    def __init__(self, shape: Shape, size: int) -> None:
        super().__init__()
        self.vectors = nn.Parameter(torch.randn(shape.numbers, size) * 0.1)

    def forward(self, numbers: Tensor) -> Tensor:
        """``(b, m, d)``."""
        return numbers[:, :, None] * self.vectors


class CtrNet(nn.Module):  # type: ignore[misc]
    """A net from ``ids`` and ``numbers`` (`layout.Inputs`) to the logit ``(b,)``."""

    def penalty(self, ids: Tensor) -> Tensor:
        """What `Settings.regularization` weighs: all that the cases touch of the large tables."""
        return torch.stack([part.touched(ids) for part in self.modules() if isinstance(part, Linear | Embedded)]).sum()


def hidden(width: int, layers: Sequence[int], dropout: float) -> nn.Sequential:
    """Fully connected layers with rectifiers and dropout."""
    parts: list[nn.Module] = []
    for size in layers:
        parts += [nn.Linear(width, size), nn.ReLU(), nn.Dropout(dropout)]
        width = size
    return nn.Sequential(*parts)


def pairs(fields: Tensor) -> Tensor:
    """``(b,)``: Σ_{i<j} ⟨e_i, e_j⟩ over fields ``(b, f, d)`` as ½ Σ_d [(Σ e)² − Σ e²] (Rendle 2010, lemma 3.1)."""
    return 0.5 * (fields.sum(1).square() - fields.square().sum(1)).sum(1)
