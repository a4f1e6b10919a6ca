"""Trees: they order and they predict, end when the time is over, and open as they were saved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from aisle.ranking import boosted
from aisle.ranking.boosted import NAMES, Boosted

COLUMNS = ["knows", "noise"]


def rows(requests: int = 200, each: int = 10, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One wanted row a request, which column `knows` tells apart most of the time."""
    random = np.random.default_rng(seed)
    y = np.zeros((requests, each))
    y[:, 0] = 1
    knows = y + random.normal(0, 0.5, y.shape)
    x = np.column_stack([knows.ravel(), random.random(y.size)]).astype(np.float32)
    x[random.random(len(x)) < 0.1, 1] = np.nan
    return x, y.ravel(), np.full(requests, each)


def seconds(times: list[float]) -> Callable[[], float]:
    """Seconds left at each look, the last one for ever."""
    held = list(times)
    return lambda: held.pop(0) if len(held) > 1 else held[0]


@pytest.mark.parametrize("objective", NAMES)
def test_what_is_wanted_scores_higher(objective: str) -> None:
    x, y, groups = rows()
    score = Boosted(objective).fit(x, y, groups, COLUMNS).score(x)  # type: ignore[arg-type]
    assert score[y == 1].mean() > score[y == 0].mean()
    first = score.reshape(-1, 10).argmax(axis=1) == 0
    assert first.mean() > 0.6


def test_probabilities_mean_what_they_say() -> None:
    x, y, groups = rows(400)
    score = Boosted("probability").fit(x, y, groups, COLUMNS).score(x)
    assert ((score >= 0) & (score <= 1)).all()
    assert score.mean() == pytest.approx(0.1, abs=0.02)


def test_the_feature_that_knows_has_the_gain() -> None:
    x, y, groups = rows()
    importance = Boosted().fit(x, y, groups, COLUMNS).importance
    assert importance["knows"] > 0.8
    assert sum(importance.values()) == pytest.approx(1)


@pytest.mark.parametrize("objective", NAMES)
def test_it_stops_when_no_time_is_left_and_says_after_how_many_trees(objective: str) -> None:
    x, y, groups = rows()
    model = Boosted(objective, epochs=50).fit(x, y, groups, COLUMNS, seconds([9.0] * 8 + [0.0]))  # type: ignore[arg-type]
    assert model.epochs == 8, "one look before the first tree, one after each"
    assert 1 <= model.booster_.num_trees() <= 8
    again = Boosted(objective, epochs=8).fit(x, y, groups, COLUMNS)  # type: ignore[arg-type]
    assert np.array_equal(model.score(x), again.score(x)), "as many trees without a clock are the same trees"


def test_the_first_tree_always_stands() -> None:
    x, y, groups = rows()
    assert Boosted().fit(x, y, groups, COLUMNS, lambda: 0.0).booster_.num_trees() == 1


def test_a_few_trees_on_the_first_groups_tell_how_many_groups_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """On 40 groups the trial takes 1 s until its first tree and 1 s for each further one; on them 160 trees would take 161 s."""
    monkeypatch.setattr(boosted, "TRIAL_ROWS", 400)
    x, y, groups = rows(300)
    model = Boosted().fit(x, y, groups, COLUMNS, seconds([505.0, 504.0, 503.0, 502.0, 501.0, 500.0]))
    assert model.groups_ == pytest.approx(0.8 * 500 / 161 * 40, rel=0.05)
    assert model.epochs == 160


def test_few_rows_need_no_trial_and_no_limit_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y, groups = rows(50)
    assert Boosted().fit(x, y, groups, COLUMNS, lambda: 3.0).groups_ == 50
    monkeypatch.setattr(boosted, "TRIAL_ROWS", 100)
    assert Boosted().fit(x, y, groups, COLUMNS).groups_ == 50


def test_nothing_to_score_scores_nothing() -> None:
    x, y, groups = rows(50)
    assert Boosted().fit(x, y, groups, COLUMNS).score(x[:0]).shape == (0,)


@pytest.mark.parametrize("objective", NAMES)
def test_it_opens_as_it_was_saved(objective: str, tmp_path: Path) -> None:
    x, y, groups = rows()
    model = Boosted(objective).fit(x, y, groups, COLUMNS)  # type: ignore[arg-type]
    model.save(tmp_path)
    opened = Boosted.load(tmp_path, objective)  # type: ignore[arg-type]
    assert opened.score(x) == pytest.approx(model.score(x), abs=1e-5), "summed in float32"
    assert np.array_equal(opened.raw(x), model.raw(x)) and np.array_equal(opened.contributions(x), model.contributions(x))
    (tmp_path / f"{model.name}.onnx").unlink()
    assert np.array_equal(Boosted.load(tmp_path, objective).score(x), model.score(x)), "a bundle made before there were graphs"  # type: ignore[arg-type]


def test_what_is_fitted_again_no_longer_scores_as_it_was_saved(tmp_path: Path) -> None:
    x, y, groups = rows()
    Boosted().fit(x, y, groups, COLUMNS).save(tmp_path)
    opened = Boosted.load(tmp_path).fit(x, 1 - y, groups, COLUMNS)
    assert np.array_equal(opened.score(x), np.asarray(opened.raw(x), np.float32))
