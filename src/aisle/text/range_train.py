"""The learning-rate range test (Smith 2017): a short run whose rate rises by factors, and the rate that it proposes; training only.

The weights and the dice are as before when it ends, so that what follows differs by the rate alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
import torch

from aisle.text.loop_train import Batch, Loop, TrainingError, optimizer_of, parameter_groups
from aisle.tracking.run import RANGE, begin, part, point

STEPS = 24
"""Six a factor of ten."""
LOWEST, HIGHEST = 1e-6, 1e-2
SMOOTH = 0.7
"""Share of the past in the smoothed loss, its beginning corrected as in Adam."""
WORSE = 1.5
"""The test ends when the smoothed loss is so many times its least."""
SEEN = 3
"""Steps after which their pace is believed; the first is slow and not counted."""


@dataclass(frozen=True)
class Ranged:
    """``rates`` and smoothed ``losses`` of the steps made; ``proposal`` None where there is none, and ``why``."""

    rates: Sequence[float]
    losses: Sequence[float]
    proposal: float | None
    why: str


def range_test(loop: Loop[Batch], seconds: float) -> Ranged:
    """The test on ``loop``'s own batches, loss and optimizer, in at most ``seconds``: it stands aside when its steps would not fit."""
    net = loop.net
    weights = {name: tensor.detach().clone() for name, tensor in net.state_dict().items()}
    dice = torch.get_rng_state()
    torch.manual_seed(loop.recipe.seed)
    try:
        with part(RANGE):
            return _run(loop, seconds)
    finally:
        net.load_state_dict(weights)
        torch.set_rng_state(dice)


def _run(loop: Loop[Batch], seconds: float) -> Ranged:
    groups = parameter_groups(loop.net, replace(loop.recipe, learning_rate=1.0))
    optimizer = optimizer_of(groups, loop.recipe)
    rates: list[float] = []
    losses: list[float] = []
    mean, marks = 0.0, [perf_counter()]
    begin()
    for step, batch in zip(range(STEPS), loop.forever(), strict=False):
        rate = LOWEST * (HIGHEST / LOWEST) ** (step / (STEPS - 1))
        for group, settings in zip(optimizer.param_groups, groups, strict=True):
            group["lr"] = settings.rate * rate
        try:
            loss, norm = loop.step(batch, optimizer, step)
        except TrainingError:
            break
        mean = SMOOTH * mean + (1 - SMOOTH) * loss
        rates.append(rate)
        losses.append(mean / (1 - SMOOTH ** (step + 1)))
        point(step + 1, loss=losses[-1], rate=rate, gradient_norm=norm)
        marks.append(perf_counter())
        if len(marks) == SEEN + 1 and (needed := STEPS * (marks[-1] - marks[1]) / (SEEN - 1)) > seconds:
            return Ranged(rates, losses, None, f"no range test: its {STEPS} steps take about {needed:,.0f} s, {seconds:,.0f} s are given")
        if losses[-1] > WORSE * min(losses):
            break
    return _proposed(rates, losses)


def _proposed(rates: Sequence[float], losses: Sequence[float]) -> Ranged:
    """The rate at which the loss falls fastest."""
    if len(rates) < SEEN:
        return Ranged(rates, losses, None, "no range test: the loss was no number from the beginning")
    place = steepest(losses)
    if place is None:
        return Ranged(rates, losses, None, "the range test proposes nothing: the loss falls at no rate")
    return Ranged(rates, losses, rates[place], f"rate {rates[place]:.2g} by the range test")


def steepest(losses: Sequence[float]) -> int | None:
    """Where a curve over equal steps falls fastest before its least value; None where it never falls."""
    least = int(np.argmin(losses))
    if least == 0:
        return None
    slopes = np.gradient(np.array(losses[: least + 1]))
    return int(np.argmin(slopes))
