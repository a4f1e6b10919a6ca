"""A pretrained transformer opened as a cross-encoder: two texts read together, one number out; training only."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor
from transformers.utils.logging import disable_progress_bar

from aisle.core.errors import InputError
from aisle.text.device_train import half, near, placed
from aisle.text.model_train import pieces, transformer
from aisle.text.pretrained import CAUSAL, check_folder
from aisle.text.shared_words import SHARED, kinds

HEAD = "head.safetensors"
"""The head lies beside the model's own weights, which stay those of a sentence encoder: leave the file out and the head is gone."""
LONGEST = 64
"""Tokens of a pair of query and item; the longer text gives way first."""


class Tokens(NamedTuple):
    """A pair's tokens, and which text each is of (`kinds`)."""

    ids: Sequence[int]
    types: Sequence[int]


class CrossNet(torch.nn.Module):  # type: ignore[misc]
    """The transformer, the mean of what it says of all tokens, and one number of that (Nogueira and Cho 2019)."""

    def __init__(self, model: torch.nn.Module, typed: bool = True) -> None:
        super().__init__()
        self.model, self.typed = model, typed
        self.head = torch.nn.Linear(int(model.config.hidden_size), 1)
        torch.nn.init.normal_(self.head.weight, std=0.02)
        torch.nn.init.zeros_(self.head.bias)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        """``(b, t) int64`` three times to ``(b,) float32``, any number; larger is better."""
        told = {"token_type_ids": token_type_ids} if self.typed else {}
        states = self.model(input_ids=input_ids, attention_mask=attention_mask, **told).last_hidden_state.float()
        weights = attention_mask.unsqueeze(-1).to(states.dtype)
        pooled = (states * weights).sum(1) / weights.sum(1)
        return (pooled * self.head.weight[0]).sum(1) + self.head.bias  # no matrix product: it would be rounded to half precision


@dataclass(frozen=True)
class Opened:
    """A cross-encoder and its tokenizer. ``folder`` is where they came from, ``longest`` the most tokens of a pair."""

    net: CrossNet
    tokenizer: Tokenizer
    folder: Path
    longest: int = LONGEST

    def tokens(self, first: Sequence[str], second: Sequence[str]) -> list[Tokens]:
        """The pairs' tokens, at most ``longest`` each."""
        found = self.tokenizer.encode_batch(list(zip(first, second, strict=True)))
        return [Tokens(one.ids, kinds(one)) for one in found]

    def scores(self, pairs: Sequence[Tokens]) -> Tensor:
        """``(n,) float32`` in the given order, on the model's device; pairs of like length go through the model together. Gradients flow
        where they are on."""
        order = np.argsort([len(one.ids) for one in pairs], kind="stable")
        with half():
            parts = [self._part([pairs[row] for row in rows]) for rows in pieces(order.tolist(), [one.ids for one in pairs])]
        return torch.cat(parts)[torch.from_numpy(np.argsort(order))]

    def _part(self, pairs: Sequence[Tokens]) -> Tensor:
        return self.net(*near(self.net, *padded(pairs)))

    def save(self, folder: Path) -> None:
        """Weights as safetensors, the head apart, configuration and tokenizer: what `open_cross` and sentence encoders open."""
        folder.mkdir(parents=True, exist_ok=True)
        self.net.model.save_pretrained(folder, safe_serialization=True)
        save_file({name: tensor.contiguous() for name, tensor in self.net.head.state_dict().items()}, folder / HEAD)
        (folder / "tokenizer.json").write_bytes((self.folder / "tokenizer.json").read_bytes())


def padded(pairs: Sequence[Tokens]) -> tuple[Tensor, Tensor, Tensor]:
    """``(b, longest) int64``: token numbers, what is no padding, which text."""
    ids = torch.zeros(len(pairs), max(len(one.ids) for one in pairs), dtype=torch.int64)
    mask, types = torch.zeros_like(ids), torch.zeros_like(ids)
    for row, one in enumerate(pairs):
        ids[row, : len(one.ids)] = torch.tensor(one.ids)
        mask[row, : len(one.ids)] = 1
        types[row, : len(one.ids)] = torch.tensor(one.types)
    return ids, mask, types


def open_cross(folder: Path, layers: int = 0, longest: int = LONGEST, attention: str = "sdpa") -> Opened:
    """The model in ``folder`` on this process's device, with its first ``layers`` (0: all of them); its head where it was saved with one,
    else a fresh one.

    One that cannot or must not be opened, reads left to right, or has not so many layers raises `InputError`.
    """
    check_folder(folder)
    disable_progress_bar()
    settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if settings.get("model_type", "") in CAUSAL:
        mend = "Take a model of BERT's kind."
        raise InputError(f"The model in {folder} reads left to right: the first text would not see the second.", mend)
    torch.manual_seed(7)
    model = transformer(folder, attention)
    if layers:
        _shorten(model, layers, folder)
    net = CrossNet(model, _told(model))
    if (folder / HEAD).is_file():
        net.head.load_state_dict(load_file(folder / HEAD))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(longest)
    return Opened(placed(net), tokenizer, folder, longest)


def _told(model: torch.nn.Module) -> bool:
    """Whether the model is told of which text a token is; then also whether the other one has its word, which at first means nothing."""
    held = getattr(getattr(model, "embeddings", None), "token_type_embeddings", None)
    if held is None or held.num_embeddings < SHARED:
        return False
    if held.num_embeddings < 2 * SHARED:
        wider = torch.nn.Embedding.from_pretrained(held.weight.detach()[:SHARED].repeat(2, 1), freeze=False)
        model.embeddings.token_type_embeddings, model.config.type_vocab_size = wider, 2 * SHARED
    return True


def _shorten(model: torch.nn.Module, layers: int, folder: Path) -> None:
    """Only the first layers: what they lack in depth they have in speed, and learning mends the rest (Sajjad et al. 2023)."""
    stack = getattr(getattr(model, "encoder", None), "layer", None)
    if stack is None or len(stack) < layers:
        has = "no layers of a known name" if stack is None else f"{len(stack)} layers"
        raise InputError(f"The model in {folder} has {has}; {layers} are wanted.", "Ask for fewer, or 0 for all of them.")
    model.encoder.layer = stack[:layers]
    model.config.num_hidden_layers = layers
