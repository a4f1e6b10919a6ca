"""FTRL-Proximal: the suite, one step worked by hand, sparse weights, and learning that goes on."""

from __future__ import annotations

import numpy as np
import pytest

from aisle.ranking.ctr.base import Ctr
from aisle.ranking.ctr.examples import Column, Examples
from aisle.ranking.ctr.ftrl import Ftrl
from aisle.ranking.ctr.layout import Layout
from aisle.testing.ctr import CtrSuite, additive, auc, exclusive


class TestFtrl(CtrSuite):
    def model(self) -> Ctr:
        return Ftrl(learning_rate=0.1)


def one_item(label: list[float]) -> Examples:
    return Examples({"item": Column(np.zeros(len(label), np.int32), ["a"])}, {}, np.array(label))


def test_two_steps_by_hand() -> None:
    """p = ½ at first, so g = -½, z = -½, n = ¼; then w = (½ - λ1) / ((1 + ½)/α + λ2) for the item, the bias has no λ."""
    model = Ftrl(learning_rate=1.0, beta=1.0, sparsity=0.1, regularization=1.0, layout=Layout(least=1))
    model.fit(one_item([1.0, 0.0]))
    item, bias = 0.4 / 2.5, 0.5 / 1.5
    p = 1 / (1 + np.exp(-(item + bias)))
    assert model.n_[2] == pytest.approx(0.25 + p * p)
    assert model.z_[2] == pytest.approx(-0.5 + p - (np.sqrt(0.25 + p * p) - 0.5) * item)
    assert model.z_[-1] == pytest.approx(-0.5 + p - (np.sqrt(0.25 + p * p) - 0.5) * bias)


def test_a_value_seen_rarely_has_no_weight_at_all() -> None:
    dense, sparse = (Ftrl(sparsity=sparsity).fit(additive()) for sparsity in (0.0, 20.0))
    weights = [model._weights(np.arange(len(model.z_))) for model in (dense, sparse)]
    assert (weights[0] == 0).sum() < (weights[1] == 0).sum()
    assert weights[1][-1] != 0, "the bias is free"


def test_it_goes_on_learning_where_it_stopped() -> None:
    whole = Ftrl().fit(additive())
    parts = Ftrl(layout=Layout()).fit(additive())
    again = additive(500, seed=8)
    parts.learn(again)
    assert auc(parts, additive(1_000, seed=9)) > 0.8
    assert not np.allclose(parts.score(again), whole.score(again))


def test_weights_that_only_add_know_no_exclusive_or() -> None:
    assert auc(Ftrl().fit(exclusive()), exclusive(1_000, seed=8)) < 0.6
