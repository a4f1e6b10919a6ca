"""One small simulated shop, trained once for all claims about training; its data set and its sources on window 1 apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from aisle.core.events import Dataset
from aisle.data.dataset import load_dataset
from aisle.data.windows import Windows, cut
from aisle.pipeline import Pipeline
from aisle.retrieval.registry import SOURCES
from aisle.settings import Settings, load
from aisle.simulate.shop import simulate
from aisle.tracking import Tracker
from aisle.training import encoders
from aisle.training.budget import Budget
from aisle.training.job import Job, plain_stacks
from aisle.training.parts import Parts
from aisle.training.run import train

NAMES = ("lexical", "popularity", "repeat", "item_knn", "markov", "trending")


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
    return train(folder, minutes=2, quiet=True).folder.parent


@pytest.fixture(scope="session")
def data(folder: Path) -> Dataset:
    """The data set of the shop."""
    return load_dataset(folder, load(folder))[0]


@pytest.fixture(scope="session")
def job(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """The sources `NAMES` can be fitted and are kept."""
    return job_of(data, cut(data.events, data.judgements), tmp_path_factory.mktemp("job"))


@pytest.fixture(scope="session")
def pipeline(job: Job) -> Pipeline:
    """A pipeline over `NAMES`, fitted on window 1."""
    return pipeline_of(job)


def job_of(data: Dataset, windows: Windows, work: Path) -> Job:
    """A run over this data with its parts in ``work``."""
    parts = Parts(work, {"test": str(work)})
    return Job(data, windows, Settings(), Budget(5), Tracker(quiet=True), parts, {"lexical": SOURCES["lexical"]().fit(data)})


def pipeline_of(job: Job) -> Pipeline:
    """`NAMES` as window 1 taught them."""
    return job.pipeline({name: job.source(name, False) for name in NAMES}, False, plain_stacks(NAMES))


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The package with the model is installed and exported already; nothing is read from this user's cache."""
    monkeypatch.setattr(encoders, "find_spec", lambda _: object())
    monkeypatch.setattr(encoders, "cache", lambda _: tmp_path / "cache" / "minilm")
    monkeypatch.setattr(encoders, "is_exported", lambda _: True)
