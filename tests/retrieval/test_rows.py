"""Rows of scores in their three forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aisle.retrieval import rows
from aisle.retrieval.rows import TOGETHER, Few, Full, Row, Standing, best, products

SCORES = st.lists(st.integers(-2, 4), min_size=1, max_size=30)


def mask(bits: int, length: int) -> np.ndarray:
    return np.array([bool(bits >> place & 1) for place in range(length)])


@given(SCORES, st.integers(1, 8), st.integers(0, 2**30))
@settings(max_examples=200, deadline=None)
def test_the_best_are_the_head_of_the_whole_order(scores: list[int], limit: int, bits: int) -> None:
    row, allowed = np.array(scores, np.float32), mask(bits, len(scores))
    wanted = [item for item in sorted(range(len(row)), key=lambda item: (-row[item], item)) if allowed[item] and row[item] > 0]
    assert best(row, allowed, limit).tolist() == wanted[:limit]


@given(SCORES, st.integers(1, 8), st.integers(0, 2**30), st.sampled_from([2, 5, 1_000]))
@settings(max_examples=200, deadline=None)
def test_every_form_answers_the_same(scores: list[int], limit: int, bits: int, front: int) -> None:
    row, allowed = np.array(scores, np.float32), mask(bits, len(scores))
    said = np.flatnonzero(row).astype(np.int32)
    forms: list[Row] = [Full(row), Standing(row), Few(said, row[said])]
    asked = np.arange(len(row), dtype=np.int32)[::-1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "FRONT", front)
        for form in forms:
            items, found = form.best(allowed, limit)
            assert items.dtype == np.int32
            assert items.tolist() == best(row, allowed, limit).tolist()
            assert found.tolist() == row[items].tolist()
            assert form.of(asked).tolist() == row[asked].tolist()


def test_silence_scores_nothing() -> None:
    none = Few.none()
    assert not len(none.best(np.ones(5, bool), 3)[0])
    assert none.of(np.arange(5, dtype=np.int32)).tolist() == [0] * 5


def test_products_of_many_are_those_of_each_and_silence_stays_where_it_was() -> None:
    random = np.random.default_rng(5)
    vectors = random.standard_normal((50, 8)).astype(np.float32)
    users = [None if number % 5 == 2 else random.standard_normal(8).astype(np.float32) for number in range(2 * TOGETHER + 3)]
    found = list(products(vectors, users))
    assert [one is None for one in found] == [one is None for one in users]
    for one, user in zip(found, users, strict=True):
        assert one is None or (one.dtype == np.float32 and np.allclose(one, vectors @ user, atol=1e-5))
    assert list(products(vectors, [])) == [] and list(products(vectors, [None])) == [None]
    assert np.array_equal(next(products(vectors, [users[0]])), vectors @ users[0])
