"""One source alone: what a shop should be served where putting more together does not pay."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

from aisle.fusion.fuser import RER, Column, Columns, Lesson, column, rows_of, summed
from aisle.ranking.features import worth


class BestSource:
    """``1 / (1 + rank / 5)`` by the one source that ranks the lesson's requests best; below what it names stand all others, in RER's order
    (``RER - 1``, which is never above 0), so that a page is full.

    The simplest of selections among forecasters (what combining has to beat: Timmermann 2006, section 2).
    """

    name = "best_source"

    def __init__(self, sources: Sequence[str]) -> None:
        self.sources = tuple(sources)
        self.chosen_ = next(iter(self.sources), "")

    def fit(self, lesson: Lesson) -> Self:
        """Choose by the quality of each source's own list, which others do not fill up; of equals the first."""
        ranks = {source: column(lesson.columns, f"{source}_rank") for source in self.sources}
        values = {source: lesson.mean(lesson.judged((self.name, source), lambda rank=rank: -rank)) for source, rank in ranks.items()}  # type: ignore[misc]
        self.chosen_ = max(values, key=lambda source: values[source], default=self.chosen_)
        return self

    def parts(self, columns: Columns) -> dict[str, Column]:
        """What the source says, and RER for what it does not name."""
        if not rows_of(columns):
            return {}
        rank = column(columns, f"{self.chosen_}_rank")
        silent, rest = np.isnan(rank), np.nan_to_num(column(columns, RER)) - 1
        return {self.chosen_: worth(rank).astype(np.float32), RER: np.where(silent, rest, 0).astype(np.float32)}

    def score(self, columns: Columns) -> Column:
        """``(n,) float32``: the source's order, then RER's."""
        return summed(self.parts(columns), columns)

    @property
    def weights(self) -> dict[str, float]:
        """All of it is the source's."""
        return {self.chosen_: 1.0}

    def save(self, folder: Path) -> None:
        """Write ``best_source.json``."""
        (folder / "best_source.json").write_text(json.dumps({"source": self.chosen_}), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open what `save` wrote: one that knows no other source."""
        return cls([json.loads((folder / "best_source.json").read_text(encoding="utf-8"))["source"]])
