"""The app around the toy engine, as a client sees it."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from aisle.serving.app import create_app
from aisle.serving.live import Live
from aisle.serving.telemetry import Telemetry
from tests.serving.fakes import FakeEngine, FakeStore

NOW = 1_700_000_000.0
HOST = "http://127.0.0.1:8000"


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def live(engine: FakeEngine) -> Live:
    return Live(engine, lambda: NOW, FakeStore(), patience_ms=1_000)  # what is refused under load has tests of its own


@pytest.fixture
def client(live: Live, log: io.StringIO) -> Iterator[TestClient]:
    with TestClient(create_app(live, Telemetry(log, b"salt"), "Toys"), base_url=HOST, raise_server_exceptions=True) as one:
        yield one
