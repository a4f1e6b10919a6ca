"""A blend is the sum of its members in units of their own spread, exactly, and what each feature adds to it sums to it."""

from __future__ import annotations

import numpy as np
import pytest

from aisle.ranking.blend import Blend
from aisle.ranking.boosted import Boosted
from aisle.ranking.rankers import Lists, blended, trees


class Says(Boosted):
    """Says of a row what stands in one column."""

    def __init__(self, column: int) -> None:
        super().__init__()
        self.column = column

    def summed(self, x: np.ndarray) -> np.ndarray:
        return x[:, self.column]


def test_by_hand() -> None:
    """Columns 0, 2, 4 (mean 2, deviation sqrt(8/3)) and 30, 10, 20 (mean 20, deviation sqrt(200/3))."""
    x = np.array([[0, 30], [2, 10], [4, 20]], np.float32)
    found = Blend.of([Says(0), Says(1)], x).score(x)
    assert found.tolist() == pytest.approx([-2 / (8 / 3) ** 0.5 + 10 / (200 / 3) ** 0.5, -10 / (200 / 3) ** 0.5, 2 / (8 / 3) ** 0.5])


def lists(grades: int) -> Lists:
    dice = np.random.default_rng(3)
    x = dice.normal(size=(3_000, 3)).astype(np.float32)
    taken = (x[:, 0] + 0.5 * dice.normal(size=3_000) > 1).astype(float)
    return Lists(x, ["a", "b", "c"], np.full(100, 30), taken, taken * dice.integers(1, grades + 1, 3_000))


def test_contributions_sum_to_the_raw_score_and_a_score_is_it() -> None:
    taught = lists(1)
    members = {
        name: trees(kind, taught, {"epochs": 10}, {}, lambda: 1e9)[0]
        for name, kind in (("lambdamart", "order"), ("boosted", "probability"))
    }
    blend = blended(members, taught.x)["blend"]
    raw = blend.raw(taught.x)
    assert np.allclose(blend.contributions(taught.x).sum(axis=1), raw, atol=1e-9)
    assert np.allclose(blend.score(taught.x), raw, atol=1e-5)
    assert abs(raw.mean()) < 1e-3 and blended({"boosted": members["boosted"]}, taught.x) == {}


def test_what_one_act_says_is_trusted_less_than_a_scale_of_grades() -> None:
    def penalty(kind: str, grades: int, **numbers: float) -> float:
        model = trees(kind, lists(grades), {"epochs": 1, **numbers}, {}, lambda: 1e9)[0]
        assert isinstance(model, Boosted)
        return model.regularization

    assert (penalty("order", 1), penalty("order", 4), penalty("probability", 1)) == (20.0, 5.0, 5.0)
    assert penalty("order", 1, regularization=3.0) == 3.0
