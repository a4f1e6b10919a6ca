"""What closed forms and losses of the sources say, against their papers' equations written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aisle.retrieval.als import Als
from aisle.retrieval.ease import Ease
from aisle.retrieval.sasrec_train import _loss
from aisle.retrieval.sequences import Sequences
from tests.retrieval.shop import random_shop, shop


def test_ease_is_the_inverse_over_its_diagonal() -> None:
    """Steck 2019, equation 8: ``B_ij = -P_ij / P_jj`` off the diagonal; of both signs, the positive ones are kept."""
    rows = [(user, item, float(item)) for user, items in enumerate(([0, 1], [0, 2], [0, 1, 2, 3], [1, 3], [2, 3])) for item in items]
    data = shop(rows, 4, clock=False)
    x = Sequences.of(data.events, 4).by_user().toarray().astype(np.float64)
    p = np.linalg.inv(x.T @ x + 0.1 * np.eye(4))
    wanted = -p / p.diagonal()
    np.fill_diagonal(wanted, 0)
    assert (wanted < 0).any()
    found = Ease(regularization=0.1).fit(data).neighbours_.matrix().toarray()
    np.testing.assert_allclose(found, np.maximum(wanted, 0), atol=1e-5)


def test_ease_of_two_items_by_hand() -> None:
    """Both bought both: X'X is all 2, with regularization 1 the inverse is [3 -2; -2 3] / 5, so each says 2/3 of the other."""
    data = shop([(0, 0, 0.0), (0, 1, 1.0), (1, 0, 0.0), (1, 1, 1.0)], 2, clock=False)
    scale = float(Sequences.of(data.events, 2).by_user().max())
    found = Ease(regularization=scale**2).fit(data).neighbours_.matrix().toarray()
    np.testing.assert_allclose(found, [[0, 2 / 3], [2 / 3, 0]], atol=1e-6)


def test_a_folded_in_user_solves_equation_4() -> None:
    """Hu et al. 2008: ``x_u = (Y'C_uY + λI)⁻¹ Y'C_u p(u)``, over every item; ``c = 1 + α r`` where there was an event, else 1."""
    source = Als(embedding_size=4, regularization=0.3, confidence=7.0).fit(random_shop())
    y, items, weight = source.factors_.astype(np.float64), np.array([4, 6, 9], np.int32), np.array([1.0, 0.5, 0.25])
    confidence, preference = np.ones(len(y)), np.zeros(len(y))
    confidence[items], preference[items] = 1 + 7.0 * weight, 1.0
    wanted = np.linalg.solve((y.T * confidence) @ y + 0.3 * np.eye(4), (y.T * confidence) @ preference)
    np.testing.assert_allclose(source.fold(items, weight), wanted, rtol=1e-3)


class Fixed:
    """A net whose states and embeddings are given: every position is in the state ``(1,)``."""

    def __init__(self, items: torch.Tensor) -> None:
        self.items = self.texts = items

    def __call__(self, items: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        return torch.ones(*items.shape, 1)

    def embedded(self, items: torch.Tensor) -> torch.Tensor:
        return self.items[items]


def sasrec_loss(*others: int) -> float:
    """Two places, one of them padding; the next item is 1, with logits 0, 1, 2 and 3 for the items."""
    there = torch.tensor([[False, True]])
    net = Fixed(torch.tensor([[0.0], [1.0], [2.0], [3.0]]))
    return float(_loss(net, torch.tensor([[0, 0]]), there, torch.tensor([[3, 1]]), torch.tensor(others)))  # type: ignore[arg-type]


def test_sasrec_asks_for_the_next_item_among_those_drawn() -> None:
    assert sasrec_loss(0, 3) == pytest.approx(np.log(np.e + 1 + np.e**3) - 1)
    assert sasrec_loss(1, 3) == pytest.approx(np.log(np.e + np.e**3) - 1), "the next item itself is no other"


def test_with_every_item_drawn_it_is_the_full_softmax() -> None:
    assert sasrec_loss(2, 0, 3, 1) == pytest.approx(np.log(np.exp([0, 1, 2, 3]).sum()) - 1)
