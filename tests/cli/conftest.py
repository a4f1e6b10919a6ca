"""The verbs run in the tests' process, which trains as well as it serves."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def serving_shuts_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """`aisle serve` keeps libraries of training out of its process for good; here other tests need them."""
    monkeypatch.setattr("aisle.serving.plan.without_training", lambda: None)
