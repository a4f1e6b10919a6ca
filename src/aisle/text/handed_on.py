"""A fine-tuned model as other programs open it: a folder for sentence-transformers and transformers, with a card that says what it is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from aisle.text.pretrained import PROMPTS, Pooling

FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt", PROMPTS)
MODULES = (("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize"))
LONGEST = 256
"""Tokens of a text that are read."""
LICENCE = "license:"
ORIGIN = "ENCODER.md"
"""The file of a bundle that says where the model in it comes from."""
ALONE = (
    "```python",
    "from onnxruntime import InferenceSession",
    "from tokenizers import Tokenizer",
    "",
    'tokenizer = Tokenizer.from_file("FOLDER/tokenizer.json")',
    "tokenizer.no_padding()",
    "tokenizer.enable_truncation(128)",
    'ids = tokenizer.encode("red lamp").ids',
    'session = InferenceSession("FOLDER/model.onnx")',
    'print(session.run(["vector"], {"input_ids": [ids], "attention_mask": [[1] * len(ids)]})[0].tolist())',
    "```",
)
"""A served model without Aisle."""
HOW = (
    "```python",
    "from sentence_transformers import SentenceTransformer",
    "",
    'SentenceTransformer("FOLDER").encode(["red lamp"])',
    "```",
)


def hand_on(model: Path, target: Path, pooling: Pooling, facts: Sequence[str], base: Path) -> None:
    """Copy ``model`` (`aisle.text.model_train.Opened.save`) to ``target``, weights in half precision: half the bytes, no cosine moves by
    more than some thousandths. The card has the ``facts``, one a line, and the licence that the card of ``base`` states."""
    (target / "1_Pooling").mkdir(parents=True, exist_ok=True)
    weights = load_file(model / "model.safetensors")
    small = {name: value.astype(np.float16) if value.dtype == np.float32 else value for name, value in weights.items()}
    save_file(small, target / "model.safetensors", metadata={"format": "pt"})
    for name in FILES:
        if (model / name).is_file():
            shutil.copyfile(model / name, target / name)
    modules = [
        {"idx": place, "name": str(place), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for place, (path, kind) in enumerate(MODULES)
    ]
    width = int(json.loads((model / "config.json").read_text(encoding="utf-8"))["hidden_size"])
    modes = {"cls": "cls_token", "mean": "mean_tokens", "last": "lasttoken"}
    pooled = {"word_embedding_dimension": width, **{f"pooling_mode_{mode}": kind == pooling for kind, mode in modes.items()}}
    for path, said in (
        ("modules.json", modules),
        ("1_Pooling/config.json", pooled),
        ("sentence_bert_config.json", {"max_seq_length": LONGEST, "do_lower_case": False}),
    ):
        (target / path).write_text(json.dumps(said, indent=1), encoding="utf-8")
    (target / "README.md").write_text(card(facts, base), encoding="utf-8")


def carried_on(parent: Path, folder: Path) -> None:
    """Copy what a bundle holds for other programs, as far as it does: the fine-tuned model, its adapter, where the model comes from."""
    for name in ("model", "adapter"):
        if (parent / name).is_dir():
            shutil.copytree(parent / name, folder / name)
    if (parent / ORIGIN).is_file():
        shutil.copyfile(parent / ORIGIN, folder / ORIGIN)


def card(facts: Sequence[str], base: Path) -> str:
    """The card, in the form that model hubs read."""
    licence = licence_of(base)
    stated = [f"{LICENCE} {licence}"] if licence else []
    head = ["---", "library_name: sentence-transformers", *stated, "---", "", "# A shop's own encoder", ""]
    return "\n".join([*head, *(f"- {fact}" for fact in facts), "", *HOW, ""])


def origin(facts: Sequence[str], base: Path) -> str:
    """What a bundle says of the pretrained model in it: the ``facts``, the licence that the card of ``base`` states, how to open it."""
    stated = f"Its licence as its card states it: {licence_of(base) or 'none, so whoever hands it on must find out'}."
    alone = "FOLDER is the one of `encoder.json` with `model.onnx` under `sources`; onnxruntime alone opens it:"
    return "\n".join(["# The encoder in this bundle", "", *(f"- {fact}" for fact in (*facts, stated)), "", alone, "", *ALONE, ""])


def licence_of(base: Path) -> str:
    """What the card of a model's folder says, empty where it says nothing: then whoever hands the model on must find out."""
    path = base / "README.md"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return next((line.removeprefix(LICENCE).strip() for line in lines if line.startswith(LICENCE)), "")
