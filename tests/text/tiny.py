"""A BERT of one layer with a vocabulary of its own, made in a moment: for tests that train or open a model's folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest


def tiny_model(folder: Path, words: Sequence[str]) -> Path:
    """In ``folder``: knows ``words`` and nothing else, the same weights every time."""
    torch = pytest.importorskip("torch", reason="the training extra is not installed")
    transformers = pytest.importorskip("transformers", reason="the training extra is not installed")
    folder.mkdir(exist_ok=True)
    known = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    (folder / "vocab.txt").write_text("\n".join(known), encoding="utf-8")
    torch.manual_seed(3)
    settings = transformers.BertConfig(
        vocab_size=len(known), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64, max_position_embeddings=128
    )
    transformers.BertModel(settings).save_pretrained(folder)
    transformers.BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder
