"""A fine-tuned model opens elsewhere and gives the same vectors; its card says what it is and under which licence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from aisle.text.handed_on import hand_on
from aisle.text.pretrained import check_folder, pooling_of
from tests.text.tiny import tiny_model

WORDS = ["red", "blue", "lamp", "desk"]
TEXTS = ["red lamp", "blue desk lamp", "desk"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    work = tmp_path_factory.mktemp("handed")
    base = tiny_model(work / "base", WORDS)
    (base / "README.md").write_text("---\nlanguage: en\nlicense: apache-2.0\n---\n# A base\n", encoding="utf-8")
    hand_on(base, work / "handed", "mean", ["Fine-tuned from base."], base)
    return base, work / "handed"


def test_it_is_a_model_that_may_be_opened_with_the_pooling_it_had(folders: tuple[Path, Path]) -> None:
    base, handed = folders
    check_folder(handed)
    assert pooling_of(handed) == "mean"
    assert (handed / "model.safetensors").stat().st_size < 0.6 * (base / "model.safetensors").stat().st_size


def test_its_vectors_are_those_of_the_model(folders: tuple[Path, Path]) -> None:
    from aisle.text.model_train import open_model

    before, after = (open_model(folder) for folder in folders)
    one, other = (model.vectors(model.tokens(TEXTS)).detach().numpy() for model in (before, after))
    assert (one * other).sum(axis=1) == pytest.approx(1, abs=1e-3)


def test_sentence_transformers_opens_it(folders: tuple[Path, Path]) -> None:
    from aisle.text.model_train import open_model

    sentences = pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
    theirs = sentences.SentenceTransformer(str(folders[1]), device="cpu").encode(TEXTS, show_progress_bar=False)
    model = open_model(folders[1])
    ours = model.vectors(model.tokens(TEXTS)).detach().numpy()
    assert np.linalg.norm(theirs, axis=1) == pytest.approx(1, abs=1e-3)
    assert (ours * theirs).sum(axis=1) == pytest.approx(1, abs=1e-3)


def test_the_card_says_what_it_is(folders: tuple[Path, Path], tmp_path: Path) -> None:
    said = (folders[1] / "README.md").read_text(encoding="utf-8")
    assert "license: apache-2.0" in said and "- Fine-tuned from base." in said
    (tmp_path / "silent").mkdir()
    hand_on(folders[0], tmp_path / "handed", "cls", [], tmp_path / "silent")
    assert "license" not in (tmp_path / "handed" / "README.md").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "handed" / "1_Pooling" / "config.json").read_text())["pooling_mode_cls_token"]
