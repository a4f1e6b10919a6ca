"""Contrastive learning: the loss by hand, what is never a negative, what batches hold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the training extra is not installed")


class Table:
    """Stands for a model: a text's tokens are one number, its vector that row of a table."""

    def __init__(self, rows: Sequence[Sequence[float]]) -> None:
        self.rows = torch.tensor(rows, dtype=torch.float32, requires_grad=True)
        self.net = torch.nn.Identity()

    def vectors(self, tokens: Sequence[Sequence[int]]) -> object:
        return self.rows[[one[0] for one in tokens]]

    def tokens(self, texts: Sequence[str], kind: str = "item") -> list[list[int]]:
        return [[len(text) % len(self.rows)] for text in texts]


def test_the_loss_is_the_mean_cross_entropy_among_items_and_among_queries() -> None:
    from aisle.text.contrast_train import TEMPERATURE, Batch, loss

    model = Table([[1, 0], [0.9, 0.1], [0.8, 0.2], [0, 1]])
    batch = Batch([[0], [3]], [[1], [2]], np.array([0, 1]), np.array([0, 1]), np.eye(2, dtype=bool))
    scores = np.array([[0.9, 0.8], [0.1, 0.2]]) / TEMPERATURE
    rows = -np.log(np.exp(np.diag(scores)) / np.exp(scores).sum(1)).mean()
    columns = -np.log(np.exp(np.diag(scores)) / np.exp(scores).sum(0)).mean()
    assert float(loss(model, batch).detach()) == pytest.approx((rows + columns) / 2, rel=1e-4)  # type: ignore[arg-type]


def test_weights_make_the_mean_a_weighted_one_and_a_pair_of_weight_0_teaches_nothing() -> None:
    from dataclasses import replace

    from aisle.text.contrast_train import TEMPERATURE, Batch, contrast

    scores = torch.tensor([[0.9, 0.8], [0.1, 0.2]]) / TEMPERATURE
    plain = Batch([[0], [3]], [[1], [2]], np.array([0, 1]), np.array([0, 1]), np.eye(2, dtype=bool))  # type: ignore[arg-type]

    def found(*weight: float) -> float:
        return float(contrast(scores, replace(plain, weight=np.array(weight, np.float32))))

    both = (-torch.log_softmax(scores, 1).diagonal() - torch.log_softmax(scores, 0).diagonal()) / 2
    assert found(1, 3) == pytest.approx(float(both[0] + 3 * both[1]) / 4, rel=1e-5)
    assert found(2, 6) == pytest.approx(found(1, 3), rel=1e-6), "only what pairs weigh beside each other counts"
    assert found(0, 5) == pytest.approx(float(both[1]), rel=1e-5)
    assert found(1, 1) == pytest.approx(found(), rel=1e-6) == pytest.approx(float(both.mean()), rel=1e-5)


def test_an_item_that_answers_too_is_no_negative_and_leaves_no_broken_gradient() -> None:
    from aisle.text.contrast_train import Batch, loss

    model = Table([[1, 0], [0.9, 0.1], [0.8, 0.2]])
    found = loss(model, Batch([[0]], [[1], [2]], np.array([0, 0]), np.array([0, 1]), np.ones((1, 2), bool)))  # type: ignore[arg-type]
    found.backward()
    assert float(found.detach()) == 0.0 and bool(torch.isfinite(model.rows.grad).all())


def test_a_known_batch_holds_its_pairs_a_hard_negative_each_and_marks_every_answer() -> None:
    from dataclasses import replace

    from aisle.text.contrast_train import Known, Pairs

    answers = [frozenset({0, 1}), frozenset({2})]
    pairs = Pairs(["a", "bb"], np.array([0, 0, 1]), np.array([0, 1, 2]), answers, [np.array([5]), np.array([], np.int64)])
    items = [[row] for row in range(6)]
    (batch,) = list(Known(Table(np.eye(6).tolist()), pairs, items)(0))  # type: ignore[arg-type]
    shown = [one[0] for one in batch.items]
    assert shown == [0, 1, 2, 5]
    assert batch.related.tolist() == [[True, True, False, False], [False, False, True, False]]
    assert sorted((int(q), shown[int(i)]) for q, i in zip(batch.query, batch.item, strict=True)) == [(0, 0), (0, 1), (1, 2)]
    assert not len(batch.weight)
    (batch,) = list(Known(Table(np.eye(6).tolist()), replace(pairs, weight=np.array([1, 2, 3], np.float32)), items)(0))  # type: ignore[arg-type]
    assert sorted((shown[int(i)], float(w)) for i, w in zip(batch.item, batch.weight, strict=True)) == [(0, 1), (1, 2), (2, 3)]


def test_a_made_up_query_is_some_words_in_their_order_or_characters_beside_each_other() -> None:
    from aisle.text.pieces import piece

    random = np.random.default_rng(1)
    title = "red steel desk lamp"
    for _ in range(20):
        words = piece(title, random).split()
        places = [title.split().index(word) for word in words]
        assert 1 <= len(words) <= 4 and places == sorted(places)
        assert piece("红色钢制台灯", random) in "红色钢制台灯"
    assert piece("", random) == ""


def test_a_title_that_holds_all_the_words_is_no_negative() -> None:
    from aisle.text.contrast_train import Pieces

    texts = ["red lamp"] * 2 + ["blue sofa"]
    for batch in Pieces(Table(np.eye(9).tolist()), texts, [[0], [0], [1]])(0):  # type: ignore[arg-type]
        assert batch.related.diagonal().all()
        assert int(batch.related.sum()) == 5, "the two red lamps answer each other's query, the sofa answers its own alone"
