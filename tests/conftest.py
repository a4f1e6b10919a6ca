"""What all tests share: where the real data lies, and a clean skip where it does not; that no test is decided by a busy machine."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest

from tests.one_registry import one_registry

ROOT = Path(__file__).resolve().parents[1]


def pytest_configure() -> None:
    """A tenth of the suite's time went into walking what torch and Ibis hold: it is walked less often."""
    gc.set_threshold(50_000, 50, 100)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with the real data sets: ``$AISLE_DATA``, else ``../shared/data`` beside the repository."""
    folder = Path(os.environ.get("AISLE_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"The real data is not here: {folder} does not exist (name it with AISLE_DATA).")
    return folder


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine decides no test: an answer that names no deadline has a minute. And no export is slower than it must be."""
    monkeypatch.setattr("aisle.shop.DEADLINE_MS", 60_000.0)
    monkeypatch.setattr("aisle.serving.live.DEADLINE_MS", 60_000.0)
    one_registry()
