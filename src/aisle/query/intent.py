"""What the writer of a query wants: the best of the intents that examples teach, how sure that is, and whether it is any of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aisle.core.answer import Intent
from aisle.query.classifier import Classifier

Floats = NDArray[np.float32]
SLOPE, OFFSET = 8.0, -2.0
"""As fitted on banking77: where the start is when there is too little to fit."""


@dataclass(frozen=True)
class Scope:
    """How a classifier's score becomes the intent's, ``σ(slope · score + offset)`` (Platt 1999): the chance that the intent is right; from
    ``threshold`` on the text is in scope. ``outside``: the number of the class "none of these", -1 where it was not taught. ``rejects``:
    the share of texts that would be out of scope had nobody taught their intent."""

    outside: int = -1
    slope: float = SLOPE
    offset: float = OFFSET
    threshold: float = 0.5
    rejects: float = 0.0

    def best(self, scores: Floats) -> tuple[NDArray[np.int64], Floats]:
        """``(n,) int64``: the best class that is an intent, and ``(n,) float32`` its score, of a classifier's ``(n, classes)``."""
        inside = scores.copy()
        if self.outside >= 0:
            inside[:, self.outside] = -np.inf
        found = inside.argmax(axis=1)
        return found, inside[np.arange(len(inside)), found]

    def chance(self, score: Floats) -> Floats:
        """``(n,) float32`` in [0, 1]."""
        return np.asarray(1 / (1 + np.exp(-(self.slope * score.astype(np.float64) + self.offset))), np.float32)


@dataclass(frozen=True)
class Intents:
    """The intents of one shop. A text's answer does not depend on what else is asked."""

    classifier: Classifier
    scope: Scope

    @property
    def reads_vectors(self) -> bool:
        """Whether it needs the encoder."""
        return self.classifier.reads_vectors

    def find(self, text: str, vector: Floats | None) -> Intent:
        """The intent of a text in matching form; ``vector`` ``(dimension,)`` is the encoder's, None where it reads n-grams alone."""
        found, score = self.read([text], None if vector is None else vector[None])
        return Intent(self.classifier.names[int(found[0])], float(score[0]), bool(score[0] >= self.scope.threshold))

    def read(self, texts: Sequence[str], vectors: Floats | None) -> tuple[NDArray[np.int64], Floats]:
        """``(n,) int64`` numbers of intents and ``(n,) float32`` scores, the same as one by one."""
        found, score = self.scope.best(self.classifier.scores(texts, vectors))
        return found, self.scope.chance(score)

    def save(self, folder: Path) -> None:
        """Write the classifier and ``intents.json``."""
        self.classifier.save(folder)
        (folder / "intents.json").write_text(json.dumps(asdict(self.scope)), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Intents:
        """Open what `save` wrote."""
        return cls(Classifier.load(folder), Scope(**json.loads((folder / "intents.json").read_text(encoding="utf-8"))))
