"""The classifier of pairs: it learns a toy, looks after each epoch, and learns the same when memory holds less than a batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the training extra is not installed")

from tests.text.tiny import tiny_model  # noqa: E402

WORDS = [f"w{number}" for number in range(8)]


def toy(seed: int, count: int = 96) -> object:
    """A pair is of class 1 when its first text's word is one of the first four, whatever its second says."""
    from aisle.text.classify_train import Cases

    dice = np.random.default_rng(seed)
    number, other = dice.integers(8, size=count), dice.integers(8, size=count)
    return Cases([WORDS[n] for n in number], [WORDS[n] for n in other], (number < 4).astype(np.int64))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("model"), WORDS)


def test_it_learns_and_is_seen_after_each_epoch(model: Path) -> None:
    from aisle.text.classify_train import Classifier
    from aisle.text.study_train import Study

    right: dict[int, float] = {}
    development, test = toy(2), toy(3)
    made = Classifier(model)
    history = made.fit(
        toy(1),
        development,
        Study(learning_rate=3e-3),
        lambda epoch, guessed: right.update({epoch: (guessed == development.label).mean()}),  # type: ignore[attr-defined,arg-type]
    )
    assert list(right) == [0, 1, 2, 3, 4, 5] and history.steps == 5 * 6
    assert max(right.values()) == history.best > 0.95 > right[0]
    assert (made.guess(test) == test.label).mean() > 0.95, "the kept weights are the best ones"  # type: ignore[attr-defined,arg-type]


def test_with_room_for_less_than_a_batch_it_learns_the_same(model: Path) -> None:
    from aisle.text.classify_train import Classifier
    from aisle.text.study_train import Study

    def losses(together: int) -> list[float]:
        made = Classifier(model)
        made.net.dropout.p = 0.0
        for part in made.net.modules():
            if isinstance(part, torch.nn.Dropout):
                part.p = 0.0
        return made.fit(toy(1), toy(2), Study(epochs=2, learning_rate=1e-3, together=together)).losses  # type: ignore[arg-type]

    whole, pieces = losses(0), losses(5)
    assert pieces == pytest.approx(whole, rel=0.02), "half precision rounds each piece"


def test_long_pairs_are_cut(model: Path) -> None:
    from aisle.text.classify_train import Cases, Classifier

    made = Classifier(model, tokens=16)
    long = Cases([" ".join(WORDS * 20)], [" ".join(WORDS * 20)], np.zeros(1, np.int64))
    assert [len(one.ids) for one in made._encoded(long)] == [16]
    assert made.guess(long).shape == (1,)
