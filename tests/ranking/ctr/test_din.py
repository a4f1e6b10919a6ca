"""Target attention and its control keep the promises; attention finds the one event that matters, the mean does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aisle.core.errors import InputError
from aisle.ranking.ctr.base import Ctr
from aisle.ranking.ctr.examples import Column, Examples
from aisle.testing.ctr import CtrSuite, additive, auc
from tests.ranking.ctr.small import small

ITEMS = 30


class TestDin(CtrSuite):
    def model(self) -> Ctr:
        return small("din")


class TestMeanPooling(CtrSuite):
    def model(self) -> Ctr:
        return small("mean_pooling")


def recalled(rows: int = 6_000, seed: int = 7) -> Examples:
    """Clicked (95 %) where the item is among the last eight."""
    dice = np.random.default_rng(seed)
    past, item = dice.integers(0, ITEMS, (rows, 8)), dice.integers(0, ITEMS, rows)
    again = dice.random(rows) < 0.4
    item[again] = past[again, 3]
    label = (dice.random(rows) < np.where((past == item[:, None]).any(axis=1), 0.95, 0.05)).astype(float)
    names = [f"item {number}" for number in range(ITEMS)]
    categories = {"item": Column(item.astype(np.int32), names)}
    return Examples(categories, {}, label, {"item": Column(past.astype(np.int32), names)})


def test_attention_sees_that_the_item_was_there_before_and_the_mean_hardly_does() -> None:
    attentive, mean = (auc(small(kind, epochs=10).fit(recalled()), recalled(1_000, 8)) for kind in ("din", "mean_pooling"))
    assert attentive > 0.93
    assert mean < attentive - 0.05


def test_without_last_items_it_says_which_models_need_none() -> None:
    with pytest.raises(InputError, match="deepfm"):
        small("din").fit(replace(additive(200), sequences={}))


def test_last_items_in_another_order_are_the_same_interest() -> None:
    model, few = small("din", epochs=1).fit(recalled(1_000)), recalled(50, 9)
    turned = replace(few, sequences={"item": Column(few.sequences["item"].codes[:, ::-1], few.sequences["item"].names)})
    np.testing.assert_allclose(model.score(turned), model.score(few), rtol=1e-4)
