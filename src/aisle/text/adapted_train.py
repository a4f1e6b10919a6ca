"""Exports a transformer once, with room for low-rank updates, and every adapter of peft beside it as a small file; training only.

``FOLDER/adapters/NAME`` are peft's folders: those that `aisle train` keeps (`lora_train.keep`), or anyone's LoRA of the same base.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import onnx
import torch
from onnxruntime import AdapterFormat, OrtValue
from peft import PeftConfig, PeftModel
from peft.tuners.lora import Linear, LoraLayer
from torch import Tensor, nn
from transformers.utils.logging import disable_progress_bar

from aisle.core.errors import InputError
from aisle.core.quiet import quiet
from aisle.text.adapted import ENDING, FOLDER, AdaptedEncoder
from aisle.text.encoder import Precision
from aisle.text.export_train import LONGEST, SAMPLE, asking, check, settle
from aisle.text.lora_train import CONFIG, WEIGHTS, digest
from aisle.text.model_train import Pooled, transformer
from aisle.text.pretrained import check_folder, pooling_of

Update = dict[str, Tensor]
"""``MAP.down`` ``(in, rank)`` and ``MAP.up`` ``(rank, out)``, by which the map's result grows: ``x @ down @ up``."""
LEAST = 0.97
"""The lowest cosine to torch at which a copy in int8 is taken."""


class Slot(nn.Module):  # type: ignore[misc]
    """A linear map with room for an update."""

    def __init__(self, base: nn.Linear) -> None:
        super().__init__()
        self.base = base
        self.register_buffer("down", torch.zeros(base.in_features, 2))
        self.register_buffer("up", torch.zeros(2, base.out_features))

    def forward(self, x: Tensor) -> Tensor:
        """``(..., in)`` to ``(..., out)``."""
        return self.base(x) + (x @ self.down) @ self.up


class Open(nn.Module):  # type: ignore[misc]
    """An encoder whose updates are inputs of its graph."""

    def __init__(self, net: Pooled) -> None:
        super().__init__()
        self.net = net

    def forward(self, input_ids: Tensor, attention_mask: Tensor, updates: Update) -> Tensor:
        """``(b, t) int64`` twice to ``(b, d) float32``."""
        return torch.func.functional_call(self.net, updates, (input_ids, attention_mask))


def export_adapted(source: Path, target: Path, name: str = "minilm", precision: Precision = "int8") -> dict[str, float]:
    """Write the base in ``source`` and its adapters to ``target`` as an `AdaptedEncoder`; the lowest cosine to torch of each, "" the base.

    The base is in int8 unless told, updates are in float32. An adapter that is none of LoRA, is a pickle, or was learned on another base
    raises `InputError`.
    """
    disable_progress_bar()
    check_folder(source)
    folders = {folder.name: folder for folder in adapters_of(source)}
    updates: dict[str, Update] = {}
    for adapter, folder in folders.items():
        updates[adapter] = _update(_adapted(source, folder))
    (target / FOLDER).mkdir(parents=True, exist_ok=True)
    base = int(digest(source)[:7], 16)
    width = _graph(_base(source), {name for update in updates.values() for name in update}, target / "model.onnx", precision == "int8")
    shutil.copyfile(source / "tokenizer.json", target / "tokenizer.json")
    facts = {
        "kind": "adapted",
        "name": name,
        "dimension": width,
        "longest": LONGEST,
        "base": base,
        "precision": precision,
        **asking(source),
    }
    (target / "encoder.json").write_text(json.dumps(facts), encoding="utf-8")
    for adapter, update in updates.items():
        _write(update, base, target / FOLDER / f"{adapter}{ENDING}")
    encoder = AdaptedEncoder(target)
    found = {"": check(source, _base(source), encoder, SAMPLE)}
    found |= {name: check(source, _adapted(source, folder), encoder.using(name), SAMPLE) for name, folder in folders.items()}
    if (worst := min(found, key=lambda name: found[name])) is not None and found[worst] < LEAST:
        what = f"The exported encoder{f' under {worst}' if worst else ''} agrees with the original to a cosine of {found[worst]:.3f} only."
        raise InputError(what, "Export without quantisation.")
    return found


def merge(adapter: Path, target: Path) -> None:
    """Write the base of an adapter's folder, the adapter merged into it, to ``target`` as a model's folder like any other."""
    source = adapter.parent.parent
    disable_progress_bar()
    with quiet():
        _adapted(source, adapter).model.merge_and_unload().save_pretrained(target, safe_serialization=True)
    for path in source.iterdir():
        if path.is_file() and path.name not in ("config.json", "model.safetensors"):
            shutil.copyfile(path, target / path.name)
    if (source / "1_Pooling").is_dir():
        shutil.copytree(source / "1_Pooling", target / "1_Pooling", dirs_exist_ok=True)


def adapters_of(source: Path) -> Iterator[Path]:
    """The folders of adapters beside a model, by name."""
    yield from sorted(path.parent for path in (source / FOLDER).glob(f"*/{CONFIG}"))


def _base(source: Path) -> Pooled:
    with quiet():
        return Pooled(transformer(source), pooling_of(source)).eval()


def _adapted(source: Path, folder: Path) -> Pooled:
    """The base with one adapter on."""
    check_folder(source)
    if not (folder / WEIGHTS).is_file():
        raise InputError(f"The adapter {folder} holds no {WEIGHTS}.", "Save it with safe_serialization=True; a pickle is never opened.")
    config = PeftConfig.from_pretrained(str(folder))
    if config.peft_type != "LORA" or config.use_dora or config.bias != "none" or config.modules_to_save:
        raise InputError(f"The adapter {folder} is more than low-rank updates ({config.peft_type}).", "Take LoRA without biases and DoRA.")
    if config.revision and config.revision != digest(source):
        raise InputError(f"The adapter {folder} was learned on another base than the model in {source}.", "Put it beside its own base.")
    net = _base(source)
    with quiet():
        net.model = PeftModel.from_pretrained(net.model, str(folder), config=config)
    return net.eval()


def _update(net: Pooled) -> Update:
    found: Update = {}
    for name, module in net.model.base_model.model.named_modules():
        if isinstance(module, LoraLayer):
            if not isinstance(module, Linear):
                raise InputError(f"The adapter updates {name}, which is no linear map.", "Take LoRA on linear maps alone.")
            found[f"model.{name}.down"] = module.lora_A["default"].weight.detach().T.contiguous()
            found[f"model.{name}.up"] = module.scaling["default"] * module.lora_B["default"].weight.detach().T.contiguous()
    return found


def _graph(net: Pooled, names: set[str], path: Path, quantise: bool) -> int:
    """Write the graph with an empty default for every update; the vectors' dimension is returned."""
    for name in sorted({name.rpartition(".")[0] for name in names}):
        parent, _, leaf = name.rpartition(".")
        setattr(net.get_submodule(parent), leaf, Slot(net.get_submodule(name)))
    rooms = {name: tensor for name, tensor in net.named_buffers() if name in names}
    with tempfile.TemporaryDirectory() as scratch, quiet():
        _write_graph(net, rooms, Path(scratch) / "model.onnx")
        settle(Path(scratch) / "model.onnx", path, quantise)
    graph = onnx.load(path)
    for name, room in rooms.items():
        shape = [len(room), 0] if name.endswith(".down") else [0, room.shape[1]]
        graph.graph.initializer.append(onnx.helper.make_tensor(name, onnx.TensorProto.FLOAT, shape, []))
    onnx.save(graph, path)
    return int(net.model.config.hidden_size)


def _write_graph(net: Pooled, rooms: Mapping[str, Tensor], path: Path) -> None:
    ids, mask = torch.full((2, 8), 1000), torch.ones(2, 8, dtype=torch.int64)  # two tensors: one given twice is exported as one input
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length", max=512)
    ranks = {name: torch.export.Dim(f"rank{place}") for place, name in enumerate(sorted({name.rpartition(".")[0] for name in rooms}))}
    sizes = {name: {int(name.endswith(".down")): ranks[name.rpartition(".")[0]]} for name in rooms}
    shapes = {"input_ids": {0: batch, 1: length}, "attention_mask": {0: batch, 1: length}, "updates": sizes}
    torch.onnx.export(
        Open(net).eval(), (ids, mask), path, kwargs={"updates": dict(rooms)}, dynamo=True, external_data=False, dynamic_shapes=shapes,
        verbose=False, input_names=["input_ids", "attention_mask", *rooms], output_names=["vector"],
    )  # fmt: skip


def _write(update: Update, base: int, path: Path) -> None:
    made = AdapterFormat()
    made.set_model_version(base)
    made.set_parameters({name: OrtValue.ortvalue_from_numpy(tensor.numpy()) for name, tensor in update.items()})
    made.export_adapter(str(path))
