"""Factors of the items; a user's own factors are solved from the history when the request comes, so no user stands in the bundle."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from aisle.core.arrays import mapped
from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset
from aisle.core.stage import Block, Mask
from aisle.retrieval.base import EVERY_SURFACE, Scored, history, load_settings, save_settings
from aisle.retrieval.moving import Rows, moved_rows
from aisle.retrieval.rows import Few, best, products
from aisle.retrieval.scan import Scan
from aisle.retrieval.sequences import Sequences

Floats = NDArray[np.float32]
Factors = NDArray[np.float32] | NDArray[np.float16]

WIDE = 30_000
"""Items up to which all of ``embedding_size`` is used and each request reads every item's factors. Beyond it 64 at most, in float16,
and the best are looked for by codes (`aisle.retrieval.scan`), then multiplied: of the exact first 200 of 12,092 (x 128) 99.7 % stay."""
TOGETHER = 8_192
"""Items whose factors are widened at once."""
AGAIN = 2
"""So many times what is wanted is asked of the codes, since the lengths of factors differ more than those of texts."""


@dataclass(frozen=True)
class Near:
    """A user's products with the ``factors`` ``(items, d)`` of very many items, as a `aisle.retrieval.rows.Row`."""

    user: Floats
    factors: Factors
    scan: Scan

    @property
    def nbytes(self) -> int:
        """Bytes of what is the user's own."""
        return self.user.nbytes

    def best(self, mask: Mask, limit: int) -> tuple[NDArray[np.int32], Floats]:
        """The best that the codes find."""
        items = np.sort(self.scan.nearest(self.user, mask, AGAIN * limit))
        scores = self.of(items)
        found = best(scores, mask[items], limit)
        return items[found], scores[found]

    def of(self, items: NDArray[np.int32]) -> Floats:
        """Each the same whichever items stand beside it."""
        return np.asarray(np.einsum("ij,j->i", wide(self.factors[items]), self.user), np.float32)


class Als(Scored):
    """Implicit alternating least squares: Hu, Koren and Volinsky, "Collaborative filtering for implicit feedback datasets" (2008).

    ``confidence`` is their alpha: an observed pair counts ``1 + confidence * weight``; 0 asks for one from the data, larger the emptier
    the matrix. Folding in solves their equation 4 for one user.
    """

    name = "als"
    surfaces = EVERY_SURFACE - {"similar"}

    def __init__(
        self,
        embedding_size: int = 128,
        regularization: float = 0.1,
        confidence: float = 0.0,
        epochs: int = 10,
        decay: float = 0.7,
        seed: int = 7,
    ) -> None:
        self.embedding_size, self.regularization, self.confidence = embedding_size, regularization, confidence
        self.epochs, self.decay, self.seed = epochs, decay, seed
        self.factors_: Factors = np.zeros((0, embedding_size), np.float32)
        self._gram: Floats | None = None
        self._inverse: Floats | None = None
        self._known: NDArray[np.bool_] | None = None
        self._learned: tuple[NDArray[np.int32], Floats] | None = None
        self._scan: Scan | None = None

    def fit(self, data: Dataset) -> Self:
        """Factorise the user-item matrix and keep the items' side."""
        from aisle.retrieval.als_train import confidence, item_factors

        matrix = Sequences.of(data.events, len(data.catalogue)).by_user()
        self.confidence = self.confidence or confidence(matrix)
        if len(data.catalogue) > WIDE:
            self.embedding_size = min(self.embedding_size, 64)
        return self._take(item_factors(matrix, self))

    @property
    def goes_on(self) -> bool:
        """Whether there are factors to go on from."""
        return bool(self.known().any())

    def go_on(self, data: Dataset, since: float) -> Self:
        """A few rounds over the whole log from the factors as they stand; new items begin at random (`moving.GoesOn`)."""
        from aisle.retrieval.als_train import item_factors

        matrix = Sequences.of(data.events, len(data.catalogue)).by_user()
        return copy(self)._take(item_factors(matrix, self, wide(self.factors_)))

    def moved(self, rows: Rows) -> Self:
        """As `aisle.retrieval.moving.Movable`."""
        return copy(self)._take(moved_rows(self.factors_, rows))

    def _take(self, factors: Factors) -> Self:
        many = len(factors) > WIDE
        self.factors_ = factors.astype(np.float16) if many else factors
        self._gram, self._inverse, self._known, self._learned = None, None, None, None
        self._scan = Scan.of(wide(factors)) if many else None
        return self

    def rows(self, block: Block) -> Iterator[Few | Near]:
        """Each known item's factors times the user's; silent for a request without known items in its history."""
        users = self._users(block)
        if self._scan is not None:
            scan = self._scan
            yield from (Few.none() if user is None else Near(user, self.factors_, scan) for user in users)
        else:
            items, factors = self.learned()
            yield from (Few.none() if scores is None else Few(items, scores) for scores in products(factors, users))

    def _users(self, block: Block) -> Iterator[Floats | None]:
        """The factors of each request's user, None where nothing of the history is known."""
        past = history(block, self.decay)
        for request in range(len(block)):
            part = past.of(request)
            seen = self.known()[past.item[part]]
            mine, weight = past.item[part][seen], past.values["weight"][part][seen]
            yield self.fold(mine, weight) if len(mine) else None

    def without(self, block: Block, request: int, items: NDArray[np.int32]) -> Floats:
        """``(h, n) float32``: scores with each item of the history left out (`left_out.LeavesOut`), the others' confidence unchanged.

        Each item's part of the score is Hu's (2008, section 5); what is left without it is Sherman and Morrison's formula, all in the
        ``h`` dimensions of the history.
        """
        past = history(block, self.decay)
        part = past.of(request)
        rows, weight = past.item[part], past.values["weight"][part]
        both = wide(self.factors_[np.concatenate([rows, items])])
        extra = weight * self.known()[rows] * (self.confidence / max(weight.max(initial=0), 1e-12))
        joint = (both @ (both[: len(rows)] @ self.inverse()).T).astype(np.float64)
        system = extra[:, None] * joint[: len(rows)]
        system.ravel()[:: len(rows) + 1] += 1
        parts = joint @ np.linalg.inv(system)
        full, own, each = 1 + extra, parts.diagonal(), parts[len(rows) :]
        said = parts @ full
        lost = (said[: len(rows)] - full * own) * extra / np.maximum(1 - extra * own, 1e-6)
        return (said[len(rows) :] + (lost - full)[:, None] * each.T).astype(np.float32)

    def inverse(self) -> Floats:
        """``(embedding_size, embedding_size) float32``: of `gram`."""
        if self._inverse is None:
            self._inverse = np.linalg.inv(self.gram())
        return self._inverse

    def fold(self, items: NDArray[np.int32], weight: NDArray[np.float64]) -> Floats:
        """``(embedding_size,) float32``: the factors of a user who has ``items``; the largest ``weight`` counts as one full event.

        By Woodbury's identity an equation with one unknown for each item of the history, which are fewer than the dimensions.
        """
        mine = wide(self.factors_[items])
        extra = self.confidence * weight / weight.max()
        spread = mine @ self.inverse()
        left = np.eye(len(items)) + extra[:, None] * (spread @ mine.T)
        return np.asarray(np.linalg.solve(left, 1 + extra) @ spread, np.float32)

    def learned(self) -> tuple[NDArray[np.int32], Floats]:
        """The items that are known, ascending, and their factors, contiguous."""
        if self._learned is None:
            items = np.flatnonzero(self.known()).astype(np.int32)
            self._learned = items, wide(self.factors_ if len(items) == len(self.factors_) else self.factors_[items])
        return self._learned

    def known(self) -> NDArray[np.bool_]:
        """``(items,) bool``: items that the factors say something of."""
        if self._known is None:
            self._known = np.asarray((self.factors_ != 0).any(axis=1))
        return self._known

    def gram(self) -> Floats:
        """``(embedding_size, embedding_size) float32``: the items' products plus the regularization, the same for every user."""
        if self._gram is None:
            parts = [wide(self.factors_[first : first + TOGETHER]) for first in range(0, len(self.factors_), TOGETHER)]
            self._gram = sum((part.T @ part for part in parts), self.regularization * np.eye(self.embedding_size, dtype=np.float32))
        return self._gram

    def save(self, folder: Path) -> None:
        """Write the settings and the factors."""
        names = ("embedding_size", "regularization", "confidence", "epochs", "decay", "seed")
        settings: dict[str, Any] = {name: getattr(self, name) for name in names}
        save_settings(folder, settings)
        np.save(folder / "factors.npy", self.factors_)
        if self._scan is not None:
            self._scan.save(folder)

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> Self:
        """Open what `save` wrote."""
        source = cls(**load_settings(folder))
        source.factors_ = mapped(folder / "factors.npy")
        source._scan = Scan.load(folder, source.factors_) if len(source.factors_) > WIDE else None
        return source


def wide(factors: Factors) -> Floats:
    """``factors`` in float32; themselves where they are."""
    return np.asarray(factors, np.float32)
