"""What every click-through model promises, and two toys whose right answers are known: additive tastes, and an exclusive or."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from aisle.core.errors import InputError
from aisle.ranking.ctr.base import Ctr
from aisle.ranking.ctr.examples import Column, Examples
from aisle.ranking.ctr.opening import opened

ROWS = 3_000
PAST = 4
LETTERS = tuple("abcdefgh")


def additive(rows: int = ROWS, seed: int = 7) -> Examples:
    """Eight items, each with a rate of its own that a number moves; a tenth of the numbers and items missing; last items say nothing."""
    dice = np.random.default_rng(seed)
    item, user = dice.integers(0, len(LETTERS), rows), dice.integers(0, 20, rows)
    price = dice.normal(size=rows)
    chance = 1 / (1 + np.exp(-(np.linspace(-2.5, 2.5, len(LETTERS))[item] + price)))
    label = (dice.random(rows) < chance).astype(np.float64)
    price[dice.random(rows) < 0.1] = np.nan
    item[dice.random(rows) < 0.1] = -1
    return _table(item, user, price, label, dice)


def exclusive(rows: int = 4_000, seed: int = 7) -> Examples:
    """It happens (95 %) where exactly one of two categories, each one of four values, is among its first two: no sum of weights knows."""
    dice = np.random.default_rng(seed)
    item, user = dice.integers(0, 4, rows), dice.integers(0, 4, rows)
    label = (dice.random(rows) < np.where((item < 2) ^ (user < 2), 0.95, 0.05)).astype(np.float64)
    return _table(item, user, dice.normal(size=rows), label, dice)


def _table(
    item: NDArray[np.int64], user: NDArray[np.int64], price: NDArray[np.float64], label: NDArray[np.float64], dice: np.random.Generator
) -> Examples:
    past = dice.integers(-1, item.max() + 1, (len(item), PAST)).astype(np.int32)
    categories = {
        "item": Column(item.astype(np.int32), LETTERS),
        "user": Column(user.astype(np.int32), [f"u{number}" for number in range(20)]),
    }
    return Examples(categories, {"price": price}, label, {"item": Column(np.sort(past, axis=1), LETTERS)})


def auc(model: Ctr, examples: Examples) -> float:
    """The chance that a case with the outcome scores above one without."""
    score, happened = model.score(examples), examples.label > 0.5
    higher = score[happened][:, None] - score[~happened][None, :]
    return float((higher > 0).mean() + (higher == 0).mean() / 2)


def refusal(call: Callable[[], object]) -> str:
    """What a call is refused with, empty where it is not."""
    try:
        call()
    except InputError as error:
        return str(error)
    return ""


class CtrSuite:
    """Runs under pytest. A subclass hands in its model, unfitted, with settings for a toy of 3,000 rows."""

    def model(self) -> Ctr:
        """The model."""
        raise NotImplementedError

    def fitted(self) -> Ctr:
        """Fitted once on `additive`."""
        if type(self) not in self._fitted:
            self._fitted[type(self)] = self.model().fit(additive())
        return self._fitted[type(self)]

    _fitted: ClassVar[dict[type, Ctr]] = {}

    def test_it_learns_what_there_is_to_learn(self) -> None:
        fitted = self.fitted()
        unseen = additive(1_500, seed=8)
        score = fitted.score(unseen)
        assert score.shape == (1_500,) and score.dtype == np.float64 and ((score > 0) & (score < 1)).all()
        assert auc(fitted, unseen) > 0.82, "a perfect model has some .86"
        assert abs(score.mean() - unseen.label.mean()) < 0.05

    def test_a_score_does_not_lean_on_its_neighbours(self) -> None:
        fitted = self.fitted()
        unseen = additive(200, seed=9)
        together = fitted.score(unseen)
        np.testing.assert_allclose([fitted.score(unseen.pick(np.array([row])))[0] for row in range(20)], together[:20], rtol=1e-4)
        assert fitted.score(unseen.pick(np.zeros(0, np.int64))).shape == (0,)

    def test_values_never_seen_and_names_in_another_order_are_no_accident(self) -> None:
        fitted = self.fitted()
        few = additive(8, seed=10)
        strange = Column(np.arange(8, dtype=np.int32), [f"strange {number}" for number in range(8)])
        score = fitted.score(replace(few, categories={**few.categories, "item": strange}))
        assert np.isfinite(score).all()
        turned = Column(np.where(few.categories["item"].codes < 0, -1, 7 - few.categories["item"].codes), LETTERS[::-1])
        np.testing.assert_allclose(fitted.score(replace(few, categories={**few.categories, "item": turned})), fitted.score(few), rtol=1e-6)

    def test_a_case_of_which_nothing_is_known_has_a_probability(self) -> None:
        fitted = self.fitted()
        few = additive(2, seed=11)
        nothing = Examples(
            {name: Column(np.full(2, -1, np.int32), column.names) for name, column in few.categories.items()},
            {name: np.full(2, np.nan) for name in few.numbers},
            few.label,
            {name: Column(np.full((2, PAST), -1, np.int32), column.names) for name, column in few.sequences.items()},
        )
        score = fitted.score(nothing)
        assert score[0] == score[1] and 0 < score[0] < 1

    def test_a_missing_column_is_named(self) -> None:
        fitted = self.fitted()
        assert "`item`" in refusal(lambda: fitted.score(replace(additive(5), categories={}, sequences={})))

    def test_fitting_twice_gives_the_same(self) -> None:
        fitted = self.fitted()
        np.testing.assert_allclose(self.model().fit(additive()).score(additive(200)), fitted.score(additive(200)), rtol=1e-5)

    def test_a_saved_model_scores_the_same(self, tmp_path: Path) -> None:
        fitted = self.fitted()
        fitted.save(tmp_path / "plain")
        unseen = additive(200, seed=12)
        assert np.array_equal(opened(tmp_path / "plain").score(unseen), fitted.score(unseen))

    def test_one_outcome_only_is_refused_and_nothing_too(self) -> None:
        assert "`label` is constant" in refusal(lambda: self.model().fit(replace(additive(50), label=np.zeros(50))))
        assert "no examples" in refusal(lambda: self.model().fit(additive(50).pick(np.zeros(0, np.int64))))

    def test_two_cases_are_enough_to_have_a_probability(self) -> None:
        some = additive(50)
        two = some.pick(np.array([some.label.argmin(), some.label.argmax()]))
        score = self.model().fit(two).score(some)
        assert ((score > 0) & (score < 1)).all()

    def test_the_share_of_sampled_cases_is_corrected_and_calibration_kept(self, tmp_path: Path) -> None:
        """A model whose cases without the outcome were a fifth of all says what holds for all, opened again too."""
        fitted = self.fitted()
        fitted.save(tmp_path / "before")
        model, unseen = self.model().restore(tmp_path / "before"), additive(1_500, seed=13)
        dice = np.random.default_rng(7)
        some = unseen.pick((unseen.label > 0.5) | (dice.random(len(unseen)) < 0.2))
        model.calibrate(replace(some, kept=0.2)).save(tmp_path / "calibrated")
        again = opened(tmp_path / "calibrated").score(unseen)
        assert np.array_equal(again, model.score(unseen))
        assert abs(again.mean() - unseen.label.mean()) < 0.03
