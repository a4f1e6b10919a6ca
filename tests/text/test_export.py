"""The transformer after export: agrees with the original, a query's vector does not depend on its neighbours. A tiny model, made here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from aisle.core.errors import BundleError
from aisle.text.encoder import Encoder, OnnxEncoder
from aisle.text.encoders import load_encoder

torch = pytest.importorskip("torch", reason="the training extra is not installed")
transformers = pytest.importorskip("transformers", reason="the training extra is not installed")
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "lamp", "blue", "sofa", "pipe", "a", "##s", "1", "/", "2"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path, float]]:
    from aisle.text.export_train import export

    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("target")
    (source / "vocab.txt").write_text("\n".join(WORDS))
    torch.manual_seed(3)
    settings = transformers.BertConfig(
        vocab_size=len(WORDS), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, max_position_embeddings=128
    )
    transformers.BertModel(settings).save_pretrained(source)
    transformers.BertTokenizerFast(str(source / "vocab.txt")).save_pretrained(source)
    yield source, target, export(source, target, "tiny")


def test_the_copy_agrees_with_the_original(folders: tuple[Path, Path, float]) -> None:
    assert folders[2] > 0.97


def test_a_query_is_the_same_alone_and_among_others(folders: tuple[Path, Path, float]) -> None:
    encoder = OnnxEncoder(folders[1])
    texts = ["red lamp", "a", "blue sofa pipe lamps " * 20, "", "1/2"]
    together = encoder.encode(texts, "query")
    alone = np.concatenate([encoder.encode([text], "query") for text in texts])
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_allclose((encoder.encode(texts, "item") * together).sum(axis=1), 1, atol=0.02)


def test_vectors_have_unit_length_whatever_the_text(folders: tuple[Path, Path, float]) -> None:
    encoder = OnnxEncoder(folders[1])
    vectors = encoder.encode(["\ud800", "🙂", "red " * 5_000, "\x00"], "item")
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
    assert encoder.encode([], "item").shape == (0, 32)


def test_a_saved_encoder_is_the_same(folders: tuple[Path, Path, float], tmp_path: Path) -> None:
    encoder = OnnxEncoder(folders[1])
    encoder.save(tmp_path)
    opened = load_encoder(tmp_path)
    assert isinstance(opened, Encoder) and opened.fingerprint == encoder.fingerprint and opened.name == "tiny"
    np.testing.assert_array_equal(opened.encode(["red lamp"], "query"), encoder.encode(["red lamp"], "query"))


def test_an_encoder_with_a_missing_file_is_refused(folders: tuple[Path, Path, float], tmp_path: Path) -> None:
    OnnxEncoder(folders[1]).save(tmp_path)
    (tmp_path / "model.onnx").unlink()
    with pytest.raises(BundleError, match=r"model\.onnx"):
        load_encoder(tmp_path)


def test_what_a_model_reads_before_a_text_is_read_in_training_and_in_serving(tmp_path: Path) -> None:
    from aisle.text.export_train import export
    from aisle.text.model_train import open_model
    from tests.text.tiny import tiny_model

    plain = tiny_model(tmp_path / "plain", ["red", "lamp", "find", "this"])
    told = tiny_model(tmp_path / "told", ["red", "lamp", "find", "this"])
    (told / "config_sentence_transformers.json").write_text('{"prompts": {"query": "find ", "passage": "this "}}')
    assert export(told, tmp_path / "served") > 0.97
    export(plain, tmp_path / "bare")
    model, served, bare = open_model(told), OnnxEncoder(tmp_path / "served"), OnnxEncoder(tmp_path / "bare")
    for kind, before in (("query", "find "), ("item", "this ")):
        assert model.tokens(["red lamp"], kind) == open_model(plain).tokens([before + "red lamp"], kind)  # type: ignore[arg-type]
        ours = served.encode(["red lamp"], kind)  # type: ignore[arg-type]
        np.testing.assert_array_equal(ours, bare.encode([before + "red lamp"], kind))  # type: ignore[arg-type]
    assert served.fingerprint != bare.fingerprint
    served.save(tmp_path / "again")
    np.testing.assert_array_equal(load_encoder(tmp_path / "again").encode(["red"], "query"), served.encode(["red"], "query"))
    model.save(tmp_path / "kept")
    assert open_model(tmp_path / "kept").before == {"query": "find ", "item": "this "}
