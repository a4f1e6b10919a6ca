"""Page order: by score, grouped by product, literal matches first, varied, and never an item twice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.arrange.diversity import POOL, Likeness, diversified
from aisle.arrange.groups import Groups
from aisle.arrange.order import foremost, sorted_by
from aisle.arrange.page import Page
from aisle.core.candidates import Candidates
from aisle.core.request import MOST_ITEMS, SORTS, Request
from aisle.core.runner import Runner
from aisle.retrieval.unit_vectors import UnitVectors
from aisle.testing import toys
from tests.arrange.toys import arranger, block, page, shop
from tests.pipeline.toy import pipeline, request, with_columns
from tests.pipeline.toy import shop as open_shop

HOME = Request("r", "home", limit=10)
SEARCH = Request("r", "search", query="lamp", limit=10)
scores = st.lists(st.floats(-10, 10, width=32) | st.just(float("nan")), max_size=40)
families = st.lists(st.sampled_from([None, "p1", "p2", "p3"]), min_size=40, max_size=40)


def test_without_rules_or_variants_the_page_stands_by_score_and_what_has_none_is_left_out() -> None:
    assert page(arranger(shop(size=4)), HOME, [0.1, np.nan, 0.9, 0.1]).rows.tolist() == [2, 0, 3]


def test_the_best_variant_stands_for_its_product() -> None:
    found = page(arranger(shop(parents=["p", "p", None, "p"])), HOME, [0.1, 0.8, 0.5, 0.3])
    assert found.rows.tolist() == [1, 2]
    assert found.grouped == {0: 1, 3: 1}


def test_the_parent_itself_is_one_of_its_variants() -> None:
    assert page(arranger(shop(parents=["i2", None, None])), HOME, [0.1, 0.2, 0.3]).rows.tolist() == [2, 1]


def test_by_price_the_cheapest_variant_is_shown() -> None:
    items = with_columns(shop(parents=["p", "p", None]), price=[9.0, 5.0, 7.0])
    assert page(arranger(items), replace(SEARCH, sort="price"), [0.9, 0.1, 0.5]).rows.tolist() == [1, 2]


@pytest.mark.parametrize("surface", ["item", "basket", "rank"])
def test_other_surfaces_show_every_variant(surface: str) -> None:
    asked = Request("r", surface, items=("i0",))  # type: ignore[arg-type]
    assert len(page(arranger(shop(parents=["p", "p"])), asked, [0.1, 0.2])) == 2


def test_grouping_can_be_switched_off() -> None:
    assert len(page(arranger(shop(parents=["p", "p"]), group=False), HOME, [0.1, 0.2])) == 2


def test_siblings_are_named_found_or_not() -> None:
    groups = Groups(shop(parents=["p", "p", None, "p"]))
    assert groups.siblings(1).tolist() == [0, 3]
    assert groups.siblings(2).tolist() == []
    assert groups.count(np.array([0, 1, 2, 3])) == 2


@given(scores, families)
def test_grouping_hides_only_siblings_of_what_it_shows(score: list[float], parents: list[str | None]) -> None:
    items = shop(parents=parents)
    found = page(arranger(items), HOME, score)
    finite = {row for row, value in enumerate(score) if np.isfinite(value)}
    assert set(found.rows.tolist()) | set(found.grouped) == finite
    for hidden, shown in found.grouped.items():
        assert parents[hidden] == parents[shown] is not None
        assert score[hidden] <= score[shown]
    products = [parents[row] or str(row) for row in found.rows.tolist()]
    assert len(products) == len(set(products))


@given(scores, families, st.integers(1, 9), st.sampled_from(SORTS), st.floats(0, 0.9))
def test_pages_put_together_are_the_one_long_page(
    score: list[float], parents: list[str | None], size: int, sort: str, strength: float
) -> None:
    random = np.random.default_rng(len(score))
    items = with_columns(shop(parents=parents, categories=["a", "b"] * 20), price=random.integers(1, 4, 40).astype(float).tolist())
    made = arranger(items, diversity=strength)
    whole = page(made, replace(HOME, limit=40, sort=sort), score).rows.tolist()
    asked = [replace(HOME, limit=size, offset=start, sort=sort) for start in range(0, 40, size)]
    parts = [page(made, one, score).rows[one.offset : one.offset + size].tolist() for one in asked]
    assert [row for part in parts for row in part] == whole
    assert len(set(whole)) == len(whole)


def test_a_page_is_cut_at_500_and_says_what_it_cut() -> None:
    found = page(arranger(shop(size=510)), HOME, np.arange(510).tolist())
    assert (len(found), found.cut.tolist()) == (MOST_ITEMS, list(range(9, -1, -1)))


def test_what_is_most_wanted_comes_first_when_asked_for_the_popular() -> None:
    data = toys.sequential()
    answer = open_shop(pipeline(data)).answer([request("search", query="a x1", sort="popular")])[0]
    assert {item.item_id for item in answer.items[:1]} == {"a"}


class Holding:
    """Titles 1 and 3 hold the query, 0 and 2 a word of it."""

    def literal(self, query: object) -> np.ndarray:
        return np.array([1, 3])

    def matches(self, query: object) -> np.ndarray:
        return np.arange(4)


def test_titles_that_hold_the_query_stand_before_all_others_with_their_scores_unchanged() -> None:
    made = arranger(shop(size=4), literal=Holding())
    found = page(made, SEARCH, [0.9, 0.1, 0.8, 0.3])
    assert found.rows.tolist() == [3, 1, 0, 2]
    assert found.moved == {3: ("literal",), 1: ("literal",)}
    assert page(made, replace(SEARCH, sort="newest"), [0.9, 0.1, 0.8, 0.3]).rows.tolist() == [0, 2, 3, 1]
    assert page(made, replace(SEARCH, surface="rank"), [0.9, 0.1, 0.8, 0.3]).rows.tolist() == [0, 2, 3, 1]


def test_a_chinese_piece_fills_the_page_with_titles_that_hold_it() -> None:
    words = ("红色", "蓝色", "台灯", "茶杯", "补水", "面霜")
    items = toys.catalogue({f"i{n}": {"title": words[n % 6] + words[n // 6 % 6] + str(n)} for n in range(180)})
    shown = open_shop(pipeline(toys.shop(items, [("u", "i0", 1.0, "click")]))).answer([request("search", query="水面", limit=100)])[0].items
    held = sum("水面" in title for title in items.text("title"))
    assert held == 5
    assert ["水面" in str(item.attributes["title"]) for item in shown[:held]] == [True] * held


def like(*groups: int) -> object:
    """Items of one group are the same, all others have nothing in common."""
    codes = np.array(groups)
    return lambda items: (codes[items][:, None] == codes[items]).astype(np.float32)


def test_of_three_alike_the_second_gives_way_to_something_else() -> None:
    items = np.arange(4, dtype=np.int32)
    assert diversified(items, 4, 0.5, like(1, 1, 1, 2)).tolist() == [0, 3, 1, 2]  # type: ignore[arg-type]


def test_mild_diversity_moves_an_item_few_places() -> None:
    items = np.arange(30, dtype=np.int32)
    order = diversified(items, 30, 0.1, like(*[1] * 20, *range(2, 12)))  # type: ignore[arg-type]
    assert max(np.argsort(order) - items) <= POOL * 0.1 / 0.9 + 1
    assert order[0] == 0


@given(st.lists(st.integers(0, 4), min_size=1, max_size=80), st.integers(0, 90), st.floats(0, 0.99))
def test_diversity_only_changes_places_and_the_first_stays_first(groups: list[int], picks: int, strength: float) -> None:
    items = np.arange(len(groups), dtype=np.int32)
    order = diversified(items, picks, strength, like(*groups))  # type: ignore[arg-type]
    assert sorted(order.tolist()) == items.tolist()
    assert order[0] == 0
    assert order[POOL:].tolist() == items[POOL:].tolist()
    longer = diversified(items, picks + 7, strength, like(*groups))  # type: ignore[arg-type]
    assert longer[:picks].tolist() == order[:picks].tolist()


def test_without_strength_nothing_moves() -> None:
    assert diversified(np.arange(9, dtype=np.int32), 9, 0.0, like(*[1] * 9)).tolist() == list(range(9))  # type: ignore[arg-type]


def test_likeness_is_the_cosine_of_vectors_else_the_category() -> None:
    items = np.array([0, 1, 2], np.int32)
    by_category = Likeness(shop(categories=["a", "a", None]))(items)
    assert by_category.tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 0]]
    by_vector = Likeness(shop(size=3), UnitVectors(np.array([[1, 0], [0.6, 0.8]], np.float16)))(items)
    assert by_vector[0, 1] == pytest.approx(0.6, abs=1e-3)
    assert by_vector[2].tolist() == [0, 0, 0]


def test_the_front_page_is_varied_and_says_which_items_moved() -> None:
    made = arranger(shop(categories=["a", "a", "a", "b"]), diversity=0.5)
    found = page(made, HOME, [0.9, 0.8, 0.7, 0.6])
    assert found.rows.tolist() == [0, 3, 1, 2]
    assert set(found.moved) == {1, 2, 3}
    assert page(made, SEARCH, [0.9, 0.8, 0.7, 0.6]).rows.tolist() == [0, 1, 2, 3]


def test_batch_equals_single() -> None:
    made = arranger(shop(parents=["p", "p", None, None], categories=["a"] * 4), diversity=0.4)
    rows = [np.array([0, 1, 2], np.int32), np.array([1, 3], np.int32)]
    values = [np.array([0.2, 0.3, 0.1], np.float32), np.array([0.5, 0.6], np.float32)]
    both = made(block(HOME, SEARCH), Candidates.of(rows, score=values))
    for number, asked in enumerate((HOME, SEARCH)):
        alone = page(made, asked, values[number].tolist(), rows[number].tolist())
        assert (both[number].rows - number * 3).tolist() == alone.rows.tolist()


@pytest.mark.parametrize("sort", ["price", "popular", "newest"])
def test_another_order_than_the_scores_is_one_of_what_matches_where_anything_does(sort: str) -> None:
    made, scores = arranger(shop(size=6), literal=Holding()), [0.9, 0.1, 0.8, 0.3, 0.7, 0.6]
    assert len(page(made, SEARCH, scores)) == 6
    sorted_ = page(made, replace(SEARCH, sort=sort), scores)
    assert (sorted_.rows.tolist(), sorted_.near.tolist()) == ([0, 2, 3, 1], [4, 5])
    assert len(page(made, replace(SEARCH, sort=sort), [0.2, 0.1], [4, 5])) == 2
    assert len(page(made, replace(SEARCH, sort=sort, query=None), scores)) == 6


def test_why_says_that_what_merely_comes_near_is_not_sorted() -> None:
    items = toys.dozen()
    made = open_shop(pipeline())
    asked = request("search", query="lamp", sort="price", why=("cup_tea",))
    ranked = made.pipeline.answer([asked], Runner())
    rows = np.arange(len(ranked.candidates), dtype=np.int64)
    near = replace(
        ranked, candidates=Candidates.of([items.rows(["cup_tea"])], score=[np.ones(1, np.float32)]), pages=[Page(rows[:0], near=rows[:1])]
    )
    assert made._why(near, 0)["cup_tea"].stage == "near"


@pytest.mark.parametrize("sort", SORTS)
def test_the_foremost_of_many_are_those_that_stand_first_when_all_are_sorted(sort: str) -> None:
    rng = np.random.default_rng(3)
    items = with_columns(
        shop(size=60), price=rng.permutation(60).tolist(), created_at=[*rng.permutation(50).tolist(), *[float("nan")] * 10]
    )
    found = Candidates.of([np.arange(60, dtype=np.int32)], score=[rng.permutation(60).astype(np.float32)])
    found.add("popular", rng.permutation(60).astype(np.float32))
    best = found.order_by("score")
    every = sorted_by(sort, found, items, best)
    assert sorted(foremost(sort, found, items, np.arange(60), 7).tolist()) == sorted(every[:7].tolist())
    assert foremost(sort, found, items, np.arange(60), 60).tolist() == list(range(60))
