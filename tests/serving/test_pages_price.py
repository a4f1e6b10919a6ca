"""A list of items in a shop that can be filtered by nothing but the price."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from tests.serving.seen import see


def test_prices_can_be_bounded_where_nothing_else_can_be_filtered(client: TestClient, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("aisle.serving.pages_rows.facets", lambda *_: [])
    assert {"low", "high"} <= {one.get("name") for one in see(client, "/search?q=red").all("input")}
