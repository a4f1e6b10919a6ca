"""Two towers: tastes that never meet stay apart, text speaks for what has no events, and training and serving agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from aisle.retrieval.next_train import Pasts
from aisle.retrieval.two_tower import TwoTower
from aisle.retrieval.two_tower_train import Net, _softmax, _squared, _written
from tests.retrieval.tastes import NEW, scores, two_tastes

SMALL: dict[str, Any] = {"embedding_size": 8, "learning_rate": 1e-2, "epochs": 150}


@pytest.mark.parametrize("loss", ["softmax", "squared"])
def test_even_users_get_even_items(loss: Any) -> None:
    source = TwoTower(loss=loss, **SMALL).fit(two_tastes())
    for taste in (0, 1):
        found = scores(source, [taste, taste + 2])
        assert np.nan_to_num(found[taste + 4 : 12 : 2]).min() > np.nan_to_num(found[1 - taste : 12 : 2]).max()


def test_an_item_without_events_is_known_by_its_text() -> None:
    source = TwoTower(**SMALL).fit(two_tastes())
    for taste in (0, 1):
        found = scores(source, [taste, taste + 2])
        assert found[NEW[taste]] > 2 * found[NEW[1 - taste]]


@pytest.mark.parametrize("loss", ["softmax", "squared"])
def test_serving_gives_the_products_of_training(loss: Any) -> None:
    source = TwoTower(embedding_size=8, loss=loss, temperature=0.5)
    torch.manual_seed(0)
    net = Net(torch.randn(9, 5), source)
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    net.eval()
    source.take(_written(net, np.ones(9, bool)))
    sequence = np.array([3, 5, 2, 0, 5], np.int32)
    pasts = Pasts.of([np.append(sequence, 1).astype(np.int64)])
    with torch.no_grad():
        user = net.users(pasts.before(np.array([5]), source.decay))[0]
        wanted = (net.embedded(torch.arange(9)) @ user).numpy() / (0.5 if loss == "softmax" else 1.0)
    state = source.state(sequence)
    assert state is not None
    np.testing.assert_allclose(source.items @ state, wanted, atol=1e-5)


class Fixed:
    """A net whose towers are given."""

    def __init__(self, items: torch.Tensor) -> None:
        self.items = items

    def embedded(self, items: torch.Tensor) -> torch.Tensor:
        return self.items[items]


def test_how_often_an_item_is_drawn_is_taken_off_and_the_same_item_is_no_other() -> None:
    """Three rows buy a, a, b with logits 1 for a and 0 for b; a is drawn in 2/3, b in 1/3 of the rows."""
    net, users = Fixed(torch.tensor([[1.0], [0.0]])), torch.ones(3, 1)
    found = _softmax(net, users, torch.tensor([0, 0, 1]), torch.tensor([2 / 3, 1 / 3]), 1.0)  # type: ignore[arg-type]
    a, b = np.e / (2 / 3), 1 / (1 / 3)
    wanted = -np.mean([np.log(a / (a + b))] * 2 + [np.log(b / (a + a + b))])
    assert float(found) == pytest.approx(wanted, rel=1e-6)


def test_the_squared_error_is_one_for_what_was_bought_and_nothing_for_the_rest() -> None:
    """Products .5 with a, which was bought, .2 with b and .1 with c: .5 ² + .2 ² + .1 ²."""
    net = Fixed(torch.tensor([[0.5], [0.2], [0.1]]))
    found = _squared(net, torch.ones(1, 1), torch.tensor([0]), torch.arange(3))  # type: ignore[arg-type]
    assert float(found) == pytest.approx(0.30)


def test_the_seed_decides() -> None:
    one, same, other = (TwoTower(**SMALL | {"epochs": 2, "seed": seed}).fit(two_tastes()).items for seed in (7, 7, 8))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
