"""Which items of a history lead to a candidate: worked by hand, missing where nothing is known, one request as in a block."""

from __future__ import annotations

import numpy as np

from aisle.core.profiles import Slices
from aisle.ranking.links import READ, TAILS, Links
from aisle.retrieval.neighbours import Neighbours
from tests.ranking.test_likeness import NAN, block, candidates

# 0 leads to 2 (.5) and 3 (.1), 1 leads to 2 (.3), 2 and 3 lead nowhere
TABLE = Neighbours(np.array([0, 2, 3, 3, 3]), np.array([2, 3, 2], np.int32), np.array([0.5, 0.1, 0.3], np.float32))
LINKS = Links("markov", TABLE)


def test_what_leads_to_a_candidate_by_hand() -> None:
    found = LINKS(block([0, 1]), candidates([1, 2, 3]))
    assert list(found) == [f"markov{tail}" for tail in TAILS]
    wanted = {
        "links": [0, 2, 1],
        "strongest": [0, 0.5, 0.1],
        "nearest": [NAN, 0, 1],
        "from_last": [0, 0.3, 0],
        "from_second": [0, 0.5, 0.1],
    }
    for name, values in wanted.items():
        np.testing.assert_allclose(found[f"markov_{name}"], values, err_msg=name)


def test_a_stranger_has_no_links_and_one_item_has_none_before_it() -> None:
    found = LINKS(block([], [0]), candidates([2], [2]))
    assert np.isnan([column[0] for column in found.values()]).all()
    assert found["markov_from_last"][1] == np.float32(0.5) and np.isnan(found["markov_from_second"][1])


def test_an_item_of_later_leads_nowhere_and_nothing_leads_to_it() -> None:
    assert LINKS(block([0]), candidates([2, 9]))["markov_links"].tolist() == [1, 0]
    assert np.isnan(LINKS(block([9]), candidates([2]))["markov_links"]).all(), "of such a history nothing is known"


def test_only_the_newest_are_looked_at_and_a_page_starts_from_its_items() -> None:
    assert LINKS(block([0, *[3, 1] * (READ // 2)]), candidates([3]))["markov_links"].tolist() == [0]
    seeds = Slices(np.array([0, 1]), np.array([1], np.int32), {})
    assert LINKS(block([0], seeds=seeds), candidates([2]))["markov_strongest"] == np.float32(0.3)


def test_one_request_reads_as_it_does_in_a_block() -> None:
    both = LINKS(block([0, 1], [1]), candidates([1, 2], [2, 3]))
    for place, (past, items) in enumerate((([0, 1], [1, 2]), ([1], [2, 3]))):
        alone = LINKS(block(past), candidates(items))
        for name, column in alone.items():
            assert np.array_equal(column, both[name][2 * place :][:2], equal_nan=True)
