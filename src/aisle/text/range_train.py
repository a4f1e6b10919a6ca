"""The learning-rate range test (Smith 2017): a short run whose rate rises by factors, and the rate that it proposes; training only.

The weights and the dice are as before when it ends, so that what follows differs by the rate alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
import torch

from aisle.text.device_train import agreed, forked
from aisle.text.loop_train import Batch, Loop, TrainingError, optimizer_of, parameter_groups
from aisle.tracking.run import RANGE, begin, part, point

STEPS = 24
"""Six a factor of ten."""
LOWEST, HIGHEST = 1e-6, 1e-2
SMOOTH = 0.7
"""Share of the past in the smoothed loss, its beginning corrected as in Adam."""
WORSE = 1.5
"""The test ends when the smoothed loss is so many times its least."""
BELOW = 10.0
"""The proposal is the rate of the least loss divided by this: there it is about to go wrong, and the steepest place is lost in the noise of
a few batches."""
FALLS = 0.05
"""The loss has fallen when its least is so much below the median of its first quarter."""
SEEN = 3
"""Steps after which their pace is believed; the first is slow and not counted."""


@dataclass(frozen=True)
class Ranged:
    """``rates`` and smoothed ``losses`` of the steps made; ``proposal`` None where there is none, and ``why``."""

    rates: Sequence[float]
    losses: Sequence[float]
    proposal: float | None
    why: str


def range_test(loop: Loop[Batch], seconds: float, lowest: float = LOWEST, highest: float = HIGHEST) -> Ranged:
    """The test on ``loop``'s own batches, loss and optimizer, in at most ``seconds``: it stands aside when its steps would not fit."""
    weights = {name: tensor.detach().clone() for name, tensor in loop.net.state_dict().items()}
    rates = np.geomspace(lowest, highest, STEPS).tolist()
    try:
        with part(RANGE), forked():
            torch.manual_seed(loop.recipe.seed)
            losses, needed = _losses(loop, rates, seconds)
    finally:
        loop.net.load_state_dict(weights)
    rates = rates[: len(losses)]
    if needed > seconds:
        return Ranged(rates, losses, None, f"no range test: its {STEPS} steps take about {needed:,.0f} s, {seconds:,.0f} s are given")
    rate = proposed(rates, losses)
    if rate is None:
        return Ranged(rates, losses, None, "the range test proposes nothing: the loss falls at no rate")
    return Ranged(rates, losses, rate, f"rate {rate:.2g} by the range test")


def _losses(loop: Loop[Batch], rates: Sequence[float], seconds: float) -> tuple[list[float], float]:
    """The smoothed loss at each rate, as far as it went, and how many seconds the whole takes, 0 where that was not too long."""
    groups = parameter_groups(loop.net, replace(loop.recipe, learning_rate=1.0))
    optimizer = optimizer_of(groups, loop.recipe)
    losses: list[float] = []
    mean, marks = 0.0, [perf_counter()]
    begin()
    for step, (rate, batch) in enumerate(zip(rates, loop.forever(), strict=False)):
        for group, settings in zip(optimizer.param_groups, groups, strict=True):
            group["lr"] = settings.rate * rate
        try:
            loss, norm = loop.step(batch, optimizer, step)
        except TrainingError:
            break
        mean = SMOOTH * mean + (1 - SMOOTH) * loss
        losses.append(mean / (1 - SMOOTH ** (step + 1)))
        point(step + 1, loss=losses[-1], rate=rate, gradient_norm=norm)
        marks.append(perf_counter())
        if len(marks) == SEEN + 1 and (needed := agreed(lambda: STEPS * (marks[-1] - marks[1]) / (SEEN - 1))) > seconds:
            return losses, needed
        if losses[-1] > WORSE * min(losses):
            break
    return losses, 0.0


def proposed(rates: Sequence[float], losses: Sequence[float]) -> float | None:
    """A tenth of the rate at which the loss was least; None where it never fell."""
    first = STEPS // 4
    least = int(np.argmin(losses)) if losses else 0
    if least < first or losses[least] > (1 - FALLS) * float(np.median(losses[:first])):
        return None
    return rates[least] / BELOW
