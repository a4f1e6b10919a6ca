"""The suite for click-through models notices each broken promise."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aisle.ranking.ctr.base import Ctr, Floats
from aisle.ranking.ctr.examples import Examples
from aisle.ranking.ctr.ftrl import Ftrl
from aisle.testing.ctr import CtrSuite


class Upside(Ftrl):
    def raw(self, examples: Examples) -> Floats:
        return -super().raw(examples)


class Leaning(Ftrl):
    def raw(self, examples: Examples) -> Floats:
        raw = super().raw(examples)
        return raw - raw.mean() if len(raw) else raw


class ByNumber(Ftrl):
    """Reads codes and not names."""

    def raw(self, examples: Examples) -> Floats:
        names = [str(number) for number in range(30)]
        plain = {name: replace(column, names=names) for name, column in examples.categories.items()}
        return super().raw(replace(examples, categories=plain)) + examples.categories["item"].codes


class Dice(Ftrl):
    def _fit(self, examples: Examples) -> None:
        super()._fit(examples)
        self.z_ = self.z_ + np.random.default_rng().normal(size=len(self.z_))


class Forgetful(Ftrl):
    def _write(self, folder: Path) -> dict[str, Any]:
        state = super()._write(folder)
        np.save(folder / "z.npy", self.z_ * 0.9)
        return state


class Greedy(Ftrl):
    def fit(self, examples: Examples) -> Ftrl:
        if len(np.unique(examples.label)) < 2:
            return self
        return super().fit(examples)


class Uncorrected(Ftrl):
    def calibrate(self, examples: Examples) -> Ftrl:
        return super().calibrate(replace(examples, kept=1.0))


class Blind(Ftrl):
    def raw(self, examples: Examples) -> Floats:
        raw = super().raw(examples)
        return np.where(examples.categories["item"].codes < 0, np.nan, raw)


CAUGHT: dict[Callable[[], Ctr], str] = {
    Upside: "test_it_learns_what_there_is_to_learn",
    Leaning: "test_a_score_does_not_lean_on_its_neighbours",
    ByNumber: "test_values_never_seen_and_names_in_another_order_are_no_accident",
    Dice: "test_fitting_twice_gives_the_same",
    Forgetful: "test_a_saved_model_scores_the_same",
    Greedy: "test_one_outcome_only_is_refused_and_nothing_too",
    Uncorrected: "test_the_share_of_sampled_cases_is_corrected_and_calibration_kept",
    Blind: "test_a_case_of_which_nothing_is_known_has_a_probability",
}


@pytest.mark.parametrize("kind", CAUGHT, ids=lambda kind: kind.__name__)
def test_a_broken_promise_is_noticed(kind: Callable[[], Ctr], tmp_path: Path) -> None:
    suite = type("Suite", (CtrSuite,), {"model": lambda self: kind()})()
    test = getattr(suite, CAUGHT[kind])
    with pytest.raises(AssertionError):
        test(*([tmp_path] if "tmp_path" in inspect.signature(test).parameters else []))
