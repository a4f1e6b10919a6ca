"""A tiny transformer with a vocabulary of its own, made in a moment: for tests that train, open or export a model's folder."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

import pytest

from aisle.text.encoder import OnnxEncoder

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def tiny_model(folder: Path, words: Sequence[str], layers: int = 1, dropout: float = 0.1) -> Path:
    """In ``folder``: knows ``words`` and nothing about them, the same weights every time."""
    torch = pytest.importorskip("torch", reason="the training extra is not installed")
    transformers = pytest.importorskip("transformers", reason="the training extra is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join([*SPECIAL, *words]), encoding="utf-8")
    torch.manual_seed(3)
    settings = transformers.BertConfig(
        vocab_size=len(words) + len(SPECIAL), hidden_size=32, num_hidden_layers=layers, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=128, hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout,
    )  # fmt: skip
    transformers.BertModel(settings).save_pretrained(folder)
    transformers.BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


@cache
def tiny_encoder(words: tuple[str, ...]) -> OnnxEncoder:
    """Such a model exported; the same for the same words."""
    pytest.importorskip("torch", reason="the training extra is not installed")
    from aisle.text.export_train import export

    with TemporaryDirectory() as folder:
        export(tiny_model(Path(folder) / "model", words), Path(folder) / "encoder", "tiny")
        return OnnxEncoder(Path(folder) / "encoder")


def written_once(module: ModuleType, patch: pytest.MonkeyPatch, kept: Path) -> None:
    """Torch's graph, most of an export's time, is written to ``kept`` by the first export of ``module`` and taken from there by all others:
    for exports of one model that differ in what comes after."""
    write = module._write_graph

    def once(*given: object) -> None:
        target = given[-1]
        assert isinstance(target, Path)
        if kept.is_file():
            shutil.copyfile(kept, target)
        else:
            write(*given)
            shutil.copyfile(target, kept)

    patch.setattr(module, "_write_graph", once)
