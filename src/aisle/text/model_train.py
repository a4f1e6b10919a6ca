"""A pretrained transformer opened for training: its folder checked, its tokens, its sentence vectors; training only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.utils.checkpoint import checkpoint
from transformers import AutoModel
from transformers.utils.logging import disable_progress_bar

from aisle.core.quiet import quiet
from aisle.core.room import free
from aisle.text.device_train import half, near, placed
from aisle.text.encoder import Kind
from aisle.text.pretrained import POOLED, PROMPTS, Pooling, check_folder, pooling_of, prompts_of

Tokens = Sequence[int]
TOGETHER = 2_048
"""Tokens, padding included, that go through the model together: many more would leave the processor's caches."""
LONGEST = 64
"""Tokens of a text that training reads: titles and queries are shorter, and time grows with the longest of a chunk."""

ROOM = 8 << 30
"""Bytes of free memory below which a batch is not held whole."""


class Pooled(torch.nn.Module):  # type: ignore[misc]
    """The transformer with pooling over real tokens and unit length, so that serving runs one graph.

    ``mean`` of all tokens (Reimers and Gurevych 2019), the first (``cls``), or the ``last`` real one, for models that read left to right.
    """

    def __init__(self, model: torch.nn.Module, pooling: Pooling = "mean") -> None:
        super().__init__()
        self.model, self.pooling = model, pooling

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """``(b, t) int64`` twice to ``(b, d) float32``."""
        return self.both(input_ids, attention_mask)[0]

    def both(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """The same and ``(b, t, d) float32``, the state of every token."""
        states = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state.float()
        if self.pooling == "cls":
            pooled = states[:, 0]
        elif self.pooling == "last":
            pooled = states[torch.arange(states.shape[0]), attention_mask.sum(1) - 1]  # len() would fix the size of a batch in an export
        else:
            weights = attention_mask.unsqueeze(-1).to(states.dtype)
            pooled = (states * weights).sum(1) / weights.sum(1).clamp(min=1e-9)
        return torch.nn.functional.normalize(pooled, dim=-1), states


class Telling(torch.nn.Module):  # type: ignore[misc]
    """A graph that serves both."""

    def __init__(self, net: Pooled) -> None:
        super().__init__()
        self.net = net

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """As `Pooled.both`."""
        return self.net.both(input_ids, attention_mask)


class Sentences(NamedTuple):
    """Texts read: ``vectors`` ``(n, d)`` of unit length, the ``states`` ``(n, t, d)`` of their tokens, ``mask`` ``(n, t) float32``, 0 where
    there is none."""

    vectors: Tensor
    states: Tensor
    mask: Tensor


@dataclass(frozen=True)
class Opened:
    """A model and its tokenizer. ``folder`` is where they came from: its configuration is copied beside new weights; ``before``
    is what the model reads before each kind of text."""

    net: Pooled
    tokenizer: Tokenizer
    folder: Path
    before: Mapping[str, str] = field(default_factory=dict)

    def tokens(self, texts: Sequence[str], kind: Kind = "item") -> list[Tokens]:
        """Numbers of each text's tokens, at most `LONGEST`."""
        before = self.before.get(kind, "")
        return [found.ids for found in self.tokenizer.encode_batch_fast([before + text for text in texts])]

    def vectors(self, tokens: Sequence[Tokens]) -> Tensor:
        """``(n, d) float32`` of unit length, in the given order, on the model's device; gradients flow where they are on."""
        order = np.argsort([len(one) for one in tokens], kind="stable")
        with half():
            parts = [self._part(self.net, [tokens[row] for row in rows]) for rows in pieces(order.tolist(), tokens)]
        return torch.cat(parts)[torch.from_numpy(np.argsort(order))]

    def read(self, tokens: Sequence[Tokens]) -> Sentences:
        """The same, with the states of the tokens."""
        order, longest = np.argsort([len(one) for one in tokens], kind="stable"), max(map(len, tokens))
        vectors, states = [], []
        with half():
            for rows in pieces(order.tolist(), tokens):
                pooled, found = self._part(self.net.both, [tokens[row] for row in rows])
                vectors.append(pooled)
                states.append(torch.nn.functional.pad(found, (0, 0, 0, longest - found.shape[1])))
        back = torch.from_numpy(np.argsort(order))
        mask = torch.zeros(len(tokens), longest)
        for row, one in enumerate(tokens):
            mask[row, : len(one)] = 1
        return Sentences(torch.cat(vectors)[back], torch.cat(states)[back], *near(self.net, mask))

    def _part(self, net: Callable[..., Any], tokens: Sequence[Tokens]) -> Any:
        """Where memory is short what lies between is computed again on the way back (Chen et al. 2016), a third slower."""
        given = near(self.net, *padded(tokens))
        return checkpoint(net, *given, use_reentrant=False) if torch.is_grad_enabled() and _short() else net(*given)

    def save(self, folder: Path) -> None:
        """Weights as safetensors, configuration, how to pool, and tokenizer: what sentence encoders and transformers open."""
        folder.mkdir(parents=True, exist_ok=True)
        self.net.model.save_pretrained(folder, safe_serialization=True)
        for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt", PROMPTS, POOLED):
            if (self.folder / name).is_file():
                (folder / name).parent.mkdir(exist_ok=True)
                (folder / name).write_bytes((self.folder / name).read_bytes())


@cache
def _short() -> bool:
    """Whether less than `ROOM` is free at the beginning."""
    return free() < ROOM


def pieces(order: Sequence[int], tokens: Sequence[Tokens]) -> Iterator[list[int]]:
    """Rows of ``order``, by growing length, cut so that each piece has `TOGETHER` tokens at most, or one text."""
    rows: list[int] = []
    for row in order:
        if rows and (len(rows) + 1) * len(tokens[row]) > TOGETHER:
            yield rows
            rows = []
        rows.append(row)
    if rows:
        yield rows


def padded(tokens: Sequence[Tokens]) -> tuple[Tensor, Tensor]:
    """``(b, longest) int64``: token numbers and what is no padding."""
    ids = torch.zeros(len(tokens), max(map(len, tokens)), dtype=torch.int64)
    mask = torch.zeros_like(ids)
    for row, found in enumerate(tokens):
        ids[row, : len(found)] = torch.tensor(found)
        mask[row, : len(found)] = 1
    return ids, mask


def drop_out(net: torch.nn.Module, share: float) -> None:
    """From now on every layer of ``net`` that drops out leaves out this share of its numbers while it learns."""
    for part in net.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = share


def transformer(folder: Path, attention: str = "eager") -> torch.nn.Module:
    """The bare model in ``folder``, in full precision however it was saved: halves learn nothing from small steps."""
    # plain attention unless said otherwise: on a processor the fused one's way back takes three times as long
    with quiet():  # a language model's head, which is not read here, is no news
        return AutoModel.from_pretrained(folder, attn_implementation=attention, trust_remote_code=False, dtype=torch.float32)


def open_model(folder: Path, pooling: Pooling | None = None) -> Opened:
    """The model in ``folder`` on this process's device, pooled as it says itself (absent); one that cannot or must not be opened raises
    `InputError`."""
    check_folder(folder)
    disable_progress_bar()
    model = transformer(folder)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(LONGEST)
    return Opened(placed(Pooled(model, pooling or pooling_of(folder))), tokenizer, folder, prompts_of(folder))
