"""Bootstrap bounds: they cover the truth as often as they say, know that a user's requests belong together, and repeat with their seed."""

from __future__ import annotations

import numpy as np
import pytest

from aisle.evaluation.intervals import Sums, bootstrap, exact_bounds, few, resampled_sums


def test_bounds_cover_the_truth_about_as_often_as_they_say() -> None:
    random = np.random.default_rng(0)
    samples = random.exponential(size=(60, 400))  # 400 skewed samples of 60 with mean 1
    found = bootstrap(samples, resamples=1_000)
    assert 0.9 <= np.mean((found.low <= 1) & (found.high >= 1)) <= 0.98


def test_requests_of_one_user_count_as_one_opinion() -> None:
    users = np.repeat(np.arange(50), 20)
    same = np.random.default_rng(1).random(50)[users][:, None]
    alone, together = bootstrap(same), bootstrap(same, users)
    assert (together.high - together.low)[0] > 3 * (alone.high - alone.low)[0]
    assert together.value[0] == pytest.approx(alone.value[0])


def test_strangers_are_each_their_own_cluster() -> None:
    values = np.random.default_rng(2).random((200, 1))
    assert len(Sums.of(values, np.full(200, -1)).total) == 200


def test_the_same_seed_gives_the_same_bounds_and_columns_do_not_disturb_each_other() -> None:
    values = np.random.default_rng(3).random((300, 3))
    whole, again, alone = bootstrap(values), bootstrap(values), bootstrap(values[:, 1:2])
    np.testing.assert_array_equal(whole.low, again.low)
    assert whole.low[1] == pytest.approx(alone.low[0])


def test_missing_values_are_left_out_not_counted_as_zero() -> None:
    values = np.random.default_rng(4).random((400, 1)) + 1
    values[::2] = np.nan
    found = bootstrap(values)
    assert found.n[0] == 200
    assert found.low[0] > 1


def test_bounds_enclose_the_value_and_agree_with_theory() -> None:
    values = np.random.default_rng(5).normal(size=(2_000, 1))
    found = bootstrap(values)
    half = 1.96 * values.std() / np.sqrt(2_000)
    assert found.low[0] == pytest.approx(values.mean() - half, abs=0.15 * half)
    assert found.high[0] == pytest.approx(values.mean() + half, abs=0.15 * half)


def test_the_clustered_error_is_the_textbook_one_without_clusters() -> None:
    values = np.random.default_rng(6).normal(size=(500, 1))
    assert Sums.of(values).error[0] == pytest.approx(values.std(ddof=1) / np.sqrt(500))


@pytest.mark.parametrize("values", [np.full((1, 1), 0.4), np.full((5, 1), np.nan), np.zeros((0, 1))])
def test_too_little_to_tell_gives_no_bounds(values: np.ndarray) -> None:
    found = bootstrap(values)
    assert np.isnan(found.low).all()
    assert np.isnan(found.high).all()


def test_one_user_with_many_requests_gives_no_bounds() -> None:
    assert np.isnan(bootstrap(np.random.default_rng(7).random((50, 1)), np.zeros(50, int)).low).all()


def test_all_misses_still_leave_doubt() -> None:
    assert exact_bounds(0.0, 30) == (0.0, pytest.approx(0.1157, abs=1e-3))  # 1 - .025^(1/30)
    assert exact_bounds(1.0, 30) == (pytest.approx(0.8843, abs=1e-3), 1.0)


def test_resampling_draws_as_many_rows_as_there_are() -> None:
    assert (resampled_sums(np.ones((37, 1)), 50, seed=1) == 37).all()


def test_few_cases_are_said() -> None:
    assert few(7) == "only 7 requests with a relevant item"
    assert few(0, "clicks") == "no clicks"
    assert few(30) == ""
