"""What sources with weights trained by gradient share: keeping them, and scoring every item by its product with a state."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from aisle.core.catalogue import Catalogue
from aisle.core.stage import Block, Mask
from aisle.retrieval.als import WIDE, Near
from aisle.retrieval.base import Scored, load_settings, newest, save_settings
from aisle.retrieval.moving import moved_rows
from aisle.retrieval.rows import Few, Row, products
from aisle.retrieval.scan import Scan

Floats = NDArray[np.float32]
Items = NDArray[np.int32]
Weights = dict[str, Floats]
OF_ITEMS = ("items", "history")
"""Weights with a row for each item."""
HIGHEST = 60.0
"""A larger logit would overflow."""


class Learned(Scored):
    """Its constructor's arguments are ``settings``; ``weights_["items"]`` ``(items, k) float32`` is zero for items it knows nothing of."""

    surfaces = frozenset({"home", "item", "basket", "rank"})
    settings: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        self.weights_: Weights = {"items": np.zeros((0, 1), np.float32)}
        self._learned: tuple[Items, Floats] | None = None

    @property
    def items(self) -> Floats:
        """``(items, k) float32``: the items' vectors, zero for one of which nothing is known."""
        return self.weights_["items"]

    def take(self, weights: Weights) -> Self:
        """Answer by ``weights`` from now on."""
        self.weights_, self._learned = weights, None
        return self

    @property
    def goes_on(self) -> bool:
        """Whether anything was learned to go on from."""
        return bool(self.items.any())

    def moved(self, rows: Items) -> Self:
        """As `aisle.retrieval.moving.Movable`."""
        return copy(self).take({name: moved_rows(one, rows) if name in OF_ITEMS else one for name, one in self.weights_.items()})

    def learned(self) -> tuple[Items, Floats]:
        """The items that are known, ascending, and their vectors, contiguous."""
        if self._learned is None:
            known = np.flatnonzero(self.items.any(axis=1)).astype(np.int32)
            self._learned = known, self.items[known]
        return self._learned

    def save(self, folder: Path) -> None:
        """Write the settings and ``<name>.safetensors``."""
        save_settings(folder, {name: getattr(self, name) for name in self.settings})
        save_file(self.weights_, folder / f"{type(self).name}.safetensors")

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> Self:
        """Open what `save` wrote."""
        return cls(**load_settings(folder)).take(load_file(folder / f"{cls.name}.safetensors"))


@dataclass(frozen=True)
class Likely:
    """A row of logits (`aisle.retrieval.als.Near`) as likelihoods."""

    logits: Near

    @property
    def nbytes(self) -> int:
        """Bytes of what is the user's own."""
        return self.logits.nbytes

    def best(self, mask: Mask, limit: int) -> tuple[Items, Floats]:
        """As `aisle.retrieval.rows.Row.best`."""
        items, logits = self.logits.best(mask, limit)
        return items, likelihood(logits)

    def of(self, items: Items) -> Floats:
        """As `aisle.retrieval.rows.Row.of`."""
        return likelihood(self.logits.of(items))


class States(Learned):
    """The score is ``exp(⟨h, v_i⟩)`` of a state ``h`` that the history leads to and an item's vector ``v_i``: subclasses give `state`.
    The product itself where ``exponential`` is false. Beyond `WIDE` items the best are looked for by codes."""

    exponential = True

    def __init__(self) -> None:
        super().__init__()
        self._scan: Scan | None = None

    def take(self, weights: Weights) -> Self:
        """Answer by ``weights`` from now on."""
        super().take(weights)
        self._scan = Scan.of(self.items) if len(self.items) > WIDE else None
        return self

    def state(self, sequence: Items) -> Floats | None:
        """``(k,) float32``: where a sequence of items, the newest last, leads to; None where none of them is known."""
        raise NotImplementedError

    def rows(self, block: Block) -> Iterator[Row]:
        """The score of every known item; silent for a request without known items in its history."""
        states = (self.state(newest(block, request, len(self.items))) for request in range(len(block)))
        if self._scan is not None:
            yield from (Few.none() if state is None else self._near(state, self._scan) for state in states)
        else:
            known, vectors = self.learned()
            for scores in products(vectors, states):
                yield Few.none() if scores is None else Few(known, likelihood(scores) if self.exponential else scores)

    def _near(self, state: Floats, scan: Scan) -> Row:
        near = Near(state, self.items, scan)
        return Likely(near) if self.exponential else near

    def save(self, folder: Path) -> None:
        """Write the settings, the weights and the codes."""
        super().save(folder)
        if self._scan is not None:
            self._scan.save(folder)

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> Self:
        """Open what `save` wrote; only the small form of the codes is made again."""
        source = cls(**load_settings(folder))
        Learned.take(source, load_file(folder / f"{cls.name}.safetensors"))
        source._scan = Scan.load(folder, source.items) if len(source.items) > WIDE else None
        return source


def likelihood(logits: Floats) -> Floats:
    """``exp``, kept finite."""
    return np.asarray(np.exp(np.minimum(logits, HIGHEST)), np.float32)


def faded(length: int, decay: float) -> Floats:
    """``(length,) float32``: weights of a sequence's items, the newest last, each ``decay`` of the next; they sum to 1."""
    weight = np.float64(decay) ** np.arange(length - 1, -1, -1)
    return np.asarray(weight / weight.sum(), np.float32)
