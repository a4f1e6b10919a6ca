"""Explanations add up, for every kind of model and any input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from aisle.core.answer import to_json
from aisle.explain.contributions import explanations
from aisle.fusion.recall import Recall
from aisle.fusion.segments import Segments
from aisle.fusion.stack import Stack
from aisle.ranking.boosted import Boosted
from aisle.ranking.calibrate import Calibrator
from aisle.ranking.features import matrix
from aisle.ranking.logistic import Logistic
from aisle.ranking.rankers import Ranker
from tests.pipeline.toy import pipeline, request, shop

NAMES = ("a_share", "a_rank", "b_share", "b_rank", "price", "taste")
ROWS, GROUP = 600, 20


def columns(seed: int, rows: int) -> dict[str, NDArray[np.float32]]:
    """Random features, some missing; shares in [-1, 1]."""
    random = np.random.default_rng(seed)
    table = random.normal(size=(len(NAMES), rows))
    table[[0, 2]] = np.tanh(table[[0, 2]])
    table[[1, 3]] = np.abs(table[[1, 3]])
    table[random.random(table.shape) < 0.3] = np.nan
    return dict(zip(NAMES, table.astype(np.float32), strict=True))


def fitted() -> list[Ranker]:
    features = columns(1, ROWS)
    x = matrix(features, NAMES)
    wanted = (np.nan_to_num(x[:, 0]) + np.nan_to_num(x[:, 4]) > 0.5).astype(float)
    groups = np.full(ROWS // GROUP, GROUP)
    trees = [Boosted(kind, leaves=6, epochs=25).fit(x, wanted, groups, list(NAMES)) for kind in ("order", "probability")]  # type: ignore[arg-type]
    return [Logistic().fit(x, wanted), *trees]


MODELS = fitted()


def stack(ranker: Ranker | None) -> Stack:
    recall = Recall(("a", "b"))
    recall.theta_ = np.array([0.9, 0.1, 0.4, 0.0])
    return Stack("home", ("a", "b"), recall, NAMES, ranker, Calibrator(), Calibrator(), 0.7)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 30))
def test_base_and_contributions_sum_to_the_raw_score(model: Ranker, seed: int, rows: int) -> None:
    features = columns(seed, rows)
    held = stack(model)
    score = model.score(matrix(features, NAMES))
    for place, one in enumerate(explanations(held, features)):
        for side in (one["ctr"], one["rer"]):
            assert side["base"] + sum(side["contributions"].values()) == pytest.approx(side["score"], abs=1e-4)  # type: ignore[index,call-overload,union-attr]
        raw = float(one["ctr"]["score"])  # type: ignore[index,call-overload,arg-type]
        read = 1 / (1 + np.exp(-raw)) if one["ctr"]["link"] == "logistic" else raw  # type: ignore[index,call-overload]
        assert read == pytest.approx(float(score[place]), abs=1e-4)
        assert one["alpha"] == 0.7


def test_the_recall_side_names_each_sources_share_and_rank() -> None:
    features = {"a_share": np.float32([0.5]), "a_rank": np.log1p(np.float32([5])), "b_share": np.float32([np.nan])}
    one = explanations(stack(None), features)[0]
    assert one["alpha"] == 0.0
    assert "ctr" not in one
    assert one["rer"]["contributions"] == pytest.approx({"a_share": 0.45, "a_rank": 0.2})  # type: ignore[index,call-overload]


def test_another_way_to_fuse_says_what_each_member_adds() -> None:
    held = replace(stack(MODELS[0]), fuser=Segments(alpha=0.2))
    features = columns(1, 5)
    score = held.fuse(features)["score"]
    for place, one in enumerate(explanations(held, features)):
        assert one["alpha"] is None and one["fusion"]["name"] == "segments"  # type: ignore[index,call-overload]
        assert set(one["fusion"]["contributions"]) == {"ctr", "rer"}  # type: ignore[index,call-overload,arg-type]
        assert sum(one["fusion"]["contributions"].values()) == pytest.approx(float(score[place]), rel=1e-5)  # type: ignore[index,call-overload,union-attr]


def test_an_answer_explains_what_it_shows() -> None:
    made = pipeline()
    names = tuple(made.features(made.block([request(user_id="u0")]), made.propose(made.stacks["home"], *parts(made))))
    ranker = Boosted("probability", leaves=4, epochs=20)
    random = np.random.default_rng(3)
    x = random.normal(size=(ROWS, len(names))).astype(np.float32)
    ranker.fit(x, (x[:, 0] > 0).astype(float), np.full(ROWS // GROUP, GROUP), list(names))
    home = replace(made.stacks["home"], names=names, ranker=ranker, ctr=Calibrator(), rer=Calibrator(), alpha=0.4)
    made = replace(made, stacks={**made.stacks, "home": home})
    found = to_json(shop(made).answer([request(user_id="u0", explain=True, limit=5, exclude_seen=False)])[0])
    for item in found["items"]:  # type: ignore[union-attr]
        said = item["explanation"]  # type: ignore[index,call-overload]
        ctr, rer = (
            float(calibrator.apply(np.array([value]))[0])
            for calibrator, value in (
                (Calibrator(), 1 / (1 + np.exp(-said["ctr"]["score"]))),  # type: ignore[index,call-overload,operator,arg-type]
                (Calibrator(), said["rer"]["score"]),  # type: ignore[index,call-overload]
            )
        )
        assert 0.4 * ctr + 0.6 * rer == pytest.approx(item["score"], abs=1e-4)  # type: ignore[index,call-overload]
    assert [step["stage"] for step in found["trace"]][-1] == "explain"  # type: ignore[index,call-overload,union-attr]


def parts(made: object) -> tuple[object, object, object]:
    from aisle.core.runner import Runner

    block = made.block([request(user_id="u0")])  # type: ignore[attr-defined]
    return block, made.allowed(block), Runner()  # type: ignore[attr-defined]


def test_a_fallback_is_explained_by_place_alone() -> None:
    found = shop().answer([request("search", user_id="u0", explain=True)])[0]
    assert found.items[0].explanation == {"by_score": 0, "moved": []}


def test_without_explain_there_is_no_explanation_and_no_trace() -> None:
    found = shop().answer([request(user_id="u0")])[0]
    assert found.items[0].explanation is None
    assert not found.trace
    assert "trace" not in to_json(found)


def test_what_the_server_notes_of_an_answer_is_told_without_explain() -> None:
    two = shop().answer([request("search", query="lamp"), request("search", query="tea")])
    assert two[0].run is not None
    assert two[0].run.requests == 2
    steps = {step.name: step.gave for step in two[0].run.steps}
    assert {"understand", "filters", "lexical", "rank", "explain"} <= set(steps)
    assert steps["lexical"] > 0
    assert all(step.took_ms >= 0 for step in two[0].run.steps)
