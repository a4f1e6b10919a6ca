"""Which part of a sentence encoder learns: all of it, its top layers, or low-rank updates of those that merge into it; training only.

The library peft puts the updates on, so that what is kept of them is a folder that other programs open.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn

from aisle.core.errors import InputError
from aisle.core.quiet import quiet
from aisle.settings import Finetuning
from aisle.text.model_train import Opened, drop_out

RATES = {"full": 2e-4, "lora": 1e-3}
"""The rate of every step, unless the settings name one or ask for a range test. Low-rank updates begin at nothing and want more."""
DROPOUT = 0.05
"""Of what a low-rank update reads, unless the settings say another."""
CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"

_LAYER = re.compile(r"(?:^|\.)(?:layer|layers|h|block|blocks)\.(\d+)\.")
"""A block of a transformer in the names that libraries give it, and its number from the bottom."""


def learning(model: Opened, how: Finetuning, seed: int = 7) -> Opened:
    """``model`` with what shall learn thawed and the rest frozen: by ``how.method`` the top ``how.layers`` themselves, or low-rank updates
    of all their linear maps (Hu et al. 2021). A model whose layers have no known names raises `InputError`."""
    if how.method == "full" and how.dropout is not None:
        drop_out(model.net, how.dropout)
    if how.method == "lora":
        torch.manual_seed(seed)
        names = _maps(model.net.model, how.layers)
        dropped = DROPOUT if how.dropout is None else how.dropout
        config = LoraConfig(r=how.rank, lora_alpha=how.alpha, lora_dropout=dropped, target_modules=names, bias="none")
        with quiet():  # peft asks transformers by a name that is on its way out
            model.net.model = get_peft_model(model.net.model, config)
        return model
    if how.layers:
        top = _top(model.net.model, how.layers)
        for name, tensor in model.net.model.named_parameters():
            tensor.requires_grad_(top(name))
    return model


def keep(model: Opened, folder: Path) -> None:
    """Write the low-rank updates to ``folder`` as peft does, and merge them into ``model``; one that has none stays as it is.

    The configuration names the base and the hash of its weights (`revision`), so that the updates are not put on another.
    """
    held = model.net.model
    if not isinstance(held, PeftModel):
        return
    config = held.peft_config["default"]
    config.base_model_name_or_path, config.revision = named(model.folder), digest(model.folder)
    held.save_pretrained(str(folder), safe_serialization=True, save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)  # a form that nobody has filled in
    model.net.model = held.merge_and_unload()


def told(how: Finetuning) -> str:
    """What learned, in words; empty for the whole model."""
    where = f"the top {how.layers} layers" if how.layers else "the upper half" if how.method == "lora" else ""
    return f"LoRA of rank {how.rank} on {where}" if how.method == "lora" else f"{where} alone" if where else ""


def named(folder: Path) -> str:
    """A model's name without this machine's paths."""
    return folder.name if folder.name != "model" else folder.parent.name


def digest(folder: Path) -> str:
    """What a base's weights are known by."""
    return sha256((folder / "model.safetensors").read_bytes()).hexdigest()[:16]


def _maps(net: nn.Module, layers: int) -> list[str]:
    """The names of the linear maps in the top ``layers``, 0: in the upper half."""
    top = _top(net, layers)
    names = [name for name, module in net.named_modules() if isinstance(module, nn.Linear) and top(f"{name}.")]
    if not names:
        raise InputError(f"The model {type(net).__name__} has no linear maps that LoRA can go on.", 'Set [finetuning] method = "full".')
    return names


def _top(net: nn.Module, layers: int) -> Callable[[str], bool]:
    """Whether a parameter's name lies in the top ``layers``, 0: in the upper half."""
    numbers = {int(found.group(1)) for name, _ in net.named_parameters() if (found := _LAYER.search(name))}
    if not numbers:
        raise InputError(f"The layers of {type(net).__name__} have no known names.", 'Set [finetuning] method = "full" and no layers.')
    lowest = max(numbers) + 1 - (layers or (len(numbers) + 1) // 2)
    return lambda name: (found := _LAYER.search(name)) is not None and int(found.group(1)) >= lowest
