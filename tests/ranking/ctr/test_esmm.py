"""Click, cart and purchase at once: a chain of probabilities, learned over all that was shown, with weights that count."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from aisle.core.errors import InputError, SettingsError
from aisle.ranking.ctr.base import Ctr
from aisle.ranking.ctr.chain_train import cost, labels, log_odds
from aisle.ranking.ctr.examples import Examples
from aisle.ranking.ctr.net import Net
from aisle.ranking.ctr.opening import opened
from aisle.testing.ctr import CtrSuite, additive
from tests.ranking.ctr.small import small

OUTCOMES = ("cart", "purchase")


class TestEsmm(CtrSuite):
    def model(self) -> Ctr:
        return small("esmm")


def bought(rows: int = 4_000, seed: int = 7) -> Examples:
    """Whoever clicked puts it into the cart at 80 % where the item is among the later letters, else at 20 %; half of that is bought."""
    some, dice = additive(rows, seed), np.random.default_rng(seed + 100)
    late = some.categories["item"].codes >= 4
    cart = some.label * (dice.random(rows) < np.where(late, 0.8, 0.2))
    return replace(some, outcomes={"cart": cart, "purchase": cart * (dice.random(rows) < 0.5)})


def several(weights: tuple[float, ...] = ()) -> Net:
    net = small("esmm")
    net.settings = replace(net.settings, outcomes=OUTCOMES, weights=weights)
    return net


@pytest.fixture(scope="module")
def fitted() -> Net:
    return several().fit(bought())


def test_each_outcome_is_as_probable_as_it_happens_and_less_than_what_it_follows(fitted: Net) -> None:
    unseen = bought(2_000, seed=8)
    chances = fitted.chances(unseen)
    assert chances.shape == (2_000, 3) and (np.diff(chances, axis=1) <= 0).all()
    np.testing.assert_array_equal(chances[:, 0], fitted.score(unseen))
    wanted = [unseen.label.mean(), unseen.outcomes["cart"].mean(), unseen.outcomes["purchase"].mean()]
    np.testing.assert_allclose(chances.mean(axis=0), wanted, atol=0.04)


def test_it_knows_what_follows_a_click_on_which_item(fitted: Net) -> None:
    unseen = bought(2_000, seed=8)
    chances, item = fitted.chances(unseen), unseen.categories["item"].codes
    given = chances[:, 1] / chances[:, 0]
    assert given[item >= 4].mean() > 0.6 and given[(item >= 0) & (item < 4)].mean() < 0.4


def test_a_saved_net_says_the_same_of_every_outcome(fitted: Net, tmp_path: Path) -> None:
    fitted.save(tmp_path)
    again, unseen = opened(tmp_path), bought(100, seed=9)
    assert isinstance(again, Net) and again.settings == fitted.settings
    np.testing.assert_array_equal(again.chances(unseen), fitted.chances(unseen))


def test_the_loss_is_that_of_the_products_over_all_cases() -> None:
    """By hand: p(click) = 1/2, p(cart | click) = 1/4: p(cart) = 1/8."""
    logits = torch.tensor([[0.0, float(np.log(1 / 3))]])
    done, not_done = torch.tensor([[1.0, 1.0]]), torch.tensor([[0.0, 0.0]])
    assert float(cost(logits, done, ())) == pytest.approx(np.log(2) + np.log(8), rel=1e-5)
    assert float(cost(logits, not_done, (1.0, 10.0))) == pytest.approx(np.log(2) - 10 * np.log(7 / 8), rel=1e-5)
    plain = torch.tensor([0.3, -2.0]), torch.tensor([1.0, 0.0])
    assert float(cost(*plain, (), "sum")) == pytest.approx(float(2 * cost(*plain, ())))
    assert torch.isfinite(cost(torch.tensor([[60.0, 60.0]]), not_done, ()))
    with pytest.raises(SettingsError, match="3 weights for 2"):
        cost(logits, done, (1.0, 1.0, 1.0))


def test_where_it_begins_each_outcome_is_as_frequent_as_after_the_one_before() -> None:
    table = np.array([[1, 1], [1, 0], [1, 0], [0, 0]], np.float32)
    np.testing.assert_allclose(log_odds(table).numpy(), np.log([3 / 1, 1 / 2]), rtol=1e-6)
    assert np.isfinite(log_odds(table * [1, 0]).numpy()).all(), "nobody bought"


def test_a_weight_of_nothing_leaves_that_outcome_unlearned() -> None:
    some = bought()
    click_only, item = several((1.0, 0.0, 0.0)).fit(some).chances(some), some.categories["item"].codes
    given = click_only[:, 1] / click_only[:, 0]
    assert abs(given[item >= 4].mean() - given[(item >= 0) & (item < 4)].mean()) < 0.15


def test_an_outcome_that_is_not_there_or_came_from_nowhere_is_named() -> None:
    with pytest.raises(InputError, match="no outcome `cart`"):
        several().fit(additive(200))
    odd = replace(additive(200), outcomes={"cart": np.ones(200), "purchase": np.zeros(200)})
    with pytest.raises(InputError, match="`cart` happened where the one before it did not"):
        labels(odd, OUTCOMES)
    with pytest.raises(InputError, match="199 rows"):
        replace(additive(200), outcomes={"cart": np.ones(199)})
