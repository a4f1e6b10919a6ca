"""The linear map: finds a turn that is there, stays away where there is none, and is judged on queries it did not see."""

from __future__ import annotations

import numpy as np
import pytest

from aisle.text import adapt
from aisle.text.adapt import Adapter, Pairs


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def turned() -> tuple[np.ndarray, np.ndarray, Pairs]:
    """Queries are their items seen through a fixed rotation with noise, so that the identity finds nothing."""
    random = np.random.default_rng(5)
    items = unit(random.standard_normal((600, 16)))
    rotation = np.linalg.qr(random.standard_normal((16, 16)))[0]
    queries = unit(items[:400] @ rotation + 0.1 * random.standard_normal((400, 16)))
    return queries, items, Pairs(np.arange(400), np.arange(400), np.ones(400, np.float32))


def first(queries: np.ndarray, items: np.ndarray) -> float:
    return float(np.mean((queries @ items.T).argmax(axis=1) == np.arange(len(queries))))


def test_a_turn_between_queries_and_items_is_learned_for_queries_never_seen(turned: tuple[np.ndarray, np.ndarray, Pairs]) -> None:
    queries, items, _ = turned
    seen = Pairs(np.arange(300), np.arange(300), np.ones(300, np.float32))
    found = Adapter(learning_rate=3e-2, temperature=0.1).fit(queries[:300], items, seen)
    assert found is not None
    held, wanted = queries[300:400], items[300:400]
    assert first(held, wanted) < 0.1
    assert first(held @ found.T, wanted) > 0.6


def test_pairs_at_random_teach_nothing(turned: tuple[np.ndarray, np.ndarray, Pairs]) -> None:
    queries, items, pairs = turned
    mixed = Pairs(pairs.query, np.random.default_rng(2).permutation(pairs.item), pairs.weight)
    learned = Adapter(learning_rate=3e-2, temperature=0.1).fit(queries, items, mixed)
    assert learned is None or first(queries @ learned.T, items) < 0.05


def test_of_very_many_pairs_a_sample_teaches_and_another_judges(
    turned: tuple[np.ndarray, np.ndarray, Pairs], monkeypatch: pytest.MonkeyPatch
) -> None:
    queries, items, pairs = turned
    seen: list[int] = []
    monkeypatch.setattr(adapt, "MOST", 60)
    monkeypatch.setattr(adapt, "MOST_JUDGED", 7)
    monkeypatch.setattr(Adapter, "_loss", lambda self, w, q, i, judging, s: seen.append(len(judging.item)) or 1.0)
    monkeypatch.setattr(Adapter, "_epoch", lambda self, turn, q, i, fitting, random: seen.append(len(fitting.item)))
    Adapter().fit(queries, items, pairs)
    assert set(seen) == {7, 60}


def test_too_few_queries_are_left_alone(turned: tuple[np.ndarray, np.ndarray, Pairs]) -> None:
    queries, items, _ = turned
    assert Adapter().fit(queries, items, Pairs(np.arange(40), np.arange(40), np.ones(40, np.float32))) is None


def test_the_same_pairs_give_the_same_map(turned: tuple[np.ndarray, np.ndarray, Pairs]) -> None:
    one, other = (Adapter(epochs=3, learning_rate=1e-2, temperature=0.1).fit(*turned) for _ in range(2))
    assert one is not None and other is not None
    np.testing.assert_array_equal(one, other)


def test_a_map_of_low_rank_learns_a_turn_of_few_directions_and_is_of_that_rank() -> None:
    """Queries are their items with two directions swapped: the identity and a product of rank two say that."""
    random = np.random.default_rng(5)
    items = unit(random.standard_normal((600, 16)) * ([4.0] * 2 + [1.0] * 14))
    swapped = np.r_[1, 0, 2:16]
    queries = unit(items[:400][:, swapped] + 0.05 * random.standard_normal((400, 16)))
    found = Adapter(learning_rate=3e-2, temperature=0.1, rank=2).fit(
        queries[:300], items, Pairs(np.arange(300), np.arange(300), np.ones(300, np.float32))
    )
    assert found is not None and np.linalg.matrix_rank(found - np.eye(16), tol=1e-4) == 2
    assert first(queries[300:400] @ found.T, items[300:400]) > first(queries[300:400], items[300:400]) + 0.2
