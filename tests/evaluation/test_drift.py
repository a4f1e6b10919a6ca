"""Drift: the index worked by hand, users rather than rows as cases, many columns corrected, ageing seen where it is and not where not."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from aisle.evaluation.drift import Shift, aging, binned, compare, corrected, homogeneous, index, stability


def halves(n: int) -> tuple[np.ndarray, np.ndarray]:
    before = np.arange(2 * n) < n
    return before, ~before


def test_the_index_is_the_papers() -> None:
    """(.75 - .5) ln 1.5 + (.25 - .5) ln .5"""
    assert index(np.array([50, 50]), np.array([75, 25])) == pytest.approx(0.25 * np.log(1.5) - 0.25 * np.log(0.5))
    assert index(np.array([5, 5]), np.array([500, 500])) == 0


def test_the_test_is_pearsons_and_asks_for_five_expected_cases() -> None:
    """Rows 30, 10 and 20, 20: each cell is 5 off the expected 25 or 15, so 25/25 + 25/15 + 25/25 + 25/15 = 5.33."""
    assert homogeneous(np.array([[30, 10], [20, 20]])) == pytest.approx(0.0209, abs=1e-4)
    assert np.isnan(homogeneous(np.array([[3, 1], [2, 2]])))
    assert np.isnan(homogeneous(np.array([[0, 0], [20, 20]])))
    assert homogeneous(np.array([[30, 10, 1], [20, 20, 2]])) == pytest.approx(0.0209, abs=1e-4), "a rare cell alone is left out"


def test_what_moved_is_told_from_what_did_not() -> None:
    random = np.random.default_rng(0)
    before, later = halves(3_000)
    users = np.arange(6_000)
    same, other = random.integers(0, 5, 6_000), random.integers(0, 5, 6_000)
    other[later & (random.random(6_000) < 0.5)] = 0
    found = corrected([compare(name, codes, users, before, later, (1, 4)) for name, codes in (("same", same), ("other", other))])
    assert [one.verdict for one in found] == ["steady", "moved far"]
    assert found[0].psi < 0.01 and found[1].p_fdr < 1e-6 and (found[0].before, found[0].later) == (1, 4)


def test_one_busy_user_is_one_case() -> None:
    """All the change is one user's: the index is large, the test is not fooled."""
    before, later = halves(1_000)
    codes = np.where(later, np.arange(2_000) % 2, 0)
    users = np.where(later, 7, np.arange(2_000))
    (found,) = corrected([compare("busy", codes, users, before, later, (1, 2))])
    assert found.psi > 0.25 and found.verdict in ("too few users to tell", "not told from chance")


def test_missing_is_a_value_and_rare_ones_count_together() -> None:
    before, later = halves(100)
    gone = np.where(later, -1, 0)
    assert compare("x", gone, np.arange(200), before, later, (1, 2)).psi > 1
    unique = np.arange(200)
    assert compare("x", unique, unique, before, later, (1, 2)).n_later == 100
    assert np.isnan(compare("x", gone, np.arange(200), before, np.zeros(200, bool), (1, 2)).psi)


def test_many_columns_are_corrected_together() -> None:
    found = corrected([Shift(str(place), 1, 2, 9, 9, 0.3, 0.0, p) for place, p in enumerate((0.03, 0.04, 0.5, np.nan))])
    assert [one.p_fdr for one in found[:3]] == pytest.approx([0.06, 0.06, 0.5])
    assert [one.verdict for one in found] == ["not told from chance"] * 3 + ["too few users to tell"]


def test_bins_are_those_of_the_first_window() -> None:
    values, before = np.array([0.0, 1, 2, 3, 100, np.nan]), np.array([True] * 4 + [False] * 2)
    assert binned(values, before, 2).tolist() == [0, 0, 1, 1, 1, -1]
    assert stability(np.arange(100.0), np.arange(100.0)) == 0
    assert stability(np.arange(100.0), np.arange(100.0) + 50) > 0.25
    assert stability(np.arange(3.0), np.arange(3.0)) == 0


def test_a_model_that_ages_is_seen_to_age() -> None:
    age = np.repeat(np.arange(6.0), 100)
    random = np.random.default_rng(0)
    quality = {"stale": 1 - age / 10 + random.normal(0, 0.05, 600), "young": np.where(age >= 4, 0.5, np.nan), "few": np.full(600, np.nan)}
    found = aging(age, quality, np.arange(600))
    stale = [one for one in found if one.model == "stale"]
    assert [one.age for one in stale] == [0, 1, 2, 3, 4, 5]
    assert all(later.high < earlier.low for earlier, later in pairwise(stale))
    assert [one.age for one in found if one.model == "young"] == [4, 5]
    assert not [one for one in found if one.model == "few"]
    assert aging(np.full(600, np.nan), quality, np.arange(600)) == []
