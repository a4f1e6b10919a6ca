"""The figures from outside, worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.measure import hit_rate, holding, interval, measure, ndcg, recall

GRADED = {"grades": {"a": 2.0, "b": 1.0, "c": 0.0}, "relevant_from": 1.0}


def page(*items: str) -> dict[str, object]:
    return {"items": [{"item_id": item, "title": item} for item in items]}


def test_recall_counts_relevant_items_and_not_merely_judged_ones() -> None:
    assert recall(["c", "a", "x"], GRADED, 10) == 0.5
    assert recall(["c", "a", "b"], GRADED, 2) == 0.5
    assert math.isnan(recall(["a"], {"grades": {"a": 0.0}, "relevant_from": 1.0}, 10))


def test_a_hit_is_one_relevant_item() -> None:
    assert hit_rate(["x", "b"], GRADED, 10) == 1.0
    assert hit_rate(["x", "c"], GRADED, 10) == 0.0
    assert hit_rate(["x", "b"], GRADED, 1) == 0.0


def test_ndcg_by_hand() -> None:
    ideal = 3 / math.log2(2) + 1 / math.log2(3)
    assert ndcg(["a", "b", "c"], GRADED, 10) == pytest.approx(1.0)
    assert ndcg(["b", "x", "a"], GRADED, 10) == pytest.approx((1 + 3 / math.log2(4)) / ideal)
    assert ndcg(["x"], GRADED, 10) == 0.0


def test_a_piece_must_stand_in_every_title() -> None:
    assert holding(page("红色口红", "红茶", "蓝色"), {"contains": "红"}) == pytest.approx(2 / 3)
    assert holding(page(), {"contains": "红"}) == 0.0


def test_a_failed_answer_counts_as_an_empty_page() -> None:
    found = measure([page("a"), {"code": "failed"}], [GRADED, GRADED])
    assert found["hr@10"]["value"] == 0.5
    assert found["empty"] == {"value": 1.0, "n": 2}


def test_answers_and_truth_belong_together_line_by_line() -> None:
    with pytest.raises(ValueError, match="1 answers for 2 truths"):
        measure([page("a")], [GRADED, GRADED])


def test_an_interval_holds_its_mean_and_narrows_with_more_requests() -> None:
    few, many = (interval(np.tile([0.0, 1.0], size)) for size in (10, 1_000))
    assert few["low"] < few["value"] == 0.5 < few["high"]
    assert many["high"] - many["low"] < few["high"] - few["low"]
    assert interval(np.array([np.nan, 1.0]))["n"] == 1
