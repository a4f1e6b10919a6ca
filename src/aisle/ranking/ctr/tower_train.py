"""The shallow tower for a bias: what the place on the page adds to the logit, learned beside the net and left out when serving."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import torch
from torch import Tensor, nn

from aisle.core.errors import InputError
from aisle.ranking.ctr.examples import Examples
from aisle.ranking.ctr.layout import MISSING, Layout


class Tower(nn.Module):  # type: ignore[misc]
    """One additive weight for each value, 0 for a missing one; in a tenth of the cases the value is hidden, so that the net does not lean
    on the tower alone (Zhao et al., "Recommending What Video to Watch Next", RecSys 2019, section 4.3)."""

    def __init__(self, size: int, hide: float = 0.1, values: Mapping[str, int] | None = None) -> None:
        super().__init__()
        self.values = dict(values or {})
        self.weight, self.hide = nn.Embedding(size, 1, padding_idx=MISSING), hide
        nn.init.zeros_(self.weight.weight)

    @classmethod
    def of(cls, column: str | None, examples: Examples) -> tuple[Self | None, Tensor]:
        """The tower for a category and each case's place in it; none and zeros without one. Raises `InputError` for an unknown column."""
        if column is None:
            return None, torch.zeros(len(examples), dtype=torch.int64)
        if column not in examples.categories:
            raise InputError(f"The examples have no category `{column}` for the tower.", f"There are: {', '.join(examples.categories)}.")
        layout = Layout().fit(examples.only(column))
        return cls(layout.shape.size, values=layout.known_[column]), torch.from_numpy(layout.apply(examples.only(column)).ids[:, 0])

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def weights(self, mean: float) -> dict[str, float]:
        """What each value adds to the logit beside the ``mean``."""
        return {value: float(self.weight.weight[place, 0]) - mean for value, place in self.values.items()}

    def forward(self, place: Tensor) -> Tensor:
        """``(b,)``."""
        if self.training:
            place = torch.where(torch.rand(place.shape) < self.hide, MISSING, place)
        return self.weight(place).squeeze(1)

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def mean(self, place: Tensor) -> float:
        """What it adds on average: taken into the bias when the tower is left out."""
        return float(self.weight(place).mean())
