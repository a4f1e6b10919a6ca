"""Rankers are learned on window 2 and chosen, calibrated and mixed on window 3, in the time given; a plan makes the same again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aisle.fusion.recall import Recall
from aisle.fusion.stack import Stack
from aisle.ranking import rankers
from aisle.training import learn as learning
from aisle.training.frames import Frame
from aisle.training.learn import Recipe, fit_rankers, learn, levels
from tests.training.clock import Clock
from tests.training.shelves import shelf

PLAIN = Recipe(None, 7)
ALWAYS = {*rankers.RANKERS, *rankers.BLENDS}
STACK = Stack("home", ("s0", "s1"), Recall(("s0", "s1")))


def left_of(clock: Clock, seconds: float) -> object:
    end = clock.now + seconds
    return lambda: max(0.0, end - clock())


def test_every_ranker_stands_beside_the_others_and_the_best_on_window_3_is_kept() -> None:
    learned = learn(STACK, shelf(200, 1, hint=3.0), shelf(100, 2, hint=3.0), PLAIN)
    assert set(learned.rankers) == {"logistic", "lambdamart", "boosted", "blend"}
    gains = {row.part: row.gain for row in learned.plan if row.part in learned.rankers}
    assert learned.stack.ranker is learned.rankers[max(gains, key=lambda name: gains[name])]
    assert [row.kept for row in learned.plan].count(True) == 1
    assert learned.stack.names == ("s0_share", "s0_rank", "s1_share", "s1_rank", "user_hint", "noise")


def said(dev: Frame, right: float, seed: int) -> np.ndarray:
    """A ranker that is told what is wanted in ``right`` of the requests and guesses in the rest."""
    dice = np.random.default_rng(seed)
    told = np.repeat(dice.random(len(dev.groups)) < right, dev.groups)
    return (dev.relevant * told + 0.5 * dice.random(len(dev.item))).astype(np.float32)


def test_a_challenger_is_served_only_where_it_surely_gains() -> None:
    dev = shelf(200, 2)
    plain = {"lambdamart": said(dev, 0.5, 1), "boosted": said(dev, 0.4, 2)}
    best, rows, notes = learning.best_ranker(dev, {**plain, "softmax": said(dev, 0.9, 3)}, PLAIN)
    assert best == "softmax" and notes == []
    assert [row.part for row in rows if row.kept] == ["softmax"]
    assert rows[2].why.startswith("gains +0.") and "over lambdamart on window 3, standard error" in rows[2].why
    for level in (plain["lambdamart"], said(dev, 0.51, 4)):
        assert learning.best_ranker(dev, {**plain, "softmax": level}, PLAIN)[0] == "lambdamart", "a tie changes nothing"


def test_a_blend_is_served_where_it_likely_gains_and_can_be_asked_for_alone() -> None:
    dev = shelf(200, 2)
    right = [said(dev, 0.5, 1), said(dev, 0.5, 2)]
    scores = {"lambdamart": right[0], "boosted": right[1], "blend": right[0] + right[1]}
    best, rows, _ = learning.best_ranker(dev, scores, PLAIN)
    assert best == "blend" and rows[2].why.endswith(" (wanted: 1 of them)")
    assert learning.best_ranker(dev, {**scores, "blend": said(dev, 0.2, 3)}, PLAIN)[0] != "blend"
    made, effort = fit_rankers(shelf(60, 1), replace(PLAIN, only=("blend",)))
    assert list(made) == ["blend"] and set(effort) == {"lambdamart", "boosted"}


def test_a_ranker_by_setting_ranks_and_one_that_nothing_teaches_does_not() -> None:
    dev = shelf(200, 2)
    scores = {"lambdamart": said(dev, 0.5, 1), "softmax": said(dev, 0.1, 3)}
    assert learning.best_ranker(dev, scores, replace(PLAIN, ranker="softmax"))[::2] == ("softmax", ["ranked by softmax by setting."])
    best, _, notes = learning.best_ranker(dev, scores, replace(PLAIN, ranker="unbiased_lambdamart"))
    assert best == "lambdamart" and notes == ["nothing teaches unbiased_lambdamart here; lambdamart ranks."]


def test_who_weighs_clicks_is_judged_by_weighed_clicks() -> None:
    """It finds what was wanted in the second half of the requests, LambdaMART in the first: level, until the second half counts more."""
    dev = shelf(200, 2)
    late = np.repeat(np.arange(200) >= 100, 20)
    noise = 0.5 * np.random.default_rng(0).random(len(dev.item))
    sides = {"lambdamart": dev.relevant * ~late + noise, "unbiased_lambdamart": dev.relevant * late + noise}
    scores = {name: score.astype(np.float32) for name, score in sides.items()}
    often = lambda replay: np.where(replay.truth.request >= 100, 5.0, 1.0)  # noqa: E731
    best, rows, _ = learning.best_ranker(dev, scores, replace(PLAIN, often=often))
    assert best == "unbiased_lambdamart" and "by clicks weighed by their places" in rows[1].why
    assert learning.best_ranker(dev, scores, replace(PLAIN, often=lambda replay: np.ones(len(replay.truth.item))))[0] == "lambdamart"


def test_challengers_are_begun_only_where_the_time_lasts_and_a_plan_brings_its_own() -> None:
    fit, often = shelf(60, 1), lambda replay: np.ones(len(replay.truth.item))
    few = replace(PLAIN, trees={"epochs": 3}, often=often, challengers=("softmax", "unbiased_lambdamart"))
    assert set(fit_rankers(fit, few)[0]) == {*ALWAYS, "softmax", "unbiased_lambdamart"}
    assert set(fit_rankers(fit, replace(few, left=lambda: 0.0))[0]) == ALWAYS
    assert set(fit_rankers(fit, replace(few, compete=False))[0]) == ALWAYS
    planned = {name: {"trees": 2} for name in ("lambdamart", "boosted", "softmax")}
    made, effort = fit_rankers(fit, replace(few, effort=planned))
    assert set(made) == {*ALWAYS, "softmax"} and effort["softmax"]["trees"] == 2
    named = replace(few, compete=False, ranker="softmax", left=lambda: 0.0)
    assert "softmax" in fit_rankers(fit, named)[0], "what a setting names is always fitted"


def test_a_challenger_that_was_not_fitted_has_a_row_that_says_why() -> None:
    dev = shelf(60, 2)
    scores = {"lambdamart": said(dev, 0.5, 1)}

    def why(recipe: Recipe) -> list[str]:
        return [row.why for row in learning.best_ranker(dev, scores, recipe)[1] if not row.kept]

    assert all(one.startswith("stays apart") for one in why(PLAIN)) and len(why(PLAIN)) == 2
    late, silent = why(replace(PLAIN, challengers=("softmax", "unbiased_lambdamart")))
    assert "time" in late and "where clicks" in silent
    assert why(replace(PLAIN, compete=False)) == []


def test_too_few_that_wanted_anything_learn_nothing_and_say_so() -> None:
    learned = learn(STACK, shelf(29, 1), shelf(100, 2), PLAIN)
    assert learned.stack is STACK
    assert learned.rankers == {}
    assert "only 29 requests" in learned.notes[0]


def test_both_sides_mean_the_rate_on_window_3() -> None:
    dev = shelf(400, 2)
    learned = learn(STACK, shelf(400, 1), dev, PLAIN)
    sides = learned.stack.fuse(dev.features)
    assert sides["ctr"].mean() == pytest.approx(0.05, abs=0.01)
    assert sides["rer"].mean() == pytest.approx(0.05, abs=0.01)


def test_alpha_by_setting_stands() -> None:
    learned = learn(STACK, shelf(60, 1), shelf(60, 2), replace(PLAIN, alpha=0.2))
    assert learned.stack.alpha == 0.2
    assert learned.notes == ["home: α = 0.2 by setting."]


def test_alpha_stays_at_a_half_unless_another_is_surely_better() -> None:
    dev = shelf(200, 2)
    right, noise = dev.relevant.astype(np.float32), np.random.default_rng(0).random(len(dev.item)).astype(np.float32)
    assert learning._alpha(dev, noise, noise, None) == (0.5, ": no other gains more than a standard error on window 3")
    alpha, why = learning._alpha(dev, 0.5 * right, noise, None)
    assert alpha > 0.5 and why.startswith(": gains")
    assert learning._alpha(dev, noise, 0.5 * right, None)[0] < 0.5
    assert learning._alpha(dev, right, right, None)[0] == 0.5


def test_grades_become_levels_in_equal_parts_of_the_scale_above_the_mark() -> None:
    rest = [0] * 15
    graded = replace(shelf(1), grade=np.array([0, 1, 2, 3, 5, *rest], float), relevant=np.array([0, 0, 1, 1, 1, *rest], bool))
    assert levels(graded)[:5].tolist() == [0, 0, 1, 2, 4]
    alike = replace(graded, grade=np.where(graded.relevant, 3.0, 0.0))
    assert levels(alike)[:5].tolist() == [0, 0, 1, 1, 1]
    assert levels(replace(graded, relevant=np.zeros(20, bool))).sum() == 0


def test_a_frame_without_a_feature_learns_without_it() -> None:
    learned = learn(STACK, shelf(60, 1).without(("user_",)), shelf(60, 2).without(("user_",)), PLAIN)
    assert "user_hint" not in learned.stack.names


def scores(frame: Frame, learned: learning.Learned) -> dict[str, list[float]]:
    return {name: frame.by(model, frame.names).tolist() for name, model in learned.rankers.items()}


def test_the_clock_takes_requests_and_trees_away_and_the_plan_brings_the_same_models_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that moves 1 s with every look: LightGBM looks once a tree, so 60 s are over long before 3 times 160 trees."""
    monkeypatch.setattr("aisle.ranking.boosted.TRIAL_ROWS", 400)
    fit, dev = shelf(400, 1), shelf(50, 2)
    short = learn(STACK, fit, dev, replace(PLAIN, left=left_of(Clock(1.0), 400)))  # type: ignore[arg-type]
    assert 15 <= short.effort["lambdamart"]["requests"] < 400
    assert short.effort["lambdamart"]["trees"] <= 160
    again = learn(STACK, fit, dev, replace(PLAIN, effort=short.effort))
    assert scores(dev, again) == scores(dev, short)
    assert again.effort == short.effort
    assert scores(dev, learn(STACK, fit, dev, PLAIN)) != scores(dev, short)


def test_no_time_at_all_still_makes_every_ranker() -> None:
    made, effort = fit_rankers(shelf(60, 1), replace(PLAIN, left=lambda: 0.0))
    assert set(made) == {"logistic", "lambdamart", "boosted", "blend"}
    assert effort["lambdamart"]["trees"] == 1


def test_a_linear_model_reads_no_more_rows_than_it_needs_or_has_time_for(monkeypatch: pytest.MonkeyPatch) -> None:
    only = replace(PLAIN, only=("logistic",))
    assert fit_rankers(shelf(200, 1), only)[1] == {"logistic": {"every": 1}}
    monkeypatch.setattr(rankers, "LINEAR_ROWS", 1_000)
    assert fit_rankers(shelf(200, 1), only)[1] == {"logistic": {"every": 4}}
    monkeypatch.setattr(rankers, "LINEAR_ROWS", 300_000)
    assert fit_rankers(shelf(200, 1), replace(only, left=lambda: 0.01))[1] == {"logistic": {"every": 4}}


def test_the_same_seed_makes_the_same_models() -> None:
    one, two = (learn(STACK, shelf(60, 1), shelf(40, 2), PLAIN) for _ in range(2))
    assert scores(shelf(40, 2), one) == scores(shelf(40, 2), two)
