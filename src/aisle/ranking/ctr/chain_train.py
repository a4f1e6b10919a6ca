"""Outcomes that follow each other: how often each happened, and the loss of a chain of probabilities; training only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from aisle.core.errors import InputError, SettingsError
from aisle.ranking.ctr.examples import Examples

LEAST = 1e-6
"""What a probability is kept away from 1, so that the logarithm of the rest stays finite."""


def labels(examples: Examples, outcomes: Sequence[str]) -> NDArray[np.float32]:
    """``(n,)``, with ``outcomes`` ``(n, 1 + outcomes)``. Raises `InputError` for one that the examples lack, or that happened without the
    one before it."""
    columns = [examples.label]
    for name in outcomes:
        if name not in examples.outcomes:
            raise InputError(f"The examples have no outcome `{name}`.", f"There are: {', '.join(examples.outcomes) or 'none'}.")
        columns.append(examples.outcomes[name])
        if (columns[-1] > columns[-2]).any():
            raise InputError(
                f"Outcome `{name}` happened where the one before it did not.", "Count what leads to an outcome as done with it."
            )
    return (np.column_stack(columns) if outcomes else examples.label).astype(np.float32)


def log_odds(label: NDArray[np.float32]) -> Tensor:
    """Of the label, and of each further outcome among the cases that had the one before; a half is added to both counts where one is 0."""
    if label.ndim == 1:
        rate = label.mean(dtype=np.float64)
        return torch.tensor(float(np.log(rate / (1 - rate))))
    done = np.concatenate([[len(label)], label.sum(0, dtype=np.float64)])
    yes, no = done[1:], done[:-1] - done[1:]
    plain = (yes > 0) & (no > 0)
    return torch.from_numpy(np.log(np.where(plain, yes, yes + 0.5) / np.where(plain, no, no + 0.5)).astype(np.float32))


def cost(logits: Tensor, label: Tensor, weights: Sequence[float], reduction: str = "mean") -> Tensor:
    """Cross-entropy ``(b,)`` logits with their labels; of ``(b, t)`` that of each product σ(z_1) · … · σ(z_k) with the k-th label, weighed
    and summed. Raises `SettingsError` where there are weights for another number of outcomes."""
    if logits.dim() == 1:
        return functional.binary_cross_entropy_with_logits(logits, label, reduction=reduction)
    if weights and len(weights) != logits.shape[1]:
        raise SettingsError(f"There are {len(weights)} weights for {logits.shape[1]} outcomes.", "Give one each, the label's first.")
    happened = functional.logsigmoid(logits).cumsum(1)
    rest = torch.log(-torch.expm1(happened.clamp(max=-LEAST)))
    each = -(label * happened + (1 - label) * rest)
    found = (each * torch.tensor(weights or (1.0,) * logits.shape[1])).sum(1)
    return found.mean() if reduction == "mean" else found.sum()
