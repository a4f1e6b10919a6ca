"""Clicks weighed by their places: steep places turn the order that clicks teach upside down, and weights set it right."""

from __future__ import annotations

import numpy as np
import pytest

from aisle.evaluation.propensity import examination
from aisle.ranking.boosted import Boosted
from aisle.ranking.unbiased import one_list_a_click, weights

LOOKED_AT = np.array([1.0, 0.2])
LIKED = np.array([0.3, 0.6])
"""What becomes of a look at the worse thing, and at the better one."""


def pages(count: int = 6_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``(count, 2)`` each: what stands at the two places (1 the better thing), whether it was clicked, its rank. The worse thing stands on
    top of nine pages in ten and the second place is looked at once in five times, so that of 100 pages the worse thing is clicked
    .3 * (90 + 10 * .2) = 27.6 times, the better one .6 * (10 + 90 * .2) = 16.8 times."""
    dice = np.random.default_rng(seed)
    better_first = dice.random(count) < 0.1
    thing = np.stack([better_first, ~better_first], axis=1).astype(int)
    clicked = (dice.random(thing.shape) < LOOKED_AT * LIKED[thing]).astype(float)
    return thing, clicked, np.tile(np.arange(2), (count, 1))


def better_wins(weight: np.ndarray | None, objective: str) -> bool:
    thing, clicked, _ = pages()
    x = thing.ravel()[:, None].astype(np.float32)
    model = Boosted(objective, leaves=4, epochs=30)  # type: ignore[arg-type]
    model.fit(x, clicked.ravel(), np.full(len(thing), 2), ["better"], weight=weight)
    worse, better = model.score(np.array([[0], [1]], np.float32))
    return bool(better > worse)


def test_clicks_as_they_are_teach_the_wrong_order_and_weighed_ones_the_right_one() -> None:
    _, _, rank = pages()
    assert not better_wins(None, "order")
    assert not better_wins(None, "unbiased"), "without weights there is nothing to set it right"
    assert better_wins(weights(LOOKED_AT, rank.ravel().astype(float)), "unbiased")


def test_the_weights_of_places_come_from_the_same_clicks() -> None:
    thing, clicked, rank = pages()
    found = examination(thing.ravel(), rank.ravel(), clicked.ravel())
    assert found == pytest.approx(LOOKED_AT, abs=0.03)
    assert better_wins(weights(found, rank.ravel().astype(float)), "unbiased")


def test_a_weight_is_the_inverse_of_the_look_cut_at_the_clip_and_one_where_the_place_is_unknown() -> None:
    looked_at = np.array([1.0, 0.5, 0.05])
    assert weights(looked_at, np.array([0.0, 1.0, 2.0, 9.0, np.nan])).tolist() == [1, 2, 10, 10, 1]
    assert weights(looked_at, np.array([2.0]), clip=4).tolist() == [4]


def test_a_list_with_two_clicks_becomes_two_lists_and_one_without_none() -> None:
    label, groups = np.array([1, 0, 2, 0, 0, 1]), np.array([3, 2, 1])
    rows, alone, sizes, often = one_list_a_click(label, groups, np.array([1.0, 9, 2, 9, 9, 3]))
    assert rows.tolist() == [0, 1, 2, 0, 1, 2, 5]
    assert alone.tolist() == [1, 0, 0, 0, 0, 1, 1]
    assert sizes.tolist() == [3, 3, 1]
    worth = np.array([1 * 1, 3 * 2, 1 * 3])  # gain 2^label - 1 times weight
    assert often.tolist() == pytest.approx(np.repeat(worth / worth.mean(), sizes).tolist())


def test_nothing_clicked_makes_no_lists() -> None:
    rows, alone, sizes, often = one_list_a_click(np.zeros(3, int), np.array([3]), np.ones(3))
    assert [len(one) for one in (rows, alone, sizes, often)] == [0, 0, 0, 0]
