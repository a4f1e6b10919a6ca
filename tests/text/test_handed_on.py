"""A fine-tuned model opens elsewhere and gives the same vectors; its card says what it is and under which licence."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from aisle.text.handed_on import carried_on, hand_on, origin
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


def test_a_bundle_says_whose_model_it_serves_and_how_onnxruntime_alone_opens_it(folders: tuple[Path, Path], tmp_path: Path) -> None:
    from aisle.text.encoder import OnnxEncoder
    from aisle.text.export_train import export

    said = origin(["Made from base."], folders[0])
    assert "- Made from base." in said and "apache-2.0" in said and "none, so whoever" in origin([], tmp_path)
    export(folders[0], tmp_path / "served")
    (code,) = re.findall(r"```python\n(.*)```", said, re.DOTALL)
    alone = "import sys\n" + code.replace("FOLDER", str(tmp_path / "served")) + "assert not {'aisle', 'torch'} & set(sys.modules)\n"
    found = subprocess.run([sys.executable, "-c", alone], capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    np.testing.assert_allclose(json.loads(found), OnnxEncoder(tmp_path / "served").encode(["red lamp"], "query"), atol=1e-6)


def test_the_next_bundle_keeps_model_adapter_and_origin_as_far_as_there_are_any(tmp_path: Path) -> None:
    for name in ("bare", "parent", "next"):
        (tmp_path / name).mkdir()
    carried_on(tmp_path / "bare", tmp_path / "next")
    assert not list((tmp_path / "next").iterdir())
    for name in ("model/1_Pooling/config.json", "adapter/adapter_config.json", "ENCODER.md"):
        (tmp_path / "parent" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "parent" / name).write_text(name)
    (tmp_path / "parent" / "report.json").write_text("{}")
    carried_on(tmp_path / "parent", tmp_path / "next")
    found = {path.relative_to(tmp_path / "next").as_posix() for path in (tmp_path / "next").rglob("*") if path.is_file()}
    assert found == {"model/1_Pooling/config.json", "adapter/adapter_config.json", "ENCODER.md"}
