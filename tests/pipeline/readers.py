"""Cross-encoders that need no model, for the claims about the stage that reads a page's top again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aisle.fusion.top import Top
from aisle.ranking.calibrate import Calibrator
from aisle.text.cross import Cross


class Telling(Cross):
    """Scores a text by how often it holds ``word``, and notes what it was asked."""

    def __init__(self, word: str = "desk") -> None:
        self.word = word
        self.asked: list[tuple[str, str]] = []

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += [(query, text) for text in texts]
        return np.array([text.count(self.word) for text in texts], np.float32)


class Broken(Cross):
    """Never answers."""

    def __init__(self) -> None:
        pass

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        raise RuntimeError("broken")


def top(cross: Cross, first: int = 3, weight: float = 0.9) -> Top:
    """The stage over it; a word more is much likelier wanted."""
    calibrator = Calibrator()
    calibrator.slope_, calibrator.bias_ = 8.0, 0.0
    return Top(cross, first, weight, calibrator, 10.0)
