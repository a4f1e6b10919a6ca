"""Click and probability metrics against worked numbers, scikit-learn where it is there, and their bounds against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.evaluation.calibration import reliability, wilson
from aisle.evaluation.intervals import bootstrap
from aisle.evaluation.probability import auc, brier, ece, ece_bounds, equal_mass, gauc, logloss, ne

Y = np.array([1.0, 0, 1, 0, 0])
S = np.array([0.9, 0.8, 0.5, 0.5, 0.1])


def test_auc_is_the_share_of_pairs_in_order() -> None:
    # positives .9 and .5 against .8 .5 .1: 3 wins, then a loss, a tie and a win: 4.5 of 6
    assert auc(Y, S).mean() == pytest.approx(4.5 / 6)


def test_auc_components_have_delongs_variance() -> None:
    random = np.random.default_rng(0)
    y = (random.random(2_000) < 0.2).astype(float)
    scores = random.normal(size=2_000) + y
    parts = auc(y, scores)
    ten, one = scores[y == 1], scores[y == 0]
    psi = (ten[:, None] > one[None]).astype(float)
    delong = psi.mean(axis=1).var(ddof=1) / len(ten) + psi.mean(axis=0).var(ddof=1) / len(one)
    assert parts.mean() == pytest.approx(psi.mean())
    assert parts.var() / len(parts) == pytest.approx(delong, rel=0.02)


def test_auc_bounds_cover_the_truth() -> None:
    random = np.random.default_rng(1)
    columns = []
    for _ in range(300):
        y = (random.random(300) < 0.3).astype(float)
        columns.append(auc(y, random.normal(size=300) + y))
    found = bootstrap(np.stack(columns, axis=1), resamples=500)
    truth = 0.76025  # P(N(1, 2) > 0) = Phi(1 / sqrt 2)
    assert 0.9 <= np.mean((found.low <= truth) & (found.high >= truth)) <= 0.99


def test_gauc_weighs_users_by_their_rows_and_leaves_out_those_of_one_class() -> None:
    users = np.array([1, 1, 2, 2, 2, 3, 3, -1, -1])
    labels = np.array([1.0, 0, 1, 0, 0, 1, 1, 1, 0])
    scores = np.array([0.2, 0.9, 0.9, 0.9, 0.1, 0.5, 0.6, 1, 0])
    found = gauc(labels, scores, users)  # user 1: 0 of 1; user 2: (.5 + 1) of 2
    assert np.nanmean(found) == pytest.approx((2 * 0 + 3 * 0.75) / 5)
    assert np.isnan(found[5:]).all()


def test_gauc_of_one_user_is_auc() -> None:
    assert np.nanmean(gauc(Y, S, np.zeros(5, int))) == pytest.approx(auc(Y, S).mean())


def test_logloss_and_brier_are_the_worked_example() -> None:
    assert logloss(Y[:2], S[:2]).tolist() == pytest.approx([-np.log(0.9), -np.log(0.2)])
    assert brier(Y[:2], S[:2]).tolist() == pytest.approx([0.01, 0.64])


def test_a_certain_mistake_costs_much_but_not_infinity() -> None:
    assert np.isfinite(logloss(np.array([1.0, 0.0]), np.array([0.0, 1.0]))).all()


def test_normalised_entropy_of_the_base_rate_is_one() -> None:
    labels = np.array([1.0, 0, 0, 0])
    assert ne(labels, np.full(4, 0.25)).mean() == pytest.approx(1.0)
    assert ne(labels, np.array([0.7, 0.1, 0.1, 0.1])).mean() < 1


def test_the_error_of_normalised_entropy_is_that_of_simulation() -> None:
    random = np.random.default_rng(2)
    values, claimed = [], []
    for _ in range(400):
        p = random.beta(1, 6, 1_000)
        parts = ne((random.random(1_000) < p).astype(float), p)
        values.append(parts.mean())
        claimed.append(parts.std() / np.sqrt(1_000))
    assert np.mean(claimed) == pytest.approx(np.std(values), rel=0.12)


def test_ece_is_the_worked_example() -> None:
    labels = np.array([0.0, 1, 1, 1])
    scores = np.array([0.2, 0.2, 0.8, 0.8])  # two bins: |.2 - .5| and |.8 - 1|, half of the cases each
    assert ece(labels, scores, bins=2) == pytest.approx(0.25)


def test_ece_bounds_hold_the_estimate_and_near_zero_when_calibrated() -> None:
    random = np.random.default_rng(3)
    p = random.random(2_000)
    labels = (random.random(2_000) < p).astype(float)
    low, high = ece_bounds(labels, p)
    assert low <= 0.02
    assert ece(labels, p) <= high
    assert ece_bounds(labels, p**3)[0] > 0.1


def test_missing_scores_are_left_out_everywhere() -> None:
    with_gap = np.array([*S, np.nan])
    labels = np.array([*Y, 1.0])
    assert np.nanmean(auc(labels, with_gap)) == pytest.approx(auc(Y, S).mean())
    assert np.isnan(logloss(labels, with_gap)[-1])
    assert ece(labels, with_gap, 2) == pytest.approx(ece(Y, S, 2))


@pytest.mark.parametrize("labels", [np.zeros(4), np.ones(4), np.full(4, np.nan), np.zeros(0)])
def test_one_class_only_has_no_auc_and_no_ne(labels: np.ndarray) -> None:
    scores = np.linspace(0, 1, len(labels))
    assert np.isnan(auc(labels, scores)).all()
    assert np.isnan(ne(labels, scores)).all()
    assert np.isnan(gauc(labels, scores, np.zeros(len(labels), int))).all()


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60), st.integers(1, 9))
def test_equal_scores_share_a_bin_and_bins_follow_the_score(values: list[int], bins: int) -> None:
    scores = np.array(values, float)
    found = equal_mass(scores, bins)
    order = np.argsort(scores, kind="stable")
    assert (np.diff(found[order]) >= 0).all()
    assert (found[order][1:][np.diff(scores[order]) == 0] == found[order][:-1][np.diff(scores[order]) == 0]).all()
    assert set(found) == set(range(found.max() + 1))


def test_the_reliability_table_accounts_for_every_row() -> None:
    random = np.random.default_rng(4)
    p = np.append(random.random(999), np.nan)
    labels = (random.random(1_000) < 0.3).astype(float)
    table = reliability(labels, p, "click", bins=10)
    assert sum(row.n for row in table.bins) == table.n == 999
    assert all(row.start <= row.predicted <= row.end and row.low <= row.rate <= row.high for row in table.bins)
    assert all(before.end <= after.start for before, after in zip(table.bins[:-1], table.bins[1:], strict=True))
    assert table.ece == pytest.approx(sum(row.n * abs(row.predicted - row.rate) for row in table.bins) / 999)


def test_a_table_of_nothing_is_empty() -> None:
    assert reliability(np.zeros(0), np.zeros(0)).bins == []


def test_wilson_bounds_stay_inside_the_unit_interval() -> None:
    assert wilson(10, 10) == (pytest.approx(0.7225, abs=1e-3), 1.0)
