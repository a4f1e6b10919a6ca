"""A net over the feature matrix: the place and the item are categories, and the stack gives its probability as it was saved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aisle.fusion.recall import Recall
from aisle.fusion.stack import ITEM, POSITION, Stack
from aisle.ranking.calibrate import Calibrator
from aisle.ranking.ctr.matrix import OverFeatures, table
from tests.ranking.ctr.small import small

NAN = np.nan


def shown(rows: int = 4_000) -> tuple[np.ndarray, np.ndarray]:
    """A feature that says nothing, a rank of 0 to 3 that halves the rate of clicks at each step, four items of which 2 is liked."""
    dice = np.random.default_rng(7)
    rank, item = dice.integers(0, 4, rows), dice.integers(0, 4, rows)
    clicked = (dice.random(rows) < np.where(item == 2, 0.9, 0.2) * 0.5**rank).astype(float)
    return np.column_stack([dice.normal(size=rows), np.log1p(rank), item]).astype(np.float32), clicked


@pytest.fixture(scope="module")
def net() -> OverFeatures:
    return OverFeatures(small("dcn")).fit(*shown())


def test_places_and_items_are_categories_and_what_is_missing_is_missing() -> None:
    x = np.array([[1.5, np.log1p(3), 70_000], [NAN, NAN, NAN], [2, 0, 2]], np.float32)
    found = table(x, np.zeros(3))
    words = {
        name: [None if code < 0 else column.names[code] for code in column.codes.tolist()] for name, column in found.categories.items()
    }
    assert words == {"position": ["3", None, "0"], "item": ["70000", None, "2"]}
    np.testing.assert_array_equal(found.numbers["0"], [1.5, NAN, 2])


def test_it_knows_which_item_is_liked_and_that_the_first_place_is_seen_most(net: OverFeatures) -> None:
    first, last = (net.score(np.array([[0, np.log1p(rank), item] for item in range(4)], np.float32)) for rank in (0, 3))
    assert first.argmax() == 2 and first[2] > 0.7
    assert (first > last).all()


def test_an_item_never_shown_and_one_without_a_row_have_a_probability(net: OverFeatures) -> None:
    score = net.score(np.array([[0, 0, 999], [NAN, NAN, NAN]], np.float32))
    assert ((score > 0) & (score < 1)).all() and score.dtype == np.float32


def test_a_stack_keeps_the_net_and_takes_every_item_as_if_it_stood_first(net: OverFeatures, tmp_path: Path) -> None:
    x, clicked = shown()
    curve = Calibrator().fit(net.score(x), clicked)
    stack = Stack("home", ("a",), Recall(("a",)), clicks=net, click_names=("noise", POSITION, ITEM), click_calibrator=curve, event="click")
    stack.save(tmp_path)
    made = {"noise": x[:50, 0], ITEM: x[:50, 2]}
    found, again = stack.probability(made), Stack.load(tmp_path).probability(made)
    assert found is not None and again is not None
    assert np.array_equal(found, again)
    far = stack.probability({**made, POSITION: np.full(50, np.log1p(3), np.float32)})
    assert far is not None and np.array_equal(found, far)


def test_items_that_stand_elsewhere_keep_what_was_learned_of_them() -> None:
    """Row 0 became row 2 and row 1 is gone; in its place stands an item that nobody knows."""
    dice = np.random.default_rng(5)
    item = dice.integers(0, 3, 2_000)
    clicked = (dice.random(2_000) < np.array([0.9, 0.5, 0.1])[item]).astype(float)
    x = np.column_stack([dice.random(2_000), np.zeros(2_000), item]).astype(np.float32)
    model = OverFeatures(small("fm")).fit(x, clicked)
    one = np.zeros((4, 3), np.float32)
    one[:, 2] = [0, 1, 2, 7]
    before, after = model.score(one), model.moved(np.array([2, -1, 0], np.int32)).score(one)
    assert before[0] > 0.7 and before[2] < 0.3
    assert after[2] == before[0] and after[0] == before[2]
    assert after[1] == after[3] == before[3], "unknown"
    assert np.array_equal(model.score(one), before)
