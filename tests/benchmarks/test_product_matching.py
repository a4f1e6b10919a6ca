"""Product matching is measured as it says: thresholds come from validation, attributes are all read, what is the same is found by hand."""

from __future__ import annotations

import numpy as np
import pytest

from aisle.text.pairs import Pairs
from benchmarks.matching_data import Similarities, TfIdf, _held, offer, spoken
from benchmarks.product_matching import SPLITS, Held, _f1, best, every, f1_of, joined


def test_every_attribute_with_a_value_is_read() -> None:
    found = offer("COL title VAL Red Lamp COL manufacturer VAL  COL price VAL 9.5 ")
    assert found == {"title": "Red Lamp", "price": "9.5"}
    assert spoken(found) == "red lamp; 9.5"


def test_f1_is_the_harmonic_mean_of_precision_and_recall() -> None:
    truth = np.array([True, True, True, False, False])
    called = np.array([True, False, False, True, False])
    assert f1_of(called, truth) == pytest.approx(2 * 0.5 * (1 / 3) / (0.5 + 1 / 3))
    assert f1_of(np.zeros(5, bool), truth) == 0.0


def test_the_best_threshold_is_one_that_can_be_drawn() -> None:
    scores, truth = np.array([0.9, 0.8, 0.8, 0.1]), np.array([True, True, False, False])
    threshold, value = best(scores, truth)
    assert value == pytest.approx(0.8) and f1_of(scores >= threshold, truth) == pytest.approx(value)


def test_the_threshold_is_validations_even_where_another_would_be_better_on_test() -> None:
    truth = {"valid": np.array([True, False]), "test": np.array([True, False, False])}
    scores = {"valid": np.array([0.5, 0.4]), "test": np.array([0.9, 0.6, 0.1])}
    assert _f1("shops", "any", scores, truth).value == pytest.approx(2 / 3)


def test_what_needs_no_model_prefers_the_same_words_and_the_same_price() -> None:
    rows = [("red lamp a1", "red lamp a1"), ("red lamp a1", "blue lamp b2"), ("blue sofa c3", "blue sofa c3"), ("blue sofa c3", "sofa d4")]
    pairs = Pairs([a for a, _ in rows], [b for _, b in rows], np.float32([1, 0, 1, 0]))
    price = np.array([[9.0, 9.0], [9.0, 30.0], [np.nan, 5.0], [5.0, 50.0]])
    few = Similarities(pairs, price)
    for scores in (TfIdf(pairs).score(pairs), few.score(few.table(pairs, price))):
        assert scores[[0, 2]].min() > scores[[1, 3]].max()


def test_codes_are_found_whatever_stands_between_their_parts() -> None:
    left, right = "sony dsc-w55 camera 7.2", "camera sony dscw55 7.2 mp black x100"
    first, second, first_silent, second_silent, numbers, words = _held(left, right)
    assert (first, first_silent) == (1, 0), "dscw55 is held"
    assert (second, second_silent) == (0.5, 0), "x100 is not"
    assert numbers == 1, "55 and 7.2 are both there"
    assert words == 0.75, "three of four"
    assert _held("sofa ab12", "sofa") == [0, 0, 1, 0, 0, 1]


def test_both_together_find_what_one_alone_does_not() -> None:
    dice = np.random.default_rng(7)
    truth = {split: dice.random(400) < 0.5 for split in SPLITS[1:]}
    scores = {split: one + dice.normal(size=400) for split, one in truth.items()}
    tables = {split: np.column_stack([one + dice.normal(size=400), dice.normal(size=400)]) for split, one in truth.items()}
    found = joined(scores, tables, truth["valid"])
    assert _f1("shops", "both", found, truth).value > _f1("shops", "one", scores, truth).value + 0.03


def test_no_pair_that_measures_in_any_set_teaches_all() -> None:
    def held(name: str, teaching: list[str], measuring: list[str]) -> Held:
        pairs = {"train": teaching, "valid": measuring[:1], "test": measuring[1:]}
        made = {split: Pairs(texts, [f"{text} too" for text in texts], np.ones(len(texts), np.float32)) for split, texts in pairs.items()}
        return Held(name, made, {}, {}, made["train"], 0)

    whole = every([held("one", ["a", "b"], ["x", "y"]), held("other", ["c", "x"], ["b", "z"])])
    assert list(whole.first) == ["a", "c"]
