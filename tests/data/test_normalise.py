"""Numeric transforms: fitted on the first window, missing stays missing, the same after a trip through JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from aisle.data.normalise import How, Normaliser

HOWS: tuple[How, ...] = ("standard", "log", "quantile")
NUMBERS = some.lists(some.floats(allow_nan=True, allow_infinity=True, width=32), min_size=0, max_size=30)


def test_standard_has_mean_0_and_spread_1() -> None:
    assert Normaliser("standard").fit(np.array([1.0, 3.0, np.nan])).apply(np.array([1.0, 2.0, 3.0, 5.0])).tolist() == [-1, 0, 1, 3]


def test_log_brings_powers_to_equal_steps() -> None:
    values = np.exp(np.arange(5.0)) - 1
    steps = np.diff(Normaliser("log").fit(values).apply(values))
    assert np.allclose(steps, steps[0])


def test_quantile_is_the_share_below_with_ties_in_the_middle() -> None:
    fitted = Normaliser("quantile").fit(np.array([1.0, 2.0, 2.0, 3.0]))
    assert fitted.apply(np.array([0.0, 1.0, 2.0, 9.0])).tolist() == [0, 0.125, 0.5, 1]


@pytest.mark.parametrize("how", HOWS)
def test_later_values_change_nothing_that_was_fitted(how: How) -> None:
    first = np.array([1.0, 5.0, 9.0])
    fitted = Normaliser(how).fit(first)
    before = fitted.apply(first)
    fitted.apply(np.array([1e9, -1e9]))
    assert (fitted.apply(first) == before).all()


@pytest.mark.parametrize("how", HOWS)
@given(NUMBERS, NUMBERS)
def test_missing_stays_missing_and_the_rest_is_finite_and_in_order(how: How, first: list[float], later: list[float]) -> None:
    values = np.array(later, float)
    shown = Normaliser(how).fit(np.array(first, float)).apply(values)
    known = np.isfinite(values)
    assert (np.isnan(shown) == ~known).all()
    order = np.argsort(values[known], kind="stable")
    assert (np.diff(shown[known][order]) >= 0).all()


@pytest.mark.parametrize("how", HOWS)
def test_one_value_or_none_divides_by_nothing(how: How) -> None:
    assert np.isfinite(Normaliser(how).fit(np.array([5.0])).apply(np.array([5.0, 6.0]))).all()
    assert np.isfinite(Normaliser(how).fit(np.array([np.nan])).apply(np.array([5.0]))).all()


@pytest.mark.parametrize("how", HOWS)
def test_saved_and_loaded_it_is_the_same(how: How) -> None:
    values = np.array([0.0, 1.5, np.nan, 80995.0])
    fitted = Normaliser(how).fit(values)
    again = Normaliser.from_dict(json.loads(json.dumps(fitted.to_dict())))
    assert np.array_equal(again.apply(values), fitted.apply(values), equal_nan=True)


def test_an_unknown_transform_is_refused() -> None:
    with pytest.raises(ValueError, match="no transform 'cube'"):
        Normaliser.from_dict({"how": "cube", "mean": 0, "scale": 1, "knots": []})
