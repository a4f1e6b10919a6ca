"""Heads on a profile: the encoder wins where titles alone tell what is next, wins nothing where nothing tells, and may be left out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from aisle.core.events import Dataset
from aisle.data.windows import cut
from aisle.retrieval.vectors import ItemVectors
from aisle.settings import Settings
from aisle.testing.toys import Happening, catalogue, shop
from aisle.tracking import Tracker
from aisle.training.budget import Budget
from aisle.training.job import Job, plain_stacks
from aisle.training.linear_head import chances
from aisle.training.parts import Parts
from aisle.training.profile_heads import READ, Heads, learn_heads

KINDS, STEPS = 3, 40


class Knowing:
    """Reads the kind that a title names."""

    name, dimension, fingerprint = "knowing", KINDS, "1"

    def encode(self, texts: Sequence[str], kind: object) -> NDArray[np.float32]:
        return np.eye(KINDS, dtype=np.float32)[[int(text.partition("kind ")[2][0]) for text in texts]]


def toy(tells: bool, clock: bool = True, users: int = 60) -> Dataset:
    """Everybody buys once in five days or so. The title of a thing says from which category the next one comes, its own category does not;
    without ``tells`` chance alone decides."""
    random = np.random.default_rng(5)
    items = {
        f"c{category}k{kind}": {"title": f"a thing of kind {kind}", "category": f"C{category}", "price": 10.0 + 10 * category}
        for category in range(KINDS)
        for kind in range(KINDS)
    }
    happened: list[Happening] = []
    for user in range(users):
        category = 0
        for step in range(STEPS):
            kind = int(random.integers(KINDS))
            happened.append((f"u{user}", f"c{category}k{kind}", 5.0 * step + user / 50 + random.random(), "purchase"))
            category = kind if tells else int(random.integers(KINDS))
    return shop(catalogue(items), happened, clock)  # type: ignore[arg-type]


def learned(data: Dataset, work: Path, minutes: float = 30.0, encoder: bool = True) -> Heads:
    job = Job(data, cut(data.events), Settings(), Budget(minutes), Tracker(quiet=True), Parts(work, {"t": "1"}), {})
    vectors = ItemVectors.of(Knowing(), data.catalogue) if encoder else None  # type: ignore[arg-type]
    return learn_heads(job, job.pipeline({"popularity": job.source("popularity", False)}, False, plain_stacks(())), vectors)


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory) -> Heads:
    return learned(toy(True), tmp_path_factory.mktemp("heads"))


def test_where_titles_tell_the_next_category_the_encoder_beats_the_fold(telling: Heads) -> None:
    value = {(f.model, f.metric): f.test for f in telling.figures}
    encoder, fold = value["profile_encoder", "next_category/accuracy"], value["profile_fold", "next_category/accuracy"]
    assert encoder is not None and fold is not None
    assert encoder.value > 0.6, "the newest of several titles weighs most"
    assert fold.value < 0.45, "a third by chance"
    (gain,) = (c for c in telling.comparisons if c.metric == "next_category/logloss" and c.b == "profile_fold")
    assert gain.a in ("profile_encoder", "profile_both") and gain.high < 0


def test_every_head_has_its_three_rows_and_the_plainest_answer_on_both_windows(telling: Heads) -> None:
    for head in ("next_category", "next_price", "comes_back"):
        rows = {f.model for f in telling.figures if f.metric == f"{head}/accuracy"}
        assert rows >= {*READ, "constant_rate"} and ("profile_usual" in rows) == (head != "comes_back")
        assert head in telling.text
    assert all(f.development and f.test and f.development.n >= 40 and f.test.low <= f.test.value <= f.test.high for f in telling.figures)


def test_where_nothing_tells_nothing_is_gained(tmp_path: Path) -> None:
    found = learned(toy(False), tmp_path)
    (gain,) = (c for c in found.comparisons if c.metric == "next_category/logloss" and c.b == "constant_rate")
    assert gain.high > 0, "no head is surely better than one rate for all"


def test_a_log_without_a_clock_is_not_asked_who_comes_back(tmp_path: Path) -> None:
    found = learned(toy(True, clock=False, users=150), tmp_path)
    assert "comes_back: the log has no clock" in found.text and not [f for f in found.figures if f.metric.startswith("comes_back")]
    assert [f for f in found.figures if f.metric.startswith("next_category")]


def test_without_an_encoder_or_without_time_it_says_so(tmp_path: Path) -> None:
    data = toy(True)
    assert "No encoder" in learned(data, tmp_path, encoder=False).text
    short = learned(data, tmp_path, minutes=0.05)
    assert "was not measured" in short.text and not short.figures


def test_a_class_that_was_never_taught_is_unlikely_but_not_impossible() -> None:
    x = {window: np.eye(2, dtype=np.float32)[[0, 1] * 20] for window in (2, 3, 4)}
    y = {2: np.array([0, 1] * 20), 3: np.array([0, 1] * 20), 4: np.array([0, 2] * 20)}
    dev, test = chances(x, y, 3)
    assert (dev.argmax(axis=1) == y[3]).all()
    np.testing.assert_allclose(test.sum(axis=1), 1, atol=1e-6)
    assert 0 < test[1, 2] < 0.01
