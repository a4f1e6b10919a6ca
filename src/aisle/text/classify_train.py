"""A pretrained transformer as a classifier of pairs of texts: the article's listing, on the loop of all text models; training only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer
from torch import Tensor, nn
from torch.nn import functional
from transformers.utils.logging import disable_progress_bar

from aisle.core.errors import InputError
from aisle.text.device_train import half, near, placed, steps_for
from aisle.text.loop_train import History, Loop, Recipe
from aisle.text.model_train import transformer
from aisle.text.pretrained import check_folder

Labels = NDArray[np.int64]
ASKED = 64
"""Cases that are classified together."""


@dataclass(frozen=True)
class Cases:
    """Case ``k`` is the pair ``first[k]``, ``second[k]`` (a query and a title, say) of class ``label[k]``."""

    first: Sequence[str]
    second: Sequence[str]
    label: Labels

    def __len__(self) -> int:
        return len(self.label)


@dataclass(frozen=True)
class Study:
    """How to learn: the article's numbers. ``together``: cases that memory holds at once, 0 for the whole batch; gradients add up over
    them, so that the curve of losses stays that of the batch."""

    epochs: int = 5
    batch: int = 16
    learning_rate: float = 2e-5
    together: int = 0
    seed: int = 7


class Net(nn.Module):  # type: ignore[misc]
    """The first token's state, dropout, and a line to the classes (Devlin et al. 2019)."""

    def __init__(self, model: nn.Module, classes: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.model, self.dropout = model, nn.Dropout(dropout)
        self.out = nn.Linear(model.config.hidden_size, classes)
        nn.init.normal_(self.out.weight, std=0.02)
        nn.init.zeros_(self.out.bias)

    def forward(self, ids: Tensor, mask: Tensor, kinds: Tensor) -> Tensor:
        """``(b, t) int64`` three times to ``(b, classes) float32``."""
        states = self.model(input_ids=ids, attention_mask=mask, token_type_ids=kinds).last_hidden_state
        logits: Tensor = self.out(self.dropout(states[:, 0].float()))
        return logits


class Classifier:
    """Opens the BERT-like model in ``folder`` with a new head for ``classes``; texts are cut after ``tokens`` tokens, of both together."""

    def __init__(self, folder: Path, classes: int = 2, tokens: int = 128, seed: int = 7) -> None:
        check_folder(folder)
        disable_progress_bar()
        torch.manual_seed(seed)
        model = transformer(folder, "sdpa")
        if getattr(model.config, "type_vocab_size", 0) < 2:
            raise InputError(f"The model in {folder} does not tell two texts apart.", "Take a BERT-like model.")
        self.net = placed(Net(model, classes))
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(tokens)

    def fit(
        self, cases: Cases, development: Cases, study: Study = Study(), seen: Callable[[int, Labels], None] = lambda epoch, guessed: None
    ) -> History:
        """Learn ``cases`` by cross-entropy with AdamW, whose rate falls in a line. After each epoch (and before the first, as 0) ``seen``
        is told the guesses on ``development``; the weights of the epoch that guesses most of it right are kept."""
        encoded, asked = self._encoded(cases), self._encoded(development)
        each = -(-len(cases) // study.batch)
        counted = iter(range(study.epochs + 1))

        def judge() -> float:
            guessed = self._guess(asked)
            seen(next(counted), guessed)
            return float((guessed == development.label).mean())

        def batches(epoch: int) -> Iterator[Labels]:
            order = np.random.default_rng((study.seed, epoch)).permutation(len(cases))
            yield from (order[start : start + study.batch] for start in range(0, len(order), study.batch))

        def loss(rows: Labels) -> Tensor:
            (label,) = near(self.net, torch.from_numpy(cases.label[rows]))
            return functional.cross_entropy(self._logits([encoded[row] for row in rows]), label)

        def pieces(rows: Labels) -> list[tuple[float, Labels]]:
            size = study.together or len(rows)
            return [(len(rows[at : at + size]) / len(rows), rows[at : at + size]) for at in range(0, len(rows), size)]

        recipe = Recipe(
            steps_for(study.epochs * each), study.learning_rate, decay="linear", patience=study.epochs, looks=study.epochs, seed=study.seed
        )
        return Loop(self.net, recipe, batches, loss, judge, pieces=pieces, texts=len).run()

    def guess(self, cases: Cases) -> Labels:
        """``(n,) int64``: the likeliest class of each."""
        self.net.eval()
        with torch.no_grad():
            return self._guess(self._encoded(cases))

    def _guess(self, encoded: Sequence[Encoding]) -> Labels:
        parts = [self._logits(encoded[at : at + ASKED]).argmax(1) for at in range(0, len(encoded), ASKED)]
        return np.asarray(torch.cat(parts).cpu().numpy(), np.int64)

    def _encoded(self, cases: Cases) -> list[Encoding]:
        found: list[Encoding] = self.tokenizer.encode_batch(list(zip(cases.first, cases.second, strict=True)))
        return found

    def _logits(self, encoded: Sequence[Encoding]) -> Tensor:
        longest = max(len(one.ids) for one in encoded)
        table = torch.zeros(3, len(encoded), longest, dtype=torch.int64)
        for row, one in enumerate(encoded):
            table[:, row, : len(one.ids)] = torch.tensor([one.ids, one.attention_mask, one.type_ids])
        with half():
            return self.net(*near(self.net, *table)).float()
