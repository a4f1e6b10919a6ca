"""What a classifier of texts and one of words share: the transformer with a head of its own, and how long it studies; training only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer
from torch import Tensor, nn
from transformers.utils.logging import disable_progress_bar

from aisle.core.errors import InputError
from aisle.text.device_train import half, near, steps_for
from aisle.text.loop_train import History, Loop, Recipe
from aisle.text.model_train import transformer
from aisle.text.pretrained import check_folder

Labels = NDArray[np.int64]
ASKED = 64
"""Cases that are answered together."""


@dataclass(frozen=True)
class Study:
    """How to learn: the article's numbers. ``together``: cases that memory holds at once, 0 for the whole batch; gradients add up over
    them, so that the curve of losses stays that of the batch."""

    epochs: int = 5
    batch: int = 16
    learning_rate: float = 2e-5
    together: int = 0
    seed: int = 7

    def learn(self, net: nn.Module, cases: int, loss: Callable[[Labels], Tensor], judge: Callable[[], float]) -> History:
        """Lower ``loss``, a mean over the rows it is given, on so many cases with AdamW, whose rate falls in a line. ``judge`` is asked
        before the first epoch and after each; the best weights are kept."""
        each = -(-cases // self.batch)

        def batches(epoch: int) -> Iterator[Labels]:
            order = np.random.default_rng((self.seed, epoch)).permutation(cases)
            yield from (order[start : start + self.batch] for start in range(0, cases, self.batch))

        def pieces(rows: Labels) -> list[tuple[float, Labels]]:
            size = self.together or len(rows)
            return [(len(rows[at : at + size]) / len(rows), rows[at : at + size]) for at in range(0, len(rows), size)]

        recipe = Recipe(
            steps_for(self.epochs * each), self.learning_rate, decay="linear", patience=self.epochs, looks=self.epochs, seed=self.seed
        )
        return Loop(net, recipe, batches, loss, judge, pieces=pieces, texts=len).run()


ARTICLE = Study()
Pooling = Literal["first", "mean"]


class Net(nn.Module):  # type: ignore[misc]
    """A transformer, dropout, and a line from a token's state to the classes (Devlin et al. 2019)."""

    def __init__(self, model: nn.Module, classes: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.model, self.dropout = model, nn.Dropout(dropout)
        self.out = nn.Linear(model.config.hidden_size, classes)
        nn.init.normal_(self.out.weight, std=0.02)
        nn.init.zeros_(self.out.bias)

    def read(self, encoded: Sequence[Encoding]) -> Tensor:
        """``(b, t, d) float32``: the state of every token, of padding too, on the net's device."""
        longest = max(len(one.ids) for one in encoded)
        table = torch.zeros(3, len(encoded), longest, dtype=torch.int64)
        for row, one in enumerate(encoded):
            table[:, row, : len(one.ids)] = torch.tensor([one.ids, one.attention_mask, one.type_ids])
        ids, mask, kinds = near(self, *table)
        with half():
            states: Tensor = self.model(input_ids=ids, attention_mask=mask, token_type_ids=kinds).last_hidden_state
        return states.float()

    def pooled(self, encoded: Sequence[Encoding], pooling: Pooling) -> Tensor:
        """``(b, d) float32``: of each text the state of its first token, or the mean of all."""
        states = self.read(encoded)
        if pooling == "first":
            return states[:, 0]
        return torch.stack([some[: len(one.ids)].mean(0) for some, one in zip(states, encoded, strict=True)])

    def forward(self, states: Tensor) -> Tensor:
        """``(..., d)`` to ``(..., classes) float32``."""
        with half():
            logits: Tensor = self.out(self.dropout(states))
        return logits.float()


def opened(folder: Path, classes: int, tokens: int, seed: int) -> tuple[Net, Tokenizer]:
    """The BERT-like model in ``folder`` with a new head, and its tokenizer, which cuts after ``tokens`` tokens. Raises `InputError` for a
    model that does not tell two texts apart."""
    check_folder(folder)
    disable_progress_bar()
    torch.manual_seed(seed)
    model = transformer(folder, "sdpa")
    if getattr(model.config, "type_vocab_size", 0) < 2:
        raise InputError(f"The model in {folder} does not tell two texts apart.", "Take a BERT-like model.")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(tokens)
    return Net(model, classes), tokenizer
