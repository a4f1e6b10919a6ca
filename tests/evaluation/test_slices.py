"""Groups of requests: each request lands where its history, its query or its target says."""

from __future__ import annotations

import numpy as np

from aisle.evaluation import slices
from aisle.evaluation.lists import Truth


def where(mask: np.ndarray) -> list[int]:
    return np.flatnonzero(mask).tolist()


def test_users_are_parted_by_what_is_known_of_them() -> None:
    found = slices.users(np.array([0, 1, 5, 6, 20, 21, 999, -1]))
    assert {name: where(mask) for name, mask in found.items()} == {
        "users with no events": [0],
        "users with 1 to 5 events": [1, 2],
        "users with 6 to 20 events": [3, 4],
        "users with over 20 events": [5, 6],
    }


def test_a_group_without_a_request_is_not_named() -> None:
    assert list(slices.users(np.array([3, 3]))) == ["users with 1 to 5 events"]
    assert slices.users(np.array([-1])) == {}


def test_items_are_parted_by_the_least_known_relevant_one() -> None:
    truth = Truth.of(4, np.array([0, 0, 1, 2]), np.array([0, 1, 1, -1]), relevant=np.array([True, True, True, True]))
    found = slices.items(truth, np.array([0.0, 50.0]))
    assert where(found["wanted item with no events"]) == [0, 2]
    assert where(found["wanted item with over 20 events"]) == [1]


def test_an_item_that_is_graded_but_not_relevant_does_not_count() -> None:
    truth = Truth.of(1, np.array([0, 0]), np.array([0, 1]), np.array([1.0, 2.0]), np.array([False, True]))
    assert list(slices.items(truth, np.array([0.0, 50.0]))) == ["wanted item with over 20 events"]


def test_head_queries_make_up_half_of_the_log_and_tail_ones_came_at_most_once() -> None:
    counts = np.array([50, 30, 10, 5, 1, 1, 1, 1, 1])  # 50 of 100 is half
    found = slices.queries(np.array([50, 30, 5, 1, 0, -1]), counts)
    assert where(found["head queries"]) == [0]
    assert where(found["torso queries"]) == [1, 2]
    assert where(found["tail queries"]) == [3, 4]


def test_a_log_in_which_nothing_repeats_has_no_head() -> None:
    assert list(slices.queries(np.array([1, 0]), np.ones(9, int))) == ["tail queries"]
    assert list(slices.queries(np.array([0]), np.zeros(0, int))) == ["tail queries"]


def test_language_is_told_by_script() -> None:
    found = slices.languages(["red lamp", "红色台灯", "iPhone 手机", "12345", None, "naïve"])
    assert {name: where(mask) for name, mask in found.items()} == {
        "queries in en": [0, 5],
        "queries in zh": [1],
        "queries in mixed": [2],
        "queries without letters": [3],
    }


def test_categories_are_the_tops_of_their_paths_commonest_kept() -> None:
    names = ("Home > Lamps", "Home > Desks", "Toys", "Rare")
    truth = Truth.of(3, np.array([0, 0, 1, 1, 2]), np.array([0, 1, 2, 1, 3]))
    found = slices.categories(truth, np.array([0, 1, 2, -1], np.int32), names, most=2)
    assert {name: where(mask) for name, mask in found.items()} == {"category Home": [0, 1], "category Toys": [1]}
    assert slices.categories(truth, np.full(4, -1, np.int32), ()) == {}
