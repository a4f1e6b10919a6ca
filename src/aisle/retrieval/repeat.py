"""What this user buys again: own purchases by how often, how lately and in which rhythm; no other source may speak louder on refills."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset
from aisle.core.stage import Block
from aisle.retrieval.base import EVERY_SURFACE, Scored, load_settings, save_settings
from aisle.retrieval.overlay import Step
from aisle.retrieval.rows import Few

DAY = 86_400.0


class Repeat(Scored):
    """Distinct days of purchase, less for what was last bought long ago: ``days ** power * 0.5 ** (age / half_life)``.

    The half-life of an item is ``patience`` times the user's own mean gap between purchases of it, never under ``half_life`` days: what is
    bought monthly is not forgotten after a fortnight. Without a clock ages are steps and only counts speak.
    """

    name = "repeat"
    surfaces = EVERY_SURFACE - {"similar"}

    def __init__(self, power: float = 1.0, half_life: float = 90.0, patience: float = 2.0) -> None:
        self.power, self.half_life, self.patience = power, half_life, patience
        self.items_ = 0

    def fit(self, data: Dataset) -> Self:
        """Nothing is learned: the profile holds it all."""
        self.items_ = len(data.catalogue)
        return self

    def over(self, step: Step) -> Self:
        """The same for a longer catalogue: what was bought counts, whenever the item came."""
        later = copy(self)
        later.items_ = len(step.catalogue)
        return later

    def rows(self, block: Block) -> Iterator[Few]:
        """One row a request, from the purchases of its profile alone."""
        owned = block.profiles.owned
        strength = self.strength(block)
        for request in range(len(block)):
            part = owned.of(request)
            order = owned.item[part].argsort()
            yield Few(owned.item[part][order], strength[part][order])

    def strength(self, block: Block) -> NDArray[np.float32]:
        """``(m,) float32`` for the rows of ``profiles.owned``; what was all given back is 0."""
        owned = block.profiles.owned.values
        times = np.maximum(np.where(block.profiles.clock, owned["days"], owned["count"]), 1)
        gap = owned["span"] / np.maximum(times - 1, 1) / DAY
        faded = 0.5 ** (owned["age"] / DAY / np.maximum(self.half_life, self.patience * gap)) if block.profiles.clock else 1.0
        return np.where(owned["count"] > 0, times**self.power * faded, 0).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write the settings."""
        save_settings(folder, {"power": self.power, "half_life": self.half_life, "patience": self.patience, "items": self.items_})

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> Self:
        """Open what `save` wrote."""
        settings = load_settings(folder)
        items = settings.pop("items")
        source = cls(**settings)
        source.items_ = items
        return source
