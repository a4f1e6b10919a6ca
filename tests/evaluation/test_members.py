"""The fusion page's arithmetic: errors that go together, and a member called useless only where that is sure."""

from __future__ import annotations

import numpy as np
import pytest

from aisle.evaluation.members import advice, correlations, values


def test_errors_that_go_together_correlate_and_a_model_that_never_varies_says_nothing() -> None:
    a = np.array([0.0, 1.0, 0.5, 1.0, np.nan])
    found = correlations({"a": a, "twin": a, "opposite": 1 - a, "flat": np.ones(5)})
    assert found["a", "twin"] == pytest.approx(1) and found["a", "opposite"] == pytest.approx(-1)
    assert np.isnan(found["a", "flat"])


def test_values_have_bounds_over_users() -> None:
    found = values({"a": np.array([0.0, 1.0] * 50)}, np.arange(100))
    assert found["a"].value == 0.5 and found["a"].low < 0.5 < found["a"].high
    assert values({}, np.arange(3)) == {}


def test_a_member_may_go_where_even_the_upper_end_of_its_loss_is_nothing() -> None:
    said = advice(500, 0.4, {"sure": (0.0, 0.003), "unsure": (0.0, 0.02), "loss": (0.05, 0.07), "harms": (-0.02, -0.01)}, (), ())
    assert said == [
        "Remove sure: you lose nothing (at most 0.0030 of 0.4000).",
        "Remove harms: you lose nothing (at most 0.0000 of 0.4000).",
    ]


def test_what_the_fallback_needs_stays_and_few_requests_prove_nothing() -> None:
    (said,) = advice(500, 0.4, {"popularity": (0.0, 0.001)}, ("popularity",), ())
    assert said.startswith("popularity adds nothing to the ranking") and "fallback" in said
    assert advice(35, 0.4, {"a": (0.0, 0.0)}, (), ()) == ["Which member may go cannot be told from 35 requests, 100 are needed."]
    assert advice(500, 0.4, {}, (), ["late"]) == ["Whether late can be removed was not measured: the time was used up."]
