"""A fine-tuned model moved back towards what it was, as far as queries kept out like it; training only."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

BACK = (0.0, 0.2, 0.4)
"""Shares of the weights before learning that are tried."""
Weights = Mapping[str, Tensor]


def weights_of(net: torch.nn.Module) -> dict[str, Tensor]:
    """A copy of all of them."""
    return {name: tensor.detach().clone() for name, tensor in net.state_dict().items()}


def move_back(net: torch.nn.Module, before: Weights, judge: Callable[[], float]) -> float:
    """Leave ``net`` at the share of `BACK` that ``judge`` likes best, the smallest among equals, and return it.

    ``(1 - share) * learned + share * before``, number by number (WiSE-FT, Wortsman et al. 2022, "Robust fine-tuning of zero-shot models"):
    a few steps at a high rate overshoot, and what lies between is as good on what taught and better on what did not.
    """
    learned, worth = weights_of(net), dict[float, float]()
    for share in BACK:
        net.load_state_dict(_between(learned, before, share))
        worth[share] = judge()
    best = max(BACK, key=lambda share: worth[share])
    net.load_state_dict(_between(learned, before, best))
    return best


def _between(learned: Weights, before: Weights, share: float) -> dict[str, Tensor]:
    return {name: torch.lerp(tensor, before[name], share) if tensor.is_floating_point() else tensor for name, tensor in learned.items()}
