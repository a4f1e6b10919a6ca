"""Every ranking metric against numbers worked by hand, and the promises that hold for all of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.core.candidates import Candidates
from aisle.core.errors import InputError, StageError
from aisle.evaluation.lists import Ranked, Truth, judge
from aisle.evaluation.metrics import ACCURACY, ItemFacts, coverage, diversity, novelty, of_ranks, parse, per_request, target_rank


def truth(*wanted: dict[int, float], **more: np.ndarray) -> Truth:
    """One dictionary item -> grade per request."""
    request = np.array([number for number, items in enumerate(wanted) for _ in items], np.int64)
    item = np.array([item for items in wanted for item in items], np.int64)
    return Truth.of(len(wanted), request, item, np.array([grade for items in wanted for grade in items.values()], float), **more)


def measure(name: str, lists: list[list[int]], wanted: Truth, facts: ItemFacts | None = None) -> list[float]:
    ranked = Ranked.of(lists)
    return [round(float(value), 6) for value in per_request(judge(ranked, wanted), ranked, name, facts)]


def test_ndcg_is_the_worked_example() -> None:
    # gains 2^2-1 = 3 at place 2, 2^1-1 = 1 at place 3; best: 3 at place 1, 1 at place 2
    got = 3 / np.log2(3) + 1 / np.log2(4)
    best = 3 / np.log2(2) + 1 / np.log2(3)
    assert measure("ndcg@10", [[9, 5, 7]], truth({5: 2.0, 7: 1.0})) == [round(got / best, 6)]


def test_ndcg_of_a_cut_compares_with_the_best_list_of_that_length() -> None:
    assert measure("ndcg@1", [[5, 7]], truth({5: 1.0, 7: 1.0, 8: 1.0})) == [1.0]


def test_ndcg_reads_grades_even_of_items_that_are_not_relevant() -> None:
    wanted = truth({5: 1.0, 7: 2.0}, relevant=np.array([False, True]))
    assert measure("ndcg@1", [[5]], wanted) == [round(1 / 3, 6)]
    assert measure("hr@1", [[5]], wanted) == [0.0]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("recall@2", [1 / 3, 0.0]),
        ("recall@4", [2 / 3, 1.0]),
        ("precision@4", [0.5, 0.25]),
        ("hr@2", [1.0, 0.0]),
        ("mrr", [0.5, 1 / 3]),
        ("mrr@2", [0.5, 0.0]),
        ("map", [(1 / 2 + 2 / 4) / 3, 1 / 3]),
        ("map@3", [(1 / 2) / 3, 1 / 3]),
    ],
)
def test_set_metrics_are_the_worked_example(name: str, expected: list[float]) -> None:
    lists = [[9, 1, 8, 2], [9, 8, 1]]
    assert measure(name, lists, truth({1: 1.0, 2: 1.0, 3: 1.0}, {1: 1.0})) == [round(value, 6) for value in expected]


def test_a_request_with_nothing_to_find_is_missing_and_a_list_that_misses_is_zero() -> None:
    for name in ("ndcg@5", "recall@5", "precision@5", "hr@5", "mrr", "map"):
        values = measure(name, [[1, 2], [1, 2], []], truth({}, {3: 1.0}, {3: 1.0}))
        assert np.isnan(values[0]), name
        assert values[1:] == [0.0, 0.0], name


def test_an_item_that_the_catalogue_lacks_counts_as_missed() -> None:
    assert measure("recall@5", [[0, 1]], truth({-1: 1.0, 1: 1.0})) == [0.5]


def test_two_unknown_items_are_two_and_a_repeated_known_one_is_one() -> None:
    both = Truth.of(1, np.zeros(4, int), np.array([-1, -1, 3, 3]), np.array([1.0, 1, 1, 2]), value=np.array([1.0, 1, 2, 3]))
    assert both.item.tolist() == [-1, -1, 3]
    assert both.grade.tolist() == [1, 1, 2]
    assert both.value.tolist() == [1, 1, 5]


def test_conversion_counts_requests_without_a_purchase_too() -> None:
    wanted = truth({1: 1.0}, {1: 1.0}, {}, bought=np.array([True, False]))
    assert measure("conversion@1", [[1], [1], [1]], wanted) == [1.0, 0.0, 0.0]


def test_revenue_is_what_was_paid_for_the_items_shown() -> None:
    wanted = truth({1: 1.0, 2: 1.0}, {1: 1.0}, bought=np.ones(3, bool), value=np.array([5.0, 7.0, 2.5]))
    assert measure("revenue@2", [[2, 9, 1], [1]], wanted) == [7.0, 2.5]


def test_revenue_without_a_known_price_is_missing_not_zero() -> None:
    wanted = truth({1: 1.0}, bought=np.ones(1, bool), value=np.array([np.nan]))
    assert np.isnan(measure("revenue@2", [[1]], wanted)[0])


def test_coverage_counts_different_items_of_all_first_pages() -> None:
    assert coverage(Ranked.of([[0, 1, 2], [1, 0, 3]]), ItemFacts(np.ones(8)), 2) == 2 / 8


def test_novelty_is_bits_of_surprise() -> None:
    # seen 3, 1, 0 plus one each: p = 4/7, 2/7, 1/7
    found = novelty(Ranked.of([[0, 2], []]), ItemFacts(np.array([3.0, 1.0, 0.0])), 5)
    assert found[0] == pytest.approx((np.log2(7 / 4) + np.log2(7)) / 2)
    assert np.isnan(found[1])


def test_diversity_by_category_is_the_share_of_unlike_pairs() -> None:
    facts = ItemFacts(np.ones(5), group=np.array([0, 0, 1, -1, 2], np.int32))
    found = diversity(Ranked.of([[0, 1, 2], [0, 1], [0, 3], [0, 2, 4]]), facts, 10)
    assert found[[0, 1, 3]].tolist() == pytest.approx([2 / 3, 0.0, 1.0])
    assert np.isnan(found[2])


def test_diversity_by_vectors_is_the_mean_of_all_pairs() -> None:
    vectors = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs = [1 - float(unit[a] @ unit[b]) for a, b in [(0, 3), (0, 5), (3, 5)]]
    found = diversity(Ranked.of([[0, 3, 5, 1]]), ItemFacts(np.ones(6), vectors=vectors), 3)
    assert found[0] == pytest.approx(np.mean(pairs), abs=1e-6)


def test_ties_stand_at_their_mean_rank_so_a_constant_scorer_gains_nothing() -> None:
    offsets = np.array([0, 4, 8, 10])
    score = np.array([1.0, 1, 1, 1, 5, 3, 3, np.nan, 1, 2])
    assert target_rank(offsets, score, np.array([0, 5, -1])).tolist() == [1.5, 1.5, np.inf]


def test_a_target_without_a_score_sinks_to_the_end() -> None:
    assert target_rank(np.array([0, 3]), np.array([np.nan, -5.0, np.inf]), np.array([0])).tolist() == [1.5]


def test_metrics_of_a_rank_agree_with_those_of_the_list() -> None:
    lists = [[9, 4, 7, 1], [1, 2], [3]]
    wanted = truth({1: 1.0}, {1: 1.0}, {8: 1.0})
    from_ranks = of_ranks(np.array([3.0, 0.0, np.inf]), ["ndcg@10", "hr@2", "mrr", "recall@4", "map@4"])
    for name, values in from_ranks.items():
        assert values.round(6).tolist() == measure(name, lists, wanted), name


def test_a_list_that_holds_an_item_twice_is_refused() -> None:
    with pytest.raises(StageError, match="twice"):
        judge(Ranked.of([[1, 1]]), truth({1: 1.0}))


def test_a_missing_list_is_refused() -> None:
    with pytest.raises(StageError, match="1 ranked lists for 2 requests"):
        judge(Ranked.of([[1]]), truth({1: 1.0}, {2: 1.0}))


@pytest.mark.parametrize("name", ["ndcg@0", "ndcg@x", "niceness@10"])
def test_an_unknown_metric_is_named_with_those_there_are(name: str) -> None:
    with pytest.raises(InputError, match="metric"):
        measure(name, [[1]], truth({1: 1.0}))


def test_names_carry_their_depth() -> None:
    assert parse("recall@100") == ("recall", 100)
    assert parse("mrr")[1] > 1_000_000


def test_ordered_candidates_are_ranked_lists() -> None:
    candidates = Candidates.of([np.array([4, 2], np.int32), np.array([7], np.int32)])
    assert judge(candidates, truth({2: 1.0}, {7: 1.0})).rank.tolist() == [1, 0]


def test_nothing_at_all_is_measured_as_nothing() -> None:
    assert measure("ndcg@10", [], truth()) == []
    assert np.isnan(measure("ndcg@10", [[1]], truth({}))).all()


lists_of_items = st.lists(st.lists(st.integers(0, 12), unique=True, max_size=8), min_size=1, max_size=6)


@given(lists_of_items, st.lists(st.dictionaries(st.integers(0, 12), st.integers(0, 3).map(float), max_size=6), min_size=6, max_size=6))
def test_every_metric_lies_between_nothing_and_perfect(lists: list[list[int]], wanted: list[dict[int, float]]) -> None:
    aim = truth(*wanted[: len(lists)])
    for kind in set(ACCURACY) - {"revenue"}:
        values = np.array(measure(f"{kind}@3", lists, aim))
        assert ((values >= 0) & (values <= 1 + 1e-9) | np.isnan(values)).all(), kind


@given(lists_of_items, st.lists(st.dictionaries(st.integers(0, 12), st.integers(0, 3).map(float), max_size=6), min_size=6, max_size=6))
def test_a_block_of_requests_measures_like_each_alone(lists: list[list[int]], wanted: list[dict[int, float]]) -> None:
    for name in ("ndcg@3", "map", "mrr@4", "recall@2"):
        together = measure(name, lists, truth(*wanted[: len(lists)]))
        alone = [measure(name, [one], truth(aim))[0] for one, aim in zip(lists, wanted, strict=False)]
        np.testing.assert_array_equal(together, alone)


@given(st.permutations(range(8)), st.dictionaries(st.integers(0, 7), st.integers(1, 3).map(float), min_size=1))
def test_moving_a_wanted_item_up_never_hurts(order: list[int], wanted: dict[int, float]) -> None:
    place = next(at for at, item in enumerate(order) if item in wanted)
    better = [order[place], *order[:place], *order[place + 1 :]]
    for name in ("ndcg@5", "mrr", "map", "recall@3"):
        assert measure(name, [better], truth(wanted))[0] >= measure(name, [list(order)], truth(wanted))[0] - 1e-9
