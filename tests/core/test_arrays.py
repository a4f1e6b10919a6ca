"""Numbers are found among others, and what stands in no list has no place."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aisle.core.arrays import found_at, grouped, looked_up

NUMBERS = st.lists(st.integers(-4, 9), max_size=12)


@given(NUMBERS, NUMBERS)
def test_the_last_place_of_each_number_is_found_and_none_for_an_absent_one(keys: list[int], wanted: list[int]) -> None:
    last = {number: place for place, number in enumerate(keys)}
    assert found_at(np.array(keys, np.int64), np.array(wanted, np.int64)).tolist() == [last.get(number, -1) for number in wanted]


def test_a_sparse_list_says_nothing_as_zero() -> None:
    places, values = np.array([2, 5], np.int32), np.array([0.5, 2.0], np.float32)
    assert looked_up(places, values, np.array([5, 3, 2, 9], np.int32)).tolist() == [2.0, 0.0, 0.5, 0.0]
    assert looked_up(places[:0], values[:0], places).tolist() == [0.0, 0.0]


def test_each_query_has_its_items_in_their_order() -> None:
    found = grouped(np.array([2, 0, 2]), np.array([7, 8, 9]), 3)
    assert [rows.tolist() for rows in found] == [[8], [], [7, 9]]
