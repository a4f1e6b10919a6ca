"""The class table agrees with a worked example and with scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest

from aisle.core.errors import InputError
from aisle.evaluation.classification import classification_report


def test_the_worked_example() -> None:
    found = classification_report(np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 0]), ["no", "click"])
    no, click = found.rows
    assert (no.precision, no.recall, no.f1, no.support) == pytest.approx((2 / 3, 2 / 3, 2 / 3, 3))
    assert (click.precision, click.recall, click.support) == pytest.approx((1 / 2, 1 / 2, 2))
    assert found.accuracy == pytest.approx(3 / 5)
    assert found.macro.f1 == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert found.weighted.f1 == pytest.approx((3 * 2 / 3 + 2 * 1 / 2) / 5)


def test_it_agrees_with_scikit_learn() -> None:
    sklearn = pytest.importorskip("sklearn.metrics", reason="scikit-learn belongs to aisle[train]")
    random = np.random.default_rng(0)
    true, guess = random.integers(4, size=300), random.integers(4, size=300)
    theirs = sklearn.classification_report(true, guess, target_names=list("abcd"), output_dict=True)
    ours = classification_report(true, guess, list("abcd"))
    for row in ours.rows:
        assert (row.precision, row.recall, row.f1) == pytest.approx(tuple(theirs[row.name][k] for k in ("precision", "recall", "f1-score")))
    assert ours.macro.f1 == pytest.approx(theirs["macro avg"]["f1-score"])
    assert ours.weighted.precision == pytest.approx(theirs["weighted avg"]["precision"])


def test_a_class_never_predicted_has_no_precision_and_one_never_seen_no_recall() -> None:
    found = classification_report(np.array([0, 0]), np.array([0, 1]), ["a", "b", "c"])
    assert found.rows[1].precision == 0
    assert np.isnan(found.rows[1].recall)
    assert np.isnan(found.rows[2].precision)


@pytest.mark.parametrize(("true", "guess"), [([0, 1], [0]), ([0, 2], [0, 1]), ([0, -1], [0, 1])])
def test_labels_that_do_not_fit_are_refused(true: list[int], guess: list[int]) -> None:
    with pytest.raises(InputError):
        classification_report(np.array(true), np.array(guess), ["a", "b"])


def test_no_cases_give_no_numbers() -> None:
    found = classification_report(np.zeros(0, int), np.zeros(0, int), ["a"])
    assert found.n == 0
    assert np.isnan(found.accuracy)


def test_it_prints_as_a_table_whose_columns_stand_under_their_heads() -> None:
    text = str(classification_report(np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 0]), ["no", "click"])).splitlines()
    assert text[0].split() == ["precision", "recall", "F1", "cases"]
    assert text[2].split() == ["click", "0.500", "0.500", "0.500", "2"]
    assert len({len(line) for line in text[:-1]}) == 1 and text[-1] == "accuracy 0.600"
