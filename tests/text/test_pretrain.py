"""Pre-training: it learns, goes on after a kill to the same losses, makes folders that encoders open, widens a given vocabulary."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from aisle.core.errors import InputError
from aisle.text.pretrained import check_folder, pooling_of

torch = pytest.importorskip("torch", reason="the training extra is not installed")
pytest.importorskip("transformers", reason="the training extra is not installed")
THINGS, COLOURS = ("台灯", "地毯", "沙发", "面霜"), ("红色", "蓝色", "白色")
TEXTS = [f"{colour}{thing}很好看 很{colour}的{thing} number{n}" for n in range(110) for colour in COLOURS for thing in THINGS]
SHAPE = (1, 32)


def pretrained(out: Path, kind: str = "bert", steps: int = 8, **more: object) -> object:
    from aisle.text.pretrain_train import Pretraining

    given = {"shape": SHAPE, "steps": steps} | more
    return Pretraining(TEXTS, out, kind, **given).run()  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bert") / "model"
    pretrained(out, steps=10)
    return out


@pytest.mark.parametrize("kind", ["bert", "gpt"])
def test_it_foretells_texts_that_were_kept_out_better_than_before(kind: str, tmp_path: Path) -> None:
    told = pretrained(tmp_path / "model", kind, steps=20)
    assert told.perplexity < 0.8 * told.before and told.steps == 20  # type: ignore[attr-defined]
    assert told.before == pytest.approx(told.vocabulary, rel=0.3), "who knows nothing is as unsure as if all tokens were alike"  # type: ignore[attr-defined]
    assert pooling_of(tmp_path / "model") == ("mean" if kind == "bert" else "last")
    assert not (tmp_path / "model" / "unfinished").exists()


def test_the_folder_opens_as_an_encoder_and_can_be_learned_further(bert: Path) -> None:
    from aisle.text.model_train import open_model

    check_folder(bert)
    model = open_model(bert)
    model.net.eval()
    with torch.no_grad():
        vectors = model.vectors(model.tokens(["红色台灯", "蓝色沙发"]))
    assert vectors.shape == (2, SHAPE[1]) and torch.allclose(vectors.norm(dim=1), torch.ones(2), atol=1e-4)


def test_a_killed_run_goes_on_to_the_same_losses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from aisle.text import loop_train

    monkeypatch.setattr(loop_train, "SAVED", 0.0)
    whole: dict[int, float] = {}
    pretrained(tmp_path / "whole", watch=lambda step, of, loss: whole.setdefault(step, loss))

    def killed(step: int, of: int, loss: float) -> None:
        if step == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pretrained(tmp_path / "killed", watch=killed)
    again: dict[int, float] = {}
    pretrained(tmp_path / "killed", watch=lambda step, of, loss: again.setdefault(step, loss))
    assert min(again) == 5 and list(again.values()) == pytest.approx([whole[step] for step in again], abs=1e-5)


def test_the_shape_is_what_the_time_can_fill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from aisle.text import pretrain_train as made

    monkeypatch.setattr(made, "_pace", lambda model, enough: model.config.hidden_size / 128)
    steps = made.PASSES * made._steps(TEXTS)
    tokenizer = made.learned(TEXTS)
    for seconds, shape in ((3.1 * steps, (6, 384)), (2.9 * steps, (4, 256)), (1.9 * steps, (2, 128)), (0.0, (2, 128))):
        assert made.Pretraining(TEXTS, tmp_path, seconds=seconds)._fitting(99, TEXTS, tokenizer) == shape


def test_going_on_gives_new_words_the_mean_of_their_pieces(bert: Path, tmp_path: Path) -> None:
    from aisle.text import pretrain_train as made

    told = pretrained(tmp_path / "more", steps=0, start=bert)
    assert told.words > 0 and told.vocabulary > json.loads((bert / "config.json").read_text())["vocab_size"]  # type: ignore[attr-defined]
    (old, pieces, _), (new, wider, _) = made.opened(bert), made.opened(tmp_path / "more")
    ids = pieces.encode("台灯", add_special_tokens=False).ids
    row = wider.encode("台灯", add_special_tokens=False).ids
    assert len(ids) == 2 and len(row) == 1
    before, after = (model.get_input_embeddings().weight.detach().numpy() for model in (old, new))
    np.testing.assert_allclose(after[row[0]], before[ids].mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(after[: len(before)], before, atol=1e-6)


def test_too_little_text_and_no_language_model_are_refused(bert: Path, tmp_path: Path) -> None:
    from aisle.text.pretrain_train import Pretraining, opened

    with pytest.raises(InputError, match=r"needs 20,000 characters of text, here are 4"):
        Pretraining(["红色台灯"], tmp_path / "out").run()
    config = json.loads((bert / "config.json").read_text()) | {"model_type": "vit"}
    for path in bert.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="no language model"):
        opened(tmp_path)


def test_what_reads_left_to_right_is_exported_for_any_number_of_texts(tmp_path: Path) -> None:
    """The last token's place once fixed the size of a batch in the graph."""
    from aisle.text.encoder import OnnxEncoder
    from aisle.text.export_train import export

    pretrained(tmp_path / "gpt", "gpt", steps=1)
    export(tmp_path / "gpt", tmp_path / "onnx", "gpt", "fp32")
    encoder = OnnxEncoder(tmp_path / "onnx")
    alone, together = encoder.encode(["红色台灯"], "query"), encoder.encode(["红色台灯", "地毯", "白色沙发"], "item")
    np.testing.assert_allclose(alone[0], together[0], atol=1e-4)
