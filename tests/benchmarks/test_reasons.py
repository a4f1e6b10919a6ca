"""The trial of reasons against made-up servers: one whose reasons are true, one whose reasons name anything."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from benchmarks.figures import Lines
from benchmarks.reasons import Trial, is_specific, told

STEPS = [(f"2025-01-0{day}", f"item{day}") for day in range(1, 6)]


class Shop:
    """Recommends ``x`` because of ``named``; in truth its score is 1 with ``cause`` in the history and 0 without."""

    def __init__(self, named: str, cause: str) -> None:
        self.named, self.cause = named, cause
        self.histories: dict[str, set[str]] = {}

    def __call__(self, route: str, body: Any) -> Any:
        if route == "/v1/events":
            for row in body:
                self.histories.setdefault(row["user_id"], set()).add(row["item_id"])
            return {"stored": len(body)}
        if route == "/v1/recommend":
            because = [{"code": "bought_together", "text": "", "items": [self.named]}]
            return {"items": [{"item_id": "x", "reasons": because}, {"item_id": "y", "reasons": [{"code": "popular"}]}]}
        return {"items": [{"score": float(self.cause in self.histories[body["user_id"]])}]}


def tried(named: str, cause: str, users: int = 20) -> dict[str, float]:
    trial = Trial(Shop(named, cause), Random(1))
    for number in range(users):
        trial.one(f"u{number}", STEPS)
    return {figure.figure: figure.value for figure in told(Lines("reasons"), "shop", trial)}


def test_a_true_cause_always_lowers_more() -> None:
    found = tried("item2", "item2")
    assert found["shop: the cause lowers more"] == 1
    assert found["shop: specific"] == 0.5
    assert found["shop: without a reason"] == 0


def test_a_false_cause_does_not_pass() -> None:
    assert tried("item2", "item3")["shop: the cause lowers more"] == 0


def test_events_that_are_not_stored_end_the_trial() -> None:
    with pytest.raises(SystemExit, match="5 events were sent and 0 stored"):
        Trial(lambda route, body: {"stored": 0}, Random(1)).one("u", STEPS)


@pytest.mark.parametrize(("code", "specific"), [("popular", False), ("popular_in_category", False), ("bought_together", True)])
def test_popular_is_not_specific(code: str, specific: bool) -> None:
    assert is_specific(code) is specific
