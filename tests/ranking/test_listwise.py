"""The softmax over lists: its gradient is the loss's, lists that want nothing are silent, and one wanted row among many stands out."""

from __future__ import annotations

import numpy as np
import pytest

from aisle.ranking.boosted import Boosted
from aisle.ranking.listwise import softmax

GAIN, GROUPS = np.array([1.0, 0.0, 3.0, 0.0, 0.0, 1.0]), np.array([3, 2, 1])


def loss(score: np.ndarray, gain: np.ndarray = GAIN) -> float:
    """Written out for the first list, the only one that can lose: the second wants nothing, the third has one row."""
    share = np.exp(score[:3]) / np.exp(score[:3]).sum()
    return float(-(gain[:3] / 4 * np.log(share)).sum())


def test_the_gradient_is_that_of_the_cross_entropy_between_gains_and_softmax() -> None:
    score, step = np.array([0.3, -1.0, 0.2, 5.0, 0.0, 2.0]), 1e-6
    slope, bend = softmax(GAIN, GROUPS)(score, None)
    expected = [(loss(score + step * row) - loss(score - step * row)) / (2 * step) for row in np.eye(6)]
    assert slope == pytest.approx(expected, abs=1e-6)
    again = [(softmax(GAIN, GROUPS)(score + step * row, None)[0] - slope) @ row / step for row in np.eye(6)]
    assert bend == pytest.approx(again, abs=1e-5)


def test_equal_scores_ask_for_the_share_of_the_gain() -> None:
    slope, _ = softmax(GAIN, GROUPS)(np.zeros(6), None)
    assert slope.tolist() == pytest.approx([1 / 3 - 1 / 4, 1 / 3, 1 / 3 - 3 / 4, 0, 0, 0])


def test_scores_of_any_size_stay_finite() -> None:
    slope, bend = softmax(GAIN, GROUPS)(np.array([9e4, -9e4, 0, 1e5, 0, 1]), None)
    assert np.isfinite(slope).all() and np.isfinite(bend).all()


def test_one_wanted_row_among_a_hundred_is_found_by_what_tells_it_apart() -> None:
    dice = np.random.default_rng(0)
    wanted = (np.arange(100) == 3).astype(float)
    y = np.tile(wanted, 80)
    x = np.column_stack([y + dice.normal(0, 0.3, len(y)), dice.random(len(y))]).astype(np.float32)
    fresh = np.column_stack([wanted + dice.normal(0, 0.3, 100), dice.random(100)]).astype(np.float32)
    model = Boosted("listwise", epochs=40).fit(x, y, np.full(80, 100), ["knows", "noise"])
    assert model.importance["knows"] > 0.9
    assert model.score(fresh).argsort()[-3:].tolist().count(3) == 1
