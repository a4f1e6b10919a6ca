"""A simulated shop with just enough requests to tune by, read once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aisle.core.events import Dataset
from aisle.data.dataset import load_dataset
from aisle.settings import Settings, load
from aisle.simulate.shop import simulate
from aisle.tracking import Tracker
from aisle.training.budget import Budget
from aisle.tuning import run
from aisle.tuning.bench import Bench
from aisle.tuning.search import Search

Prepared = tuple[Search, Bench]
Prepare = Callable[[Dataset, Settings, Path], Prepared]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop's folder."""
    made = tmp_path_factory.mktemp("tuned")
    simulate(made, 300, 30_000, 7, pictures=False)
    return made


@pytest.fixture(scope="session")
def data(folder: Path) -> Dataset:
    """Its data set."""
    return load_dataset(folder, load(folder))[0]


@pytest.fixture
def prepare(monkeypatch: pytest.MonkeyPatch) -> Prepare:
    """A search over the floor's sources and Markov, by what home asks alone, its time a minute of a clock that stands still."""
    monkeypatch.setattr(run, "OTHERS", ("markov",))
    asked = run.asked
    monkeypatch.setattr(run, "asked", lambda job: {"home": asked(job)["home"]})

    def prepared(data: Dataset, settings: Settings, work: Path) -> Prepared:
        return run.prepare(data, settings, Budget(1, lambda: 0.0), Tracker(quiet=True), work)

    return prepared
