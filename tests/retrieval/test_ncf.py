"""Neural collaborative filtering: tastes that never meet stay apart in all three forms, and training and serving agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from aisle.retrieval import ncf
from aisle.retrieval.ncf import Ncf
from aisle.retrieval.ncf_train import Net, _loss, _written
from aisle.retrieval.next_train import Pasts
from tests.retrieval.tastes import NEW, scores, two_tastes

SMALL: dict[str, Any] = {"embedding_size": 8, "learning_rate": 2e-2, "epochs": 150}
MODELS = ("gmf", "mlp", "neumf")


@pytest.fixture(scope="module", params=MODELS)
def fitted(request: pytest.FixtureRequest) -> Ncf:
    return Ncf(model=request.param, **SMALL).fit(two_tastes())


def test_even_users_get_even_items(fitted: Ncf) -> None:
    for taste in (0, 1):
        found = scores(fitted, [taste, taste + 2])
        assert found[taste + 4 : 12 : 2].min() > found[1 - taste : 12 : 2].max()


def test_an_item_without_events_is_known_by_its_text(fitted: Ncf) -> None:
    for taste in (0, 1):
        found = scores(fitted, [taste, taste + 2])
        assert found[NEW[taste]] > 2 * found[NEW[1 - taste]]


@pytest.mark.parametrize("model", MODELS)
def test_serving_gives_the_logits_of_training(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """In steps of four items and a rest."""
    monkeypatch.setattr(ncf, "STEP", 4)
    source = Ncf(embedding_size=8, model=model)
    torch.manual_seed(0)
    net = Net(torch.randn(9, 5), source)
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    net.eval()
    source.take(_written(net, np.ones(9, bool)))
    sequence = np.array([3, 5, 2, 0, 5], np.int32)
    pasts = Pasts.of([np.append(sequence, 1).astype(np.int64)])
    with torch.no_grad():
        wanted = net(net.users(pasts.before(np.array([5]), source.decay))[0], net.embedded(torch.arange(9))).numpy()
    user = source.user(sequence)
    assert user is not None
    np.testing.assert_allclose(source.logits(user), wanted, atol=1e-5)


def test_a_negative_that_was_bought_does_not_count() -> None:
    """Logits 1 for a, which was bought, and 0 for b: the cross-entropy of the two, whether or not a is drawn among the others."""

    class Fixed:
        def embedded(self, items: torch.Tensor) -> torch.Tensor:
            return torch.tensor([[1.0], [0.0]])[items]

        def __call__(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
            return (users * items)[..., 0]

    wanted = (np.log1p(np.exp(-1)) + np.log(2)) / 2
    for others in ([[1]], [[1, 0]]):
        found = _loss(Fixed(), torch.ones(1, 1), torch.tensor([[0]]), torch.tensor(others))  # type: ignore[arg-type]
        assert float(found) == pytest.approx(wanted, rel=1e-6)


def test_the_seed_decides() -> None:
    one, same, other = (Ncf(**SMALL | {"epochs": 2, "seed": seed}).fit(two_tastes()).items for seed in (7, 7, 8))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
