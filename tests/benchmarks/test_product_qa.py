"""Evidence is ranked and measured as it is said: orders by hand, chance without drawing, nothing of a test teaches."""

from __future__ import annotations

import csv
import gzip
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from aisle.core.candidates import Candidates
from benchmarks.product_qa import lexical, lists, paired
from benchmarks.qa_data import Asked, best_weight, by_chance, expected, quality, read_asked, spoken, taught, within

ROWS = [
    ("1", "What  colour?", 'color:  { value:"Red" }', "1"),
    ("1", "What  colour?", "fan_count: { value:6 }", "0"),
    ("1", "What  colour?", 'color:  { value:"red" }', "0"),
    ("2", "Is it heavy?", "a fine lamp", "0"),
]


def asked_of(right: list[list[bool]], questions: list[str] | None = None) -> Asked:
    held = Candidates.of([np.arange(len(row), dtype=np.int32) for row in right])
    texts = [f"evidence {number}" for number in range(max(map(len, right)))]
    return Asked(questions or [f"question {n}" for n in range(len(right))], texts, held, np.concatenate([np.array(row) for row in right]))


def test_an_attribute_is_read_as_words_and_a_measure_once() -> None:
    weight = "item_weight:  { unit:ounces, normalized_value:{ unit:pounds, value:0.02 }, value:0.25 }"
    assert spoken(weight) == "item weight: ounces, 0.25"
    assert spoken("It's  Red") == "it's red"


def test_a_text_that_stands_twice_is_one_candidate_and_right_where_any_of_them_is(tmp_path: Path) -> None:
    path = tmp_path / "some.csv.gz"
    with gzip.open(path, "wt", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter="\t").writerows([("qid", "question", "candidate", "label"), *ROWS])
    found = read_asked(path)
    assert found.questions == ["what colour?", "is it heavy?"]
    assert found.held.counts.tolist() == [2, 1]
    assert {found.evidence[row]: bool(right) for row, right in zip(found.held.item, found.right, strict=True)} == {
        "color: red": True, "fan count: 6": False, "a fine lamp": False,
    }  # fmt: skip


def test_the_metrics_of_an_order_by_hand() -> None:
    asked = asked_of([[True, False, True], [False, False]])
    found = quality(np.array([0.1, 0.9, 0.5, 1.0, 2.0]), asked)  # the first question's order: wrong, right, right
    assert [found[name][0] for name in ("MRR", "precision@1", "MAP")] == pytest.approx([1 / 2, 0, (1 / 2 + 2 / 3) / 2])
    assert np.isnan([found[name][1] for name in found]).all()


def test_chance_is_the_mean_over_all_orders() -> None:
    asked = asked_of([[True, True, False, False]])
    every = [quality(np.array(order, float), asked) for order in permutations(range(4))]
    for name, value in by_chance(asked).items():
        assert value[0] == pytest.approx(np.mean([found[name][0] for found in every]))
    assert expected(1, 1) == (1, 1, 1)


def test_the_weight_is_the_one_that_orders_best() -> None:
    asked = asked_of([[True, False, False]])
    good, bad = np.array([0.9, 0.1, 0.0]), np.array([0.0, 0.5, 1.0])
    assert best_weight(good, bad, asked) > 0.5 > best_weight(bad, good, asked)
    assert within(np.array([np.nan, 2.0, 4.0]), asked).tolist() == [0, 0.5, 1]


def test_no_question_of_a_test_teaches_or_chooses_and_none_does_both() -> None:
    names = [f"question {number}" for number in range(40)]
    dev, test = asked_of([[True, False]] * 40, names), asked_of([[True, False]] * 2, ["question 3", "question 8"])
    teaching, choosing = taught(dev, [test])
    assert sorted(teaching.questions + choosing.questions) == sorted(set(names) - set(test.questions))
    assert 0 < len(choosing.questions) < len(teaching.questions)
    assert len(teaching.right) == 2 * len(teaching.questions)


def test_right_evidence_is_learned_among_the_wrong_of_its_own_question() -> None:
    asked = asked_of([[False, True, False], [True, False]])
    found = lists(asked)
    assert list(zip(found.query.tolist(), found.item.tolist(), strict=True)) == [(0, 1), (1, 0)]
    assert [rows.tolist() for rows in found.hard] == [[0, 2], [1]]
    assert paired(asked) == (["question 0"] * 3 + ["question 1"] * 2, [f"evidence {row}" for row in (0, 1, 2, 0, 1)])


def test_the_lexical_source_puts_evidence_with_the_questions_words_first() -> None:
    held = Candidates.of([np.array([0, 1, 2], np.int32)])
    asked = Asked(["is the frame steel?"], ["color: red", "frame: steel", "a steel knob"], held, np.array([False, True, False]))
    score = lexical(asked)
    assert score.argmax() == 1
    assert (score[0], score[1]) == (0, 1)
