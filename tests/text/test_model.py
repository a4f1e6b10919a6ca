"""Folders of pretrained models: what is opened, what is refused and how to mend it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aisle.core.errors import InputError

torch = pytest.importorskip("torch", reason="the training extra is not installed")
transformers = pytest.importorskip("transformers", reason="the training extra is not installed")
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "lamp", "blue", "sofa", "desk"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS))
    torch.manual_seed(3)
    settings = transformers.BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, max_position_embeddings=64
    )
    transformers.BertModel(settings).save_pretrained(tmp_path)
    transformers.BertTokenizerFast(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path)
    return tmp_path


def test_vectors_have_unit_length_and_the_given_order(folder: Path) -> None:
    from aisle.text.model_train import open_model

    model = open_model(folder)
    model.net.eval()
    tokens = model.tokens(["red lamp", "sofa", "blue desk lamp"])
    with torch.no_grad():
        together = model.vectors(tokens)
        alone = torch.cat([model.vectors([one]) for one in tokens])
    assert together.norm(dim=1).tolist() == pytest.approx([1, 1, 1], abs=1e-5)
    assert torch.allclose(together, alone, atol=0.02)


def test_every_way_of_pooling_passes_over_padding(folder: Path) -> None:
    from aisle.text.model_train import open_model, padded

    for pooling in ("mean", "cls", "last"):
        net = open_model(folder, pooling).net.eval()  # type: ignore[arg-type]
        with torch.no_grad():
            both, short = net(*padded([[2, 5, 3], [2, 5, 6, 7, 3]])), net(*padded([[2, 5, 3]]))
        assert torch.allclose(both[0], short[0], atol=1e-5), pooling


def test_what_was_saved_opens_again_with_the_same_vectors(folder: Path, tmp_path: Path) -> None:
    from aisle.text.model_train import open_model

    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}', encoding="utf-8")
    model = open_model(folder)
    model.save(tmp_path / "copy")
    again = open_model(tmp_path / "copy")
    assert again.net.pooling == "cls"
    with torch.no_grad():
        first, second = (one.vectors(one.tokens(["red lamp"])) for one in (model, again) if one.net.eval() is not None)
    assert torch.equal(first, second)


def test_a_folder_without_a_model_or_weights_is_refused(folder: Path, tmp_path: Path) -> None:
    from aisle.text.pretrained import check_folder

    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"config\.json is missing"):
        check_folder(tmp_path / "empty")
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"model\.safetensors is missing"):
        check_folder(folder)


def test_a_pickle_is_refused_with_the_mend(folder: Path) -> None:
    from aisle.text.pretrained import check_folder

    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"are a pickle.*safe_serialization=True"):
        check_folder(folder)


def test_code_that_a_model_brings_along_is_never_run(folder: Path) -> None:
    from aisle.text.pretrained import check_folder

    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"auto_map": {"AutoModel": "evil.Model"}}))
    with pytest.raises(InputError, match="Python code of its own"):
        check_folder(folder)


def test_a_tokenizer_of_another_model_is_refused(folder: Path) -> None:
    from aisle.text.pretrained import check_folder

    (folder / "vocab.txt").write_text("\n".join([*WORDS, "more", "words"]))
    transformers.BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    with pytest.raises(InputError, match="knows 12 tokens, the model 10"):
        check_folder(folder)


def test_where_memory_is_short_the_gradients_are_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from aisle.text import model_train

    found = []
    for short in (False, True):
        monkeypatch.setattr(model_train, "_short", lambda short=short: short)
        model = model_train.open_model(folder)
        model.net.eval()
        model.vectors(model.tokens(["red lamp", "sofa"]))[:, 0].sum().backward()
        found.append(model.net.model.embeddings.word_embeddings.weight.grad.clone())
    assert torch.allclose(found[0], found[1], atol=1e-6) and bool(found[0].any())


def test_texts_go_through_in_pieces_of_like_length_that_hold_so_many_tokens_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    from aisle.text import model_train

    monkeypatch.setattr(model_train, "TOGETHER", 12)
    tokens = [[0] * size for size in (3, 4, 4, 5, 20)]
    assert list(model_train.pieces([0, 1, 2, 3, 4], tokens)) == [[0, 1, 2], [3], [4]]
    assert list(model_train.pieces([], tokens)) == []


def test_a_model_saved_in_half_precision_learns_in_full(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    from aisle.text.model_train import open_model

    halves = {name: tensor.half() for name, tensor in load_file(folder / "model.safetensors").items()}
    save_file(halves, folder / "model.safetensors", {"format": "pt"})
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**settings, "dtype": "float16"}))
    assert {tensor.dtype for tensor in open_model(folder).net.parameters()} == {torch.float32}
