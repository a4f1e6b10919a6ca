"""The shallow tower for a bias: what the place on the page adds to the logit, learned beside the net and left out when serving."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from aisle.core.errors import InputError
from aisle.ranking.ctr.examples import Examples
from aisle.ranking.ctr.layout import MISSING, Layout

FARTHEST, HALVINGS = 20.0, 40
"""Between which logits a level is looked for, and how often the distance is halved."""
PRIOR = 20.0
"""Cases by which a value's rate is drawn to that of all."""


class Tower(nn.Module):  # type: ignore[misc]
    """One additive weight for each value, 0 for a missing one; in a tenth of the cases the value is hidden, so that the net does not lean
    on the tower alone (Zhao et al., "Recommending What Video to Watch Next", RecSys 2019, section 4.3). It begins at each value's log odds
    beside those of all: a net is done long before a single weight has moved so far by small steps."""

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
        place, made = layout.apply(examples.only(column)).ids[:, 0], cls(layout.shape.size, values=layout.known_[column])
        made.weight.weight.data[:, 0] = torch.from_numpy(_beyond(place, examples.label, layout.shape.size))
        return made, torch.from_numpy(place)

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def weights(self, level: float) -> dict[str, float]:
        """What each value adds to the logit beside the `level`."""
        return {value: float(self.weight.weight[place, 0]) - level for value, place in self.values.items()}

    def forward(self, place: Tensor) -> Tensor:
        """``(b,)``."""
        if self.training:
            place = torch.where(torch.rand(place.shape) < self.hide, MISSING, place)
        return self.weight(place).squeeze(1)

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def level(self, logits: Tensor, place: Tensor) -> float:
        """What, added to all ``logits`` ``(n,)`` alike, makes as many cases happen as the tower's own weights do: taken into the bias when
        the tower is left out. Their mean would make too few."""
        wanted, low, high = torch.sigmoid(logits + self.weight(place).squeeze(1)).mean(), -FARTHEST, FARTHEST
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if torch.sigmoid(logits + middle).mean() < wanted else (low, middle)
        return (low + high) / 2


def _beyond(place: NDArray[np.int64], label: NDArray[np.float64], size: int) -> NDArray[np.float32]:
    """``(size,) float32``: each value's log odds less those of all, drawn to them by `PRIOR` cases; 0 for a missing one."""
    rate = label.mean()
    each = (np.bincount(place, label, minlength=size) + PRIOR * rate) / (np.bincount(place, minlength=size) + PRIOR)
    found = np.log(each / (1 - each)) - np.log(rate / (1 - rate))
    found[MISSING] = 0.0
    return np.asarray(found, np.float32)
