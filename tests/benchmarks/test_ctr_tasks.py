"""The benchmark of several outcomes: each has its figures, by one net and by a net alone, on the same cases."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aisle.ranking.ctr.examples import Examples
from aisle.testing.ctr import additive
from benchmarks import ctr_tasks
from benchmarks.ctr_tables import Tables
from benchmarks.figures import Lines


def shown(rows: int, seed: int) -> Examples:
    """Half of what is clicked goes into the cart, half of that is bought."""
    some, dice = additive(rows, seed), np.random.default_rng(seed)
    cart = some.label * (dice.random(rows) < 0.5)
    return replace(some, outcomes={"cart": cart, "purchase": cart * (dice.random(rows) < 0.5)})


def test_every_outcome_is_measured_on_all_that_was_shown() -> None:
    tables = Tables(shown(800, 1), shown(400, 2), shown(400, 3), "a toy", {})
    found = {figure.figure: figure for figure in ctr_tasks._tasks(Lines("toy"), tables)}
    for task in ("click", "cart", "purchase"):
        for model in ("constant_rate", "together", "alone"):
            assert {f"{task}: {model}: {metric}" for metric in ("auc", "logloss", "ne", "ece")} <= set(found)
        assert found[f"{task}: together - alone: auc"].n == 400
        assert found[f"{task}: together: auc"].value > 0.6


def test_a_probability_is_its_logit_again() -> None:
    logit = ctr_tasks._logit(np.array([0.5, 0.1, 0.0, 1.0]))
    assert logit[:2] == pytest.approx([0, np.log(1 / 9)]) and np.isfinite(logit).all()


def test_another_outcome_is_the_label_of_the_same_cases() -> None:
    some = shown(50, 4)
    assert ctr_tasks._for(some, "click") is some
    assert (ctr_tasks._for(some, "cart").label == some.outcomes["cart"]).all()
