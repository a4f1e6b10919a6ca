"""Items among which encoders are measured: answers, lookalikes, others; never many more than asked for."""

from __future__ import annotations

import numpy as np

from aisle.training.answers import pool

NEAR = {query: np.arange(900, 960) for query in range(100)}


def test_all_answers_and_what_looks_like_them_are_in_the_pool() -> None:
    known = {query: {query, query + 100} for query in range(100)}
    rows = pool(range(100), known, NEAR, 1_000, np.random.default_rng(1), 500)
    assert set(range(200)) <= set(rows.tolist())
    assert set(range(900, 920)) <= set(rows.tolist())
    assert len(rows) == len(set(rows.tolist())) == 500


def test_where_answers_are_many_each_query_keeps_one_and_half_of_the_pool_is_others() -> None:
    known = {query: set(range(query * 9, query * 9 + 9)) for query in range(100)}
    rows = set(pool(range(100), known, NEAR, 10_000, np.random.default_rng(1), 500).tolist())
    assert all(rows & answers for answers in known.values())
    assert 250 <= len(rows & set(range(900))) < 300, "a few more are among the others"
    assert set(range(900, 920)) <= rows and len(rows) == 500


def test_more_queries_than_room_keep_one_answer_each() -> None:
    known = {query: {query, query + 100} for query in range(100)}
    rows = set(pool(range(100), known, NEAR, 10_000, np.random.default_rng(1), 60).tolist())
    assert len(rows & set(range(200))) == 100 == len(rows)
