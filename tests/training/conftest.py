"""One small simulated shop, trained once for all claims about training."""

from __future__ import annotations

from pathlib import Path

import pytest

from aisle.simulate.shop import simulate
from aisle.training.run import train


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop of 300 items and 12,000 events, read without a pretrained encoder."""
    made = tmp_path_factory.mktemp("shop")
    simulate(made, 300, 12_000, 3, pictures=False)
    text = (made / "aisle.toml").read_text(encoding="utf-8")
    (made / "aisle.toml").write_text('encoder = "ngram"\n' + text, encoding="utf-8")
    return made


@pytest.fixture(scope="session")
def store(folder: Path) -> Path:
    """Its bundle store after one training."""
    return train(folder, minutes=0.5, quiet=True).folder.parent
