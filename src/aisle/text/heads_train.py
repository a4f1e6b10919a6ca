"""Linear heads on the encoder's vectors: further tasks that it learns from while it is fine-tuned, thrown away then; training only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from aisle.text.contrast_train import Batch
from aisle.text.lesson import Labels, Lesson
from aisle.text.model_train import Opened, Tokens
from aisle.tracking.run import Json


class Heads(nn.Module):  # type: ignore[misc]
    """Of each lesson ``theta`` ``(labels, d)``, zero at first: the logits of a text are <theta, x> of its vector x. One encoder under
    several heads (Caruana 1997); each adds its weight times its mean cross-entropy."""

    def __init__(self, lessons: Sequence[Lesson], width: int) -> None:
        super().__init__()
        self.lessons = lessons
        self.theta = nn.ParameterDict({lesson.name: torch.zeros(lesson.labels, width) for lesson in lessons})

    def forward(self, queries: Tensor, items: Tensor, batch: Batch) -> Tensor:
        """The weighed sum of a batch whose vectors are these; texts without a label, as made-up queries, count nothing."""
        vectors = torch.cat([queries, items])
        return torch.stack([lesson.weight * self._entropy(lesson, vectors, batch) for lesson in self.lessons]).sum()

    def told(self, model: Opened, items: Sequence[Tokens], queries: Sequence[Tokens]) -> list[dict[str, Json]]:
        """What taught and how often each head is ``right`` on texts that taught nothing, beside always saying the ``usual`` label."""
        sides = (("items", items), ("queries", queries))
        return [
            {
                "name": lesson.name,
                "weight": lesson.weight,
                "labels": lesson.labels,
                "taught": {side: int((getattr(lesson, side) >= 0).sum()) for side, _ in sides},
                "held": {
                    side: self._right(lesson, model, tokens, getattr(lesson, side), held)
                    for side, tokens in sides
                    if ((held := getattr(lesson, f"held_{side}")) >= 0).any()
                },
            }
            for lesson in self.lessons
        ]

    def _entropy(self, lesson: Lesson, vectors: Tensor, batch: Batch) -> Tensor:
        asked = lesson.queries[batch.asked] if len(batch.asked) else np.full(len(batch.queries), -1)
        labels = torch.from_numpy(np.concatenate([asked, lesson.items[batch.shown]])).to(vectors.device)
        whole = functional.cross_entropy(vectors @ self.theta[lesson.name].T, labels, ignore_index=-1, reduction="sum")
        return whole / (labels >= 0).sum().clamp(min=1)

    def _right(self, lesson: Lesson, model: Opened, tokens: Sequence[Tokens], taught: Labels, held: Labels) -> dict[str, Json]:
        rows = np.flatnonzero(held >= 0)
        model.net.eval()
        with torch.no_grad():
            said = (model.vectors([tokens[row] for row in rows.tolist()]) @ self.theta[lesson.name].T).argmax(1).cpu().numpy()
        usual = np.bincount(taught[taught >= 0], minlength=1).argmax()
        return {"n": len(rows), "right": float((said == held[rows]).mean()), "usual": float((usual == held[rows]).mean())}
