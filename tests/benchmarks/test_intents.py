"""The measuring of intents measures what it says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from aisle.text.encoder import Kind, Vectors
from aisle.text.ngram import NgramEncoder
from benchmarks import intents
from benchmarks.intents import Remembered, error, examples_of, few, held, parted, sampled

ROWS = [(f"{word} {number}", word, "test" if number >= 12 else "train") for word in ("lost", "found") for number in range(16)]


class Counting(NgramEncoder):
    """Counts the texts that it is handed."""

    handed = 0

    def encode(self, texts: Sequence[str], kind: Kind) -> Vectors:
        self.handed += len(texts)
        return super().encode(texts, kind)


@pytest.fixture
def encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counting:
    monkeypatch.setattr(intents, "PLACE", tmp_path)
    return Counting(8).fit([text for text, _, _ in ROWS])


def test_a_text_is_encoded_once_also_by_the_next_run(encoder: Counting) -> None:
    first = Remembered(encoder)
    vectors = first(["lost 1", "found 2", "lost 1"])
    first.keep()
    again = Remembered(encoder)
    assert again(["found 2", "lost 1"]) == pytest.approx(vectors[[1, 0]])
    assert (encoder.handed, again.count) == (2, 0)


def test_the_official_test_texts_are_asked_and_never_learned_from(encoder: Counting) -> None:
    known, asked = parted(examples_of(ROWS))
    assert (len(known), len(asked)) == (24, 8)
    right = few(known, asked, Remembered(encoder), 0)
    assert right.all()
    assert held("share", right).value == 1


def test_the_calibration_error_is_the_distance_of_score_and_share() -> None:
    right = np.array([True, False] * 50)
    assert error(np.full(100, 0.5, np.float32), right, 2) == pytest.approx(0)
    assert error(np.full(100, 0.9, np.float32), right, 2) == pytest.approx(0.4)


def test_a_sample_is_drawn_from_all_rows_and_stays_the_same() -> None:
    mask = np.arange(100) >= 50
    drawn = sampled(mask, 10)
    assert len(drawn) == 10
    assert drawn.min() >= 50
    assert drawn.tolist() == sampled(mask, 10).tolist() != list(range(50, 60))
