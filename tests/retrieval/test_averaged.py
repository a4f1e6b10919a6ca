"""Weights on average: the first step's at first, a moving average of few steps, then one that keeps nearly all; the net itself is left."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the training extra is not installed")


def walk(steps: int) -> tuple[float, float]:
    """A weight that is its step's number: the average, and the weight itself."""
    from aisle.retrieval.averaged_train import Averaged

    net = torch.nn.Linear(1, 1, bias=False)
    averaged = Averaged(net)
    for step in range(steps):
        with torch.no_grad():
            net.weight.fill_(float(step))
        averaged.follow()
    return averaged.net.weight.item(), net.weight.item()


def test_after_one_step_the_average_is_that_step() -> None:
    assert walk(1) == (0.0, 0.0)


def test_of_a_few_steps_the_last_ones_count_most_and_the_net_stays_as_it_is() -> None:
    mean, last = walk(3)
    second = 0 + (1 - 2 / 6) * (1 - 0)
    assert mean == pytest.approx(second + (1 - 3 / 7) * (2 - second)) and last == 2.0


def test_of_many_steps_it_stays_behind_by_what_is_kept() -> None:
    from aisle.retrieval.averaged_train import KEPT

    mean, last = walk(6_000)
    assert last - mean == pytest.approx(KEPT / (1 - KEPT), rel=0.02)
