"""Calibration: probabilities that mean what they say, an order that stays, and missing scores that stay missing."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.evaluation.probability import auc, ece, logloss
from aisle.ranking.calibrate import Calibrator

METHODS = ("platt", "isotonic")


def shop(n: int = 20_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores on a scale of their own and what happened."""
    random = np.random.default_rng(seed)
    logit = random.normal(-2, 1.5, n)
    return 40 * logit + 700, (random.random(n) < 1 / (1 + np.exp(-logit))).astype(float)


@pytest.mark.parametrize("method", METHODS)
def test_calibrated_scores_happen_as_often_as_they_say_on_other_data(method: str) -> None:
    model = Calibrator(method).fit(*shop())  # type: ignore[arg-type]
    scores, labels = shop(seed=1)
    assert ece(labels, model.apply(scores)) < 0.012
    assert abs(model.apply(scores).mean() - labels.mean()) < 0.01


def test_platt_finds_the_line_that_made_the_data() -> None:
    model = Calibrator().fit(*shop(100_000))
    assert model.slope_ / model.spread_ == pytest.approx(1 / 40, rel=0.03)


def test_isotonic_follows_a_curve_that_is_no_sigmoid() -> None:
    random = np.random.default_rng(2)
    scores = random.random(30_000)
    labels = (random.random(30_000) < np.where(scores > 0.5, 0.6, 0.1)).astype(float)
    step, line = Calibrator("isotonic").fit(scores, labels), Calibrator().fit(scores, labels)
    assert ece(labels, step.apply(scores)) < 0.02 < ece(labels, line.apply(scores))


@pytest.mark.parametrize("method", METHODS)
@given(cases=st.lists(st.tuples(st.floats(-1e6, 1e6), st.sampled_from([0.0, 1.0])), max_size=40))
def test_the_curve_never_falls_and_stays_a_probability(method: str, cases: list[tuple[float, float]]) -> None:
    scores, labels = np.array([case[0] for case in cases]), np.array([case[1] for case in cases])
    found = Calibrator(method).fit(scores, labels).apply(np.linspace(-2e6, 2e6, 101))  # type: ignore[arg-type]
    assert (np.diff(found) >= -1e-12).all()
    assert ((found >= 0) & (found <= 1)).all()


def test_platt_makes_no_ties_where_scores_differ() -> None:
    scores, labels = shop(2_000)
    found = Calibrator().fit(scores, labels).apply(scores)
    assert len(np.unique(found)) == len(np.unique(scores))
    assert auc(labels, found).mean() == pytest.approx(auc(labels, scores).mean())


@pytest.mark.parametrize("method", METHODS)
def test_a_score_that_points_the_wrong_way_is_not_turned_round(method: str) -> None:
    scores, labels = shop(5_000)
    found = Calibrator(method).fit(-scores, labels).apply(-scores)  # type: ignore[arg-type]
    assert found.std() < 0.01
    assert found.mean() == pytest.approx(labels.mean(), abs=0.01)


@pytest.mark.parametrize("method", METHODS)
def test_missing_scores_stay_missing_and_teach_nothing(method: str) -> None:
    scores, labels = shop(1_000)
    plain = Calibrator(method).fit(scores, labels)  # type: ignore[arg-type]
    holed = Calibrator(method).fit(np.append(scores, np.nan), np.append(labels, 1.0))  # type: ignore[arg-type]
    asked = np.array([np.nan, 600.0, np.inf, -np.inf])
    np.testing.assert_array_equal(plain.apply(asked), holed.apply(asked))
    assert np.isnan(plain.apply(asked)[0])
    assert np.isfinite(plain.apply(asked)[1:]).all()


@pytest.mark.parametrize("method", METHODS)
def test_what_was_saved_answers_alike(method: str) -> None:
    scores, labels = shop(1_000)
    model = Calibrator(method).fit(scores, labels)  # type: ignore[arg-type]
    again = Calibrator.from_dict(json.loads(json.dumps(model.to_dict())))
    np.testing.assert_array_equal(model.apply(scores), again.apply(scores))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("label", [0.0, 1.0])
def test_one_class_only_answers_its_smoothed_share(method: str, label: float) -> None:
    found = Calibrator(method).fit(np.arange(8.0), np.full(8, label)).apply(np.arange(8.0))  # type: ignore[arg-type]
    assert found == pytest.approx(np.full(8, 0.9 if label else 0.1), abs=0.02)


def test_nothing_to_learn_from_answers_a_half() -> None:
    assert Calibrator().fit(np.zeros(0), np.zeros(0)).apply(np.array([3.0])) == pytest.approx(0.5, abs=1e-3)


def test_perfectly_parted_classes_stay_short_of_certainty() -> None:
    scores = np.arange(20.0)
    found = Calibrator().fit(scores, (scores >= 10).astype(float)).apply(scores)
    assert np.isfinite(logloss((scores >= 10).astype(float), found)).all()
    assert found[0] > 0.001
    assert found[-1] < 0.999
