"""The sparse item-to-item matrix equals the dense product, cut to its largest entries."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from aisle.retrieval import neighbours
from aisle.retrieval.item_knn import ItemKnn
from aisle.retrieval.neighbours import Neighbours
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
