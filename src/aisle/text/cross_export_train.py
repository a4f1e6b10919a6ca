"""Exports a cross-encoder from torch to ONNX, quantised, and checks the copy against the original; training only."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from aisle.core.errors import InputError
from aisle.core.quiet import quiet
from aisle.text.cross import Cross
from aisle.text.cross_model_train import Opened, open_cross
from aisle.text.export_train import settle

ALIKE = 0.97
"""Correlation of the copy's scores with the original's below which it is refused."""
INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def export_cross(source: Path, target: Path, first: Sequence[str], second: Sequence[str], longest: int, quantise: bool = True) -> float:
    """Write the cross-encoder in ``source`` to ``target`` as a `Cross`; returned is the correlation of its scores with those of torch over
    the pairs given, some dozens.

    int8 weights with one scale a channel; a correlation below .97 raises `InputError`: such a copy would rank worse than its figures say.
    """
    target.mkdir(parents=True, exist_ok=True)
    model = open_cross(source, longest=longest, attention="eager")
    model.net.cpu().eval()
    with tempfile.TemporaryDirectory() as scratch, quiet():
        _write_graph(model, Path(scratch) / "model.onnx")
        settle(Path(scratch) / "model.onnx", target / "model.onnx", quantise)
    shutil.copyfile(source / "tokenizer.json", target / "tokenizer.json")
    facts = {"longest": longest, "typed": model.net.typed, "marked": model.net.typed, "precision": "int8" if quantise else "fp32"}
    (target / "cross.json").write_text(json.dumps(facts), encoding="utf-8")
    alike = _alike(model, Cross(target), first, second)
    if alike < ALIKE:
        what = f"The exported cross-encoder's scores agree with the original's to a correlation of {alike:.3f} only."
        raise InputError(what, "Set cross_ms = 0 in aisle.toml to do without.")
    return alike


def _write_graph(model: Opened, path: Path) -> None:
    ids, mask, types = torch.full((2, 8), 1000), torch.ones(2, 8, dtype=torch.int64), torch.zeros(2, 8, dtype=torch.int64)
    ids.clamp_(max=int(model.net.model.config.vocab_size) - 1)
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length", max=512)
    shapes = {name: {0: batch, 1: length} for name in INPUTS}
    torch.onnx.export(
        model.net, (ids, mask, types), path, dynamo=True, external_data=False, dynamic_shapes=shapes, verbose=False,
        input_names=list(INPUTS), output_names=["score"],
    )  # fmt: skip


def _alike(model: Opened, copy: Cross, first: Sequence[str], second: Sequence[str]) -> float:
    with torch.no_grad():
        original = np.array([float(model.scores(model.tokens([a], [b]))[0]) for a, b in zip(first, second, strict=True)])
    copied = np.array([copy.score(a, [b])[0] for a, b in zip(first, second, strict=True)])
    return float(np.corrcoef(original, copied)[0, 1])
