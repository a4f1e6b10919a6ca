"""Whether a shop of two languages gets the joint encoder or n-grams alone: by its own queries of window 1, where the time allows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aisle.core.events import Dataset
from aisle.retrieval.lexical import Lexical
from aisle.retrieval.vectors import item_texts
from aisle.text.encoder import Encoder
from aisle.text.found import shares, wanted_among
from aisle.text.joint import JointEncoder
from aisle.text.normalise import normalise
from aisle.text.segment import language
from aisle.training.answers import Answers, lookalikes, pool
from aisle.training.budget import Budget
from aisle.training.choose import gain_of
from aisle.training.encoders import FEWEST, PER_SECOND, SEED, joined, open_encoder

ASKED, AMONG = 200, 1_000
"""Queries that measure, and items among which they look."""
MOST_TIME = 0.1
"""Of the time left so much may go into measuring."""
SURE = 2.0
"""Standard errors."""


@dataclass(frozen=True)
class Trial:
    """``texts`` ask, among ``items``, for ``wanted``; ``chinese`` ``(q,) bool``."""

    texts: list[str]
    items: list[str]
    wanted: list[set[int]]
    chinese: NDArray[np.bool_]

    @classmethod
    def of(cls, data: Dataset, answers: Answers, lexical: Lexical) -> Trial | None:
        """Queries of window 1, None where too few have an answer."""
        random, known = np.random.default_rng(SEED), answers.known()
        asked = np.sort(random.permutation(answers.queries(1))[:ASKED])
        if len(asked) < FEWEST:
            return None
        near = lookalikes(data, answers, lexical, asked)
        rows = pool(asked.tolist(), known, near, len(data.catalogue), random, AMONG)
        texts = [normalise(answers.texts[query]) for query in asked.tolist()]
        wanted = wanted_among(rows, [known[query] for query in asked.tolist()])
        kept = [number for number, rows in enumerate(wanted) if rows]
        chinese = np.array([language(texts[number]) == "zh" for number in kept])
        return cls([texts[number] for number in kept], item_texts(data.catalogue, rows), [wanted[number] for number in kept], chinese)

    def recall(self, encoder: Encoder) -> NDArray[np.float64]:
        """``(q,)``: recall@10 of each query."""
        return np.array(shares(encoder.encode(self.texts, "query"), encoder.encode(self.items, "item"), self.wanted))

    def said(self, found: NDArray[np.float64]) -> str:
        """The mean, and each language's."""
        parts = {"Chinese": found[self.chinese], "other": found[~self.chinese]}
        return f"{found.mean():.3f} ({', '.join(f'{name} {part.mean():.3f}' for name, part in parts.items() if len(part))})"


def tried(kind: str, why: str, held: tuple[Dataset, Answers, Lexical], work: Path, budget: Budget) -> tuple[str, str]:
    """``kind``, a joint encoder, unless its n-grams alone surely find more: they cannot be fine-tuned. ``work`` takes an export."""
    data, answers, lexical = held
    if joined(kind) != "minilm" or MOST_TIME * budget.left < AMONG / PER_SECOND * budget.slowness:
        return kind, f"{why}; not measured, for want of time"
    trial = Trial.of(data, answers, lexical)
    if trial is None:
        return kind, f"{why}; too few queries have an answer to measure it"
    encoder = open_encoder(kind, data, work / "trial", budget.part(1.0))
    assert isinstance(encoder, JointEncoder)
    both, ngram = trial.recall(encoder), trial.recall(encoder.pieces)
    said = f"recall@10 of {len(both)} queries of window 1: joint {trial.said(both)}, n-grams alone {trial.said(ngram)}"
    more, error = gain_of(ngram - both)
    surely = more > SURE * error
    return ("ngram", f"encoder ngram: two languages, yet {said}") if surely else (kind, f"{why}; {said}")
