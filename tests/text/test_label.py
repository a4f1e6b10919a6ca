"""The labeller of words: it learns a toy, in letters and in Chinese; what has no token is nothing; a label unknown to it is an error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the training extra is not installed")

from tests.text.tiny import tiny_model  # noqa: E402

WORDS = ["acme", "korix", "lamp", "bag", "灯", "包", "雅", "兰"]
LABELS = ("O", "B-brand", "I-brand")
KINDS = dict(zip(WORDS, (1, 1, 0, 0, 0, 0, 1, 2), strict=True))


def toy(seed: int, count: int = 160) -> tuple[list[list[str]], list[list[str]]]:
    """Words in any order, each with its label."""
    dice = np.random.default_rng(seed)
    texts = [[str(word) for word in dice.choice(WORDS, int(dice.integers(1, 6)))] for _ in range(count)]
    return texts, [[LABELS[KINDS[word]] for word in text] for text in texts]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("model"), WORDS)


def test_it_learns_what_each_word_is(model: Path) -> None:
    from aisle.text.label_train import Labeller
    from aisle.text.study_train import Study

    words, labels = toy(1)
    asked, truth = toy(2)

    def value(said: list[list[str]]) -> float:
        return float(np.mean([one == other for one, other in zip(said, truth, strict=True)]))

    made = Labeller(model, LABELS)
    before = value(made.label(asked))
    history = made.fit(words, labels, asked, value, Study(epochs=6, learning_rate=3e-3))
    assert history.best > 0.95 > before
    tested, wanted = toy(3)
    assert np.mean([one == other for one, other in zip(made.label(tested), wanted, strict=True)]) > 0.95, (
        "the kept weights are the best ones"
    )
    assert made.label([["acme", "\u200b", "灯"], []]) == [["B-brand", "O", "O"], []], "what has no token is nothing"


def test_a_long_text_is_cut_and_an_unknown_label_refused(model: Path) -> None:
    from aisle.text.label_train import Labeller

    made = Labeller(model, LABELS, tokens=16)
    assert len(made.label([["acme"] * 40])[0]) == 40
    with pytest.raises(KeyError, match="B-colour"):
        made.fit([["acme"]], [["B-colour"]], [["acme"]], lambda said: 0.0)


def test_a_pair_is_read_off_the_mean_of_its_tokens(model: Path) -> None:
    from aisle.text.classify_train import Cases, Classifier

    cases = Cases(["acme lamp", "korix"], ["", ""], np.zeros(2, np.int64))
    made = Classifier(model, pooling="mean")
    made.net.eval()
    encoded = made._encoded(cases)
    together, alone = made.net.pooled(encoded, "mean"), made.net.pooled(encoded[1:], "mean")
    torch.testing.assert_close(together[1], alone[0], rtol=0.02, atol=0.02)
    assert len(encoded[1].ids) == 3, "an empty second text adds nothing"
