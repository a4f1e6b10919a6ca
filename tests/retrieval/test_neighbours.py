"""The sparse item-to-item matrix equals the dense product, cut to its largest entries."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from aisle.core.events import Dataset
from aisle.retrieval import neighbours
from aisle.retrieval.item_knn import Bm25Knn, ItemKnn, SessionKnn
from aisle.retrieval.neighbours import Neighbours
from aisle.retrieval.sequences import Sequences
from tests.retrieval.shop import shop


def random_matrix(seed: int, rows: int, columns: int) -> sparse.csr_array:
    random = np.random.default_rng(seed)
    return sparse.csr_array((random.random((rows, columns)) * (random.random((rows, columns)) < 0.3)).astype(np.float32))


@pytest.mark.parametrize("strip", [1, 50, 10**9])
def test_it_is_the_product_without_diagonal_however_it_is_cut_in_strips(monkeypatch: pytest.MonkeyPatch, strip: int) -> None:
    monkeypatch.setattr(neighbours, "STRIP_ENTRIES", strip)
    left, right = random_matrix(1, 20, 9), random_matrix(2, 20, 9)
    found = Neighbours.of_product(left, right, 9, lambda row, column, value: value).matrix().toarray()
    dense = (left.T @ right).toarray()
    np.fill_diagonal(dense, 0)
    assert found == pytest.approx(dense)


def test_the_largest_of_each_row_stay() -> None:
    matrix = random_matrix(3, 30, 12)
    whole = Neighbours.of_product(matrix, matrix, 12, lambda row, column, value: value).matrix().toarray()
    cut = Neighbours.of_product(matrix, matrix, 3, lambda row, column, value: value).matrix().toarray()
    for before, after in zip(whole, cut, strict=True):
        assert sorted(after[after > 0]) == pytest.approx(sorted(before[before > 0])[-3:])


def test_spreading_is_a_vector_times_the_matrix(tmp_path: Path) -> None:
    matrix = random_matrix(4, 30, 12)
    found = Neighbours.of_product(matrix, matrix, 5, lambda row, column, value: value)
    found.save(tmp_path)
    rows, amounts = np.array([3, 0, 7], np.int32), np.array([1.0, 0.5, 0.25])
    wanted = amounts @ found.matrix().toarray()[rows]
    items, scores = Neighbours.load(tmp_path).spread(rows, amounts)
    assert items.tolist() == np.flatnonzero(wanted).tolist()
    assert scores == pytest.approx(wanted[items], rel=1e-5)
    assert not any(len(part) for part in found.spread(rows[:0], amounts[:0]))


def test_item_knn_is_the_shrunk_cosine() -> None:
    rows = [(0, 0, 0.0), (0, 1, 1.0), (1, 0, 0.0), (1, 1, 1.0), (2, 0, 0.0), (2, 2, 1.0)]
    weights = ItemKnn(shrink=1.0).fit(shop(rows, 3, clock=False)).neighbours_.matrix().toarray()
    length = np.sqrt(2)
    assert weights[0, 1] == pytest.approx(2 / length / (np.sqrt(3 * 2) + 1))
    assert weights[0, 2] == pytest.approx(1 / length / (np.sqrt(3 * 1) + 1))
    assert weights[1, 2] == 0


def test_bm25_weighs_a_buyer_of_much_less_and_an_item_of_many_less() -> None:
    """Three items. Users 0 and 1 have items 0 and 1, user 2 has 0 and 2, user 3 has 2: by hand with k1 = 1 and b = 1."""
    rows = [(0, 0, 0.0), (0, 1, 1.0), (1, 0, 0.0), (1, 1, 1.0), (2, 0, 0.0), (2, 2, 1.0), (3, 2, 0.0)]
    data = shop(rows, 3, clock=False)
    idf = {2: np.log(3 / 3), 1: np.log(3 / 2)}
    weighed = Bm25Knn(k1=1.0, b=1.0).weighed(Sequences.of(data.events, 3).by_user()).toarray()
    mean = 7 / 3
    assert weighed[3] == pytest.approx([0, 0, idf[1] * 2 / (1 + 2 / mean)])
    assert weighed[:3] == pytest.approx(np.zeros((3, 3))), "who has two of three items: ln 1"
    assert not len(Bm25Knn().fit(data).neighbours_.item)


def test_bm25_neighbours_are_products_of_weights() -> None:
    rows = [(user, item, float(item)) for user, items in enumerate(([0, 1], [0, 1], [0, 2], [3, 4, 5], [6, 7])) for item in items]
    data, model = shop(rows, 8, clock=False), Bm25Knn()
    weighed = model.weighed(Sequences.of(data.events, 8).by_user()).toarray()
    wanted = weighed.T @ weighed
    np.fill_diagonal(wanted, 0)
    assert wanted[0, 1] > wanted[0, 2] > 0
    assert model.fit(data).neighbours_.matrix().toarray() == pytest.approx(wanted)


def test_what_stood_in_one_session_is_near_and_what_one_user_wanted_on_another_day_is_not() -> None:
    data = shop([(0, 0, 0.0), (0, 1, 1.0), (0, 2, 2.0), (1, 0, 0.0), (1, 1, 1.0)], 3, clock=False)
    by_session = replace(data.events, session=np.array([0, 0, 1, 2, -1], np.int32))
    order = np.lexsort((data.events.time, data.events.user))
    by_session.session[order] = [0, 0, 1, 2, -1]
    weights = SessionKnn(shrink=0.0).fit(Dataset(data.catalogue, by_session)).neighbours_.matrix().toarray()
    assert weights[0, 1] == pytest.approx(1 / np.sqrt(2) / np.sqrt(2 * 1)), "item 0 in two sessions, item 1 in one: the other has none"
    assert weights[0, 2] == weights[1, 2] == 0
    assert not len(SessionKnn().fit(data).neighbours_.item), "a log without sessions"
