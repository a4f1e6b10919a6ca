"""The whole is set against the best before the test window, a source and a member of any kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import fused_members
from benchmarks.figures import Lines


def number(value: float) -> dict[str, Any]:
    return {"value": value, "low": value - 0.1, "high": value + 0.1, "n": 99}


def comparison(b: str, difference: float, p: float, metric: str = "home/ndcg@10") -> dict[str, Any]:
    return {
        "a": "fused",
        "b": b,
        "metric": metric,
        "difference": difference,
        "low": 0.0,
        "high": 0.2,
        "n": 99,
        "p_holm": p,
        "detectable": 0.05,
    }


TEST = {"fused": 0.3, "als": 0.2, "markov": 0.28, "lambdamart": 0.29, "without_profile": 0.31}
DEV = {"fused": 0.3, "als": 0.25, "markov": 0.1, "lambdamart": 0.28, "without_profile": 0.31}
REPORT = {
    "models": {name: {"home/ndcg@10": number(value), "home/hr@10": number(0.5)} for name, value in TEST.items()},
    "development": {name: {"home/ndcg@10": number(value)} for name, value in DEV.items()},
    "comparisons": [
        *(comparison(name, TEST["fused"] - TEST[name], 0.004) for name in TEST if name != "fused"),
        comparison("als", 0.1, 0.5, "home/hr@10"),
        {**comparison("boosted", 0.1, 0.5, "home_clicks/auc"), "a": "logistic"},
    ],
    "fusion": {"home": {"n": 50, "methods": [{"name": "gate", "development": number(0.2), "test": number(0.25), "served": True}]}},
}


def test_window_3_names_the_best_and_window_4_says_by_how_much() -> None:
    fused, source, member, way = fused_members.compared(Lines("fused_members"), "shop", REPORT)
    assert (fused.figure, fused.value) == ("shop: home: fused ndcg@10", 0.3)
    assert source.figure == "shop: home: fused less the source that window 3 preferred" and source.value == pytest.approx(0.1)
    assert source.note == "als 0.2000; p = 0.0040; a true difference of 0.0500 would be seen"
    assert member.note.startswith("lambdamart 0.2900") and member.value == pytest.approx(0.01)
    assert (way.figure, way.value, way.n) == ("shop: home: fused by gate: ndcg@10", 0.25, 50) and way.note == "window 3: 0.2000; served"


def test_a_shop_with_one_task_is_called_by_it() -> None:
    bare = json.loads(json.dumps(REPORT).replace("home/ndcg@10", "ndcg@10"))
    assert fused_members.compared(Lines("fused_members"), "shop", bare)[0].figure == "shop: home: fused ndcg@10"


def test_a_shop_that_was_not_trained_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused_members, "WORK", tmp_path)
    monkeypatch.setattr(fused_members, "SIMULATED", {"simulated": type("Made", (), {"store": lambda self: tmp_path})()})
    with pytest.raises(SystemExit, match="make results ONLY=amazon_beauty first"):
        fused_members.member_figures()
