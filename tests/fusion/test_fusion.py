"""The recall side learns which source to trust; fusion averages two probabilities; rank fusion is what its paper says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aisle.fusion.rank_fusion import reciprocal_rank
from aisle.fusion.recall import Recall
from aisle.fusion.stack import Stack
from aisle.ranking.boosted import NAMES, Boosted, Objective
from aisle.ranking.calibrate import Calibrator
from aisle.ranking.logistic import Logistic

NAN = float("nan")


def columns(requests: int = 300, seed: int = 0) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Ten candidates a request; ``good`` ranks what is taken first four times in five, ``noise`` knows nothing."""
    random = np.random.default_rng(seed)
    taken = np.zeros((requests, 10))
    taken[:, 0] = 1
    good = random.random((requests, 10)) * 0.8
    good[random.random(requests) < 0.8, 0] = 1.0
    noise = random.random((requests, 10))
    made = {}
    for name, share in (("good", good), ("noise", noise)):
        made[f"{name}_share"] = share.ravel().astype(np.float32)
        made[f"{name}_rank"] = np.log1p(np.argsort(np.argsort(-share, axis=1), axis=1)).ravel().astype(np.float32)
    return made, taken.ravel(), np.arange(0, requests * 10 + 1, 10)


@pytest.mark.parametrize("loss", ["squared", "softmax"])
def test_the_source_that_knows_gets_the_weight(loss: str) -> None:
    made, taken, offsets = columns()
    weights = Recall(("good", "noise"), loss).fit(made, taken, offsets).weights  # type: ignore[arg-type]
    assert weights["good"] > 0.8
    assert sum(weights.values()) == pytest.approx(1)


def test_without_anything_taken_all_sources_weigh_the_same() -> None:
    made, _, offsets = columns(5)
    assert Recall(("good", "noise")).fit(made, np.zeros(50), offsets).weights == {"good": 0.5, "noise": 0.5}


def test_a_silent_source_adds_nothing() -> None:
    silent = {"a_share": np.array([NAN, 0.5], np.float32), "a_rank": np.array([NAN, 0.0], np.float32)}
    first, second = Recall(("a",)).score(silent)
    assert first == 0
    assert second > 0


def test_rank_fusion_by_hand() -> None:
    ranks = {"a_rank": np.log1p(np.array([0, 1], np.float32)), "b_rank": np.array([NAN, 0], np.float32)}
    assert reciprocal_rank(ranks, ("a", "b")) == pytest.approx([1 / 61, 1 / 62 + 1 / 61])


def fitted() -> tuple[Stack, dict[str, np.ndarray], np.ndarray]:
    made, taken, offsets = columns()
    names = tuple(made)
    x = np.column_stack([made[name] for name in names])
    ranker = Logistic().fit(x, taken)
    recall = Recall(("good", "noise")).fit(made, taken, offsets)
    ctr, rer = Calibrator().fit(ranker.score(x), taken), Calibrator().fit(recall.score(made), taken)
    return Stack("home", ("good", "noise"), recall, names, ranker, ctr, rer, alpha=0.3), made, taken


def test_fusion_is_the_articles_average() -> None:
    stack, made, _ = fitted()
    sides = stack.fuse(made)
    assert np.allclose(sides["score"], 0.3 * sides["ctr"] + 0.7 * sides["rer"])


def test_both_sides_are_calibrated_to_the_rate_of_what_was_taken() -> None:
    stack, made, taken = fitted()
    sides = stack.fuse(made)
    assert sides["ctr"].mean() == pytest.approx(taken.mean(), abs=0.02)
    assert sides["rer"].mean() == pytest.approx(taken.mean(), abs=0.02)


def test_without_a_ranker_the_recall_side_decides_alone() -> None:
    made, _, _ = columns(3)
    plain = Stack("home", ("good", "noise"), Recall(("good", "noise")))
    assert set(plain.fuse(made)) == {"rer", "score"}
    assert plain.probability(made) is None


def test_a_stack_opens_as_it_was_saved(tmp_path: Path) -> None:
    stack, made, _ = fitted()
    stack.save(tmp_path)
    opened = Stack.load(tmp_path)
    assert opened.alpha == stack.alpha
    assert np.allclose(opened.fuse(made)["score"], stack.fuse(made)["score"])


def test_a_source_left_out_of_an_answer_is_missing_not_zero() -> None:
    stack, made, _ = fitted()
    less = {name: values for name, values in made.items() if not name.startswith("noise")}
    assert np.isfinite(stack.fuse(less)["score"]).all()


@pytest.mark.parametrize("kind", NAMES)
def test_a_stack_opens_with_whichever_trees_rank(kind: Objective, tmp_path: Path) -> None:
    made, taken, offsets = columns(60)
    names = tuple(made)
    x = np.stack([made[name] for name in names], axis=1)
    trees = Boosted(kind, epochs=3).fit(x, taken, np.diff(offsets), list(names))
    calibrator = Calibrator().fit(trees.score(x), taken)
    stack = Stack("home", ("good", "noise"), Recall(("good", "noise")).fit(made, taken, offsets), names, trees, calibrator)
    stack.save(tmp_path)
    opened = Stack.load(tmp_path)
    assert opened.ranker is not None and opened.ranker.name == NAMES[kind]
    assert np.allclose(opened.fuse(made)["score"], stack.fuse(made)["score"])
