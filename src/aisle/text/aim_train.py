"""What fine-tuning aims at: the contrastive loss at nested sizes, the margins that a cross-encoder sees, further tasks; training only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from aisle.core.errors import InputError
from aisle.text.contrast_train import TEMPERATURE, Batch, contrast
from aisle.text.heads_train import Heads
from aisle.text.late_train import Late
from aisle.text.loop_train import HEADS
from aisle.text.model_train import Opened


@dataclass(frozen=True)
class Aim:
    """``sizes``: that many first numbers of a vector shall serve alone, beside the whole; ``margin``: what margin-MSE weighs beside the
    contrastive loss, and ``teacher`` gives the margins ``(pairs,)`` of a batch, NaN where a pair has no hard negative; ``heads``: what
    else is learned from the same vectors; ``late``: what compares token by token, whose contrastive loss counts as much as that of whole
    vectors."""

    sizes: Sequence[int] = ()
    margin: float = 0.0
    teacher: Callable[[Batch], Tensor] | None = None
    heads: Heads | None = None
    late: Late | None = None

    def beside(self, net: nn.Module) -> nn.Module:
        """``net`` and all that learns with it as one, for a loop that shall learn and keep them."""
        others = {HEADS: self.heads, "late": self.late}
        held = {name: one for name, one in others.items() if one is not None}
        return nn.ModuleDict({"net": net, **held}) if held else net

    def loss(self, model: Opened, batch: Batch) -> Tensor:
        """The sum over the whole and each nested size (Matryoshka representation learning, Kusupati et al. 2022, all weights 1)."""
        queries, items, beside = self._read(model, batch)
        sizes = [len(queries[0]), *(size for size in sorted(self.sizes, reverse=True) if size < len(queries[0]))]
        margins = self.teacher(batch) if self.teacher is not None and self.margin else None
        found = torch.stack([self._at(size, queries, items, batch, margins) for size in sizes]).sum() + beside
        return found if self.heads is None else found + self.heads(queries, items, batch)

    def _read(self, model: Opened, batch: Batch) -> tuple[Tensor, Tensor, Tensor | float]:
        """The vectors of a batch's queries and items, and the loss of their tokens."""
        if self.late is None:
            return model.vectors(batch.queries), model.vectors(batch.items), 0.0
        queries, items = model.read(batch.queries), model.read(batch.items)
        return queries.vectors, items.vectors, contrast(self.late.scores(queries, items) / TEMPERATURE, batch)

    def _at(self, size: int, queries: Tensor, items: Tensor, batch: Batch, margins: Tensor | None) -> Tensor:
        scores = first(queries, size) @ first(items, size).T / TEMPERATURE
        found = contrast(scores, batch)
        return found if margins is None else found + self.margin * margin_mse(scores, batch, margins)


def first(vectors: Tensor, size: int) -> Tensor:
    """``(n, size)``: the first numbers of each vector, of unit length again; the vectors themselves where they have no more."""
    return vectors if size >= vectors.shape[1] else torch.nn.functional.normalize(vectors[:, :size], dim=-1)


def margin_mse(scores: Tensor, batch: Batch, margins: Tensor) -> Tensor:
    """Mean square of (right answer minus hard negative) between ``scores`` ``(queries, items)`` and a teacher's ``margins`` ``(pairs,)``
    (Hofstätter et al. 2020). Both are log-odds of a softmax, the student's by its temperature. Pairs without a negative count nothing."""
    rows = torch.from_numpy(batch.other >= 0)
    query, item, other = (torch.from_numpy(column)[rows] for column in (batch.query, batch.item, batch.other))
    if not len(query):
        return scores.sum() * 0
    return ((scores[query, item] - scores[query, other] - margins[rows].to(scores.device)) ** 2).mean()


def check_sizes(sizes: Sequence[int], whole: int) -> None:
    """Raises `InputError` for a size that a model with vectors of ``whole`` numbers cannot have."""
    if wrong := [size for size in sizes if not 0 < size <= whole]:
        what = f"The encoder's vectors have {whole} numbers; {', '.join(map(str, wrong))} of them cannot be kept."
        raise InputError(what, "Correct `sizes` in [finetuning] and `encoder_size` in aisle.toml.")
