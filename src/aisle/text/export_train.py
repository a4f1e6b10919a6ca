"""Exports a sentence encoder from torch to ONNX, quantised, and checks the copy against the original; training only."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from transformers import AutoTokenizer
from transformers.utils.logging import disable_progress_bar

from aisle.core.errors import InputError
from aisle.core.quiet import quiet
from aisle.text.encoder import STATES, OnnxEncoder, Precision
from aisle.text.model_train import Pooled, Telling, transformer
from aisle.text.pretrained import check_folder, pooling_of, prompts_of

LONGEST = 128
SAMPLE = ("red lamp", "1/2 in. x 10 ft. copper pipe", "25.6 cu. ft. side by side refrigerator in stainless steel", "a", "drill bit set")


def export(source: Path, target: Path, name: str = "minilm", precision: Precision = "int8") -> float:
    """Write ``source`` (a transformers folder) to ``target`` as an `OnnxEncoder`; the lowest cosine to torch over a few texts is returned.

    int8 weights with one scale a channel; below .97 raises `InputError`, since such a copy would rank worse than its figures say.
    """
    target.mkdir(parents=True, exist_ok=True)
    disable_progress_bar()
    check_folder(source)
    with quiet():
        model = Pooled(transformer(source), pooling_of(source)).eval()
    with tempfile.TemporaryDirectory() as scratch, quiet():
        _write_graph(model, Path(scratch) / "model.onnx")
        settle(Path(scratch) / "model.onnx", target / "model.onnx", precision == "int8")
    shutil.copyfile(source / "tokenizer.json", target / "tokenizer.json")
    facts = {"kind": "onnx", "name": name, "dimension": int(model.model.config.hidden_size), "longest": LONGEST}
    facts |= {"precision": precision, **asking(source)}
    (target / "encoder.json").write_text(json.dumps(facts), encoding="utf-8")
    worst = check(source, model, OnnxEncoder(target), SAMPLE)
    if worst < 0.97:
        raise InputError(f"The exported encoder agrees with the original to a cosine of {worst:.3f} only.", "Export without quantisation.")
    return worst


def asking(source: Path) -> dict[str, str]:
    """What the encoder's facts say of the texts that stand before queries and items; nothing where the model wants none."""
    return {f"{kind}_prompt": said for kind, said in prompts_of(source).items() if said}


def settle(graph: Path, target: Path, quantise: bool) -> None:
    """Write a graph to ``target``: in int8 with one scale a channel, or as it is."""
    if quantise:
        quantize_dynamic(graph, target, per_channel=True, weight_type=QuantType.QInt8)
    else:
        shutil.copyfile(graph, target)


def _write_graph(model: Pooled, path: Path) -> None:
    ids, mask = torch.full((2, 8), 1000), torch.ones(2, 8, dtype=torch.int64)  # two tensors: one given twice is exported as one input
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length", max=512)
    shapes = {"input_ids": {0: batch, 1: length}, "attention_mask": {0: batch, 1: length}}
    torch.onnx.export(
        Telling(model).eval(), (ids, mask), path, dynamo=True, external_data=False, dynamic_shapes=shapes, verbose=False,
        input_names=["input_ids", "attention_mask"], output_names=["vector", STATES],
    )  # fmt: skip


def check(source: Path, model: torch.nn.Module, copy: OnnxEncoder, texts: Sequence[str]) -> float:
    """The lowest cosine between the original's vectors and the copy's."""
    before = prompts_of(source)["query"]
    asked = [before + text for text in texts]
    tokens = AutoTokenizer.from_pretrained(source)(asked, padding=True, truncation=True, max_length=LONGEST, return_tensors="pt")
    with torch.no_grad():
        original = model(tokens["input_ids"], tokens["attention_mask"]).numpy()
    return float(np.min(np.sum(original * copy.encode(texts, "query"), axis=1)))
