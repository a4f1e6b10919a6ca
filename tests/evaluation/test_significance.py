"""Paired tests: right about how often they are wrong, in agreement with each other, corrected when there are many."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from aisle.evaluation.significance import Method, benjamini_hochberg, detectable, holm, paired

METHODS: tuple[Method, ...] = ("sign_flip", "t", "bootstrap")


@pytest.mark.parametrize("method", METHODS)
def test_without_a_difference_one_in_twenty_is_called_one(method: Method) -> None:
    noise = np.random.default_rng(0).normal(size=(100, 600))
    p = paired(noise, method=method, resamples=1_000).p
    assert 0.025 <= np.mean(p < 0.05) <= 0.085


@pytest.mark.parametrize("method", METHODS)
def test_a_clear_difference_is_found(method: Method) -> None:
    found = paired(np.random.default_rng(1).normal(0.3, 1, size=(400, 1)), method=method)
    assert found.p[0] < 0.001
    assert found.difference.low[0] > 0


def test_the_t_test_is_the_textbook_one() -> None:
    values = np.random.default_rng(2).normal(0.1, 1, size=(80, 1))
    assert paired(values, method="t").p[0] == pytest.approx(ttest_1samp(values[:, 0], 0).pvalue)


def test_the_three_tests_agree() -> None:
    values = np.random.default_rng(3).normal(0.1, 1, size=(300, 1))
    p = [paired(values, method=method).p[0] for method in METHODS]
    assert max(p) - min(p) < 0.02


def test_the_sign_flip_test_is_exact_for_three_users() -> None:
    # all eight sign patterns of 1, 1, 1: only +++ and --- are as far out, so p = 2/8
    assert paired(np.ones((3, 1)), resamples=20_000).p[0] == pytest.approx(0.25, abs=0.015)


def test_many_requests_of_few_users_prove_little() -> None:
    users = np.repeat(np.arange(4), 100)
    shift = np.array([0.5, 0.4, 0.6, 0.5])[users][:, None]
    assert paired(shift).p[0] < 0.001
    assert paired(shift, users).p[0] > 0.1


def test_equal_models_have_p_one_and_a_single_user_none() -> None:
    assert paired(np.zeros((50, 1))).p[0] == 1.0
    assert np.isnan(paired(np.ones((50, 1)), np.zeros(50, int)).p[0])
    assert np.isnan(paired(np.zeros((0, 2))).p).all()


def test_requests_missing_in_both_take_no_part() -> None:
    values = np.random.default_rng(4).normal(0.2, 1, size=(200, 1))
    padded = np.vstack([values, np.full((300, 1), np.nan)])
    assert paired(padded, method="t").p[0] == pytest.approx(paired(values, method="t").p[0])


def test_holm_is_the_worked_example() -> None:
    # sorted .01 .03 .04 -> .03, .06, .06
    assert holm(np.array([0.04, 0.01, 0.03])).tolist() == pytest.approx([0.06, 0.03, 0.06])


def test_benjamini_hochberg_is_the_worked_example() -> None:
    # sorted .01 .03 .04 -> 3/1*.01, 3/2*.03, 3/3*.04, then the smallest from the right
    assert benjamini_hochberg(np.array([0.04, 0.01, 0.03])).tolist() == pytest.approx([0.04, 0.03, 0.04])


@pytest.mark.parametrize("correct", [holm, benjamini_hochberg])
def test_corrections_never_lower_a_p_value_and_leave_the_unknown_out(correct) -> None:  # type: ignore[no-untyped-def]
    p = np.array([0.9, np.nan, 0.001, 0.2])
    found = correct(p)
    assert np.isnan(found[1])
    assert (found[[0, 2, 3]] >= p[[0, 2, 3]]).all()
    assert (found[[0, 2, 3]] <= 1).all()
    assert len(correct(np.zeros(0))) == 0


def test_the_detectable_difference_is_found_four_times_in_five() -> None:
    error = 1 / np.sqrt(400)
    size = float(detectable(np.array([error]))[0])
    assert size == pytest.approx(2.80 * error, abs=0.01 * error)
    trials = np.random.default_rng(5).normal(size, 1, size=(400, 500))
    assert np.mean(paired(trials, method="t").p < 0.05) == pytest.approx(0.8, abs=0.06)
