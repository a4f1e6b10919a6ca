"""What everybody wants: decayed counts as of each request's hour, the floor under every other source."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset, Events
from aisle.core.stage import Block, Scores
from aisle.retrieval.base import EVERY_SURFACE, Scored, load_settings, save_settings
from aisle.retrieval.counters import Counters
from aisle.retrieval.overlay import Step
from aisle.retrieval.rows import Standing


class Counted(Scored):
    """A source that scores items by their counters: subclasses give ``now``, one row for an hour, which the block's requests share."""

    surfaces = EVERY_SURFACE - {"similar"}

    def __init__(self) -> None:
        self.counters_ = Counters.of(Events.none(), 0)
        self.items_ = 0
        self._row: tuple[int, Standing] | None = None

    def fit(self, data: Dataset) -> Self:
        """Count the log."""
        self.counters_, self.items_ = Counters.of(data.events, len(data.catalogue)), len(data.catalogue)
        self._row = None
        return self

    def over(self, step: Step) -> Self:
        """With the items that came since, and the events since the bundle where they were counted anew."""
        later, row = copy(self), self._row
        later.items_ = len(step.catalogue)
        if step.counted is not None:
            later.counters_, row = self.counters_.plus(step.counted), None
        later._row = row if row is None or len(row[1].scores) == later.items_ else (row[0], Standing(sized(row[1].scores, later.items_)))
        return later

    def now(self, as_of: float) -> Scores:
        """``(k,) float32`` as of a time, for the items that the counters know at least."""
        raise NotImplementedError

    def rows(self, block: Block) -> Iterator[Standing]:
        """The row of each request's hour, worked out once an hour."""
        hours = self.counters_.hour(block.as_of)
        for hour, as_of in zip(hours.tolist(), block.as_of.tolist(), strict=True):
            row = self._row
            if row is None or row[0] != hour:
                row = self._row = (hour, Standing(sized(self.now(as_of), self.items_)))
            yield row[1]

    def save(self, folder: Path) -> None:
        """Write the settings and the counters."""
        save_settings(folder, self.settings())
        self.counters_.save(folder)

    def settings(self) -> dict[str, float]:
        """The constructor's arguments."""
        return {}

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> Self:
        """Open what `save` wrote."""
        source = cls(**load_settings(folder))
        source.counters_, source.items_ = Counters.load(folder), len(catalogue)
        return source


def sized(row: NDArray[Any], items: int, fill: float = 0.0) -> NDArray[Any]:
    """``row`` as long as the catalogue: nothing is known of the items behind it."""
    return row if len(row) == items else np.concatenate([row, np.full(items - len(row), fill, row.dtype)])


class Popularity(Counted):
    """Interest halved for each ``half_life`` days (7 or 30); plain counts in a log without a clock."""

    name = "popularity"

    def __init__(self, half_life: float = 7.0) -> None:
        super().__init__()
        self.half_life = half_life

    def now(self, as_of: float) -> Scores:
        """Decayed counts; what was wanted long ago sinks but is not silent."""
        every = np.arange(self.counters_.items)
        return self.counters_.decayed(every, as_of, self.half_life).astype(np.float32)

    def settings(self) -> dict[str, float]:
        """The constructor's arguments."""
        return {"half_life": self.half_life}
