"""The pool: what the ranker reads, the same whichever page is asked for."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aisle.core.candidates import Candidates, union
from aisle.core.request import MOST_ITEMS, Request
from aisle.fusion.pool import ASKED, ASKED_LISTED, BEYOND, LISTED, PAGE, SIZE, places, pool


def proposed(lists: dict[str, list[list[int]]]) -> Candidates:
    """Each source's items of each request, best first."""
    blocks = {
        name: Candidates.of(
            [np.array(rows, np.int32) for rows in each], score=[np.arange(len(rows), 0, -1, dtype=np.float32) for rows in each]
        )
        for name, each in lists.items()
    }
    return union(blocks, len(next(iter(lists.values()))))


def asked(**fields: object) -> Request:
    return Request("r", "home", **fields)  # type: ignore[arg-type]


def test_an_item_that_several_sources_name_stands_before_one_that_a_single_source_names_as_high() -> None:
    found = proposed({"a": [[7, 3]], "b": [[9, 3]]})
    order = found.item[np.argsort(places(found, ["a", "b"]))]
    assert order.tolist() == [3, 7, 9]  # 1/(1+1/5) twice is 1.67; the two first ones have 1 each and tie to the lower item


def test_small_lists_stay_whole_and_in_their_order() -> None:
    found = proposed({"a": [[5, 1], []], "b": [[1], [4]]})
    kept = pool(found, ["a", "b"], [asked(), asked()])
    assert kept.item.tolist() == found.item.tolist()
    assert kept.offsets.tolist() == found.offsets.tolist()
    assert BEYOND not in kept.columns


def test_what_was_handed_in_stays_however_low_it_stands() -> None:
    many = list(range(SIZE + 50))
    found = proposed({"a": [many], "given": [[SIZE + 49, 4_000]]})
    kept = pool(found, ["a"], [asked()], ["given"])
    assert {SIZE + 49, 4_000} <= set(kept.item.tolist())
    assert len(kept) == SIZE + 2


@given(st.integers(0, 700), st.integers(1, 100), st.integers(1, 900))
def test_a_deep_page_keeps_the_shallow_pool_in_front(offset: int, limit: int, size: int) -> None:
    found = proposed({"a": [list(range(size))], "b": [list(range(0, size, 3))]})
    most = LISTED if limit > PAGE else SIZE
    shallow, deep = pool(found, ["a", "b"], [asked(limit=limit)]), pool(found, ["a", "b"], [asked(offset=offset, limit=limit)])
    assert len(shallow) == min(size, most)
    if offset + limit > most:
        assert len(deep) == min(size, MOST_ITEMS)
        assert set(deep.item[deep[BEYOND] == 0].tolist()) == set(shallow.item.tolist())
    else:
        assert deep.item.tolist() == shallow.item.tolist()


def test_a_query_has_a_larger_pool() -> None:
    found = proposed({"a": [list(range(900))]})
    assert len(pool(found, ["a"], [Request("r", "search", query="lamp")])) == ASKED > SIZE
    assert len(pool(found, ["a"], [Request("r", "search", query="lamp", limit=100)])) == ASKED_LISTED > LISTED


def test_another_order_than_the_score_reads_as_many_as_there_are_pages_for() -> None:
    found = proposed({"a": [list(range(900))]})
    assert len(pool(found, ["a"], [asked(sort="price")])) == MOST_ITEMS


def test_requests_of_a_block_do_not_see_each_other() -> None:
    one, two = [list(range(400))], [list(range(100, 900))]
    together = pool(proposed({"a": one + two}), ["a"], [asked(), asked(limit=500)])
    for number, (rows, request) in enumerate(((one, asked()), (two, asked(limit=500)))):
        alone = pool(proposed({"a": rows}), ["a"], [request])
        assert together.item[together.of_request(number)].tolist() == alone.item.tolist()
