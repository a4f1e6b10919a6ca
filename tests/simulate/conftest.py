"""One simulated shop of 600 items and 30,000 events for all tests of this room, with its truth."""

from __future__ import annotations

from pathlib import Path

import pytest

from aisle.simulate import truth as truths
from aisle.simulate.shop import Summary, simulate


@pytest.fixture(scope="session")
def summary(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    return simulate(tmp_path_factory.mktemp("simulated"), items=600, events=30_000, seed=7, pictures=False)


@pytest.fixture(scope="session")
def shop(summary: Summary) -> Path:
    return summary.folder


@pytest.fixture(scope="session")
def truth(shop: Path) -> truths.Truth:
    return truths.load(shop)
