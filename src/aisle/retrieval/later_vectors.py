"""Vectors of texts written after a bundle: a flat block beside the bundle's vectors, scanned with them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from aisle.core.stage import Mask
from aisle.retrieval.vectors import Half, ItemVectors

Rows = NDArray[np.int32]


class LaterVectors(ItemVectors):
    """``base`` with the vectors of ``rows`` ``(k,) int32``, ascending, as their text is now: ``block`` ``(k, d) float16``, NaN where it has
    not been encoded yet. Such an item is silent, whatever its text said before."""

    def __init__(self, base: ItemVectors, rows: Rows, block: Half, items: int) -> None:
        self.base, self.rows, self.block, self.items = base, rows, block, items
        self.encoder, self.vectors, self.made_from = base.encoder, base.vectors, base.made_from
        self._ready = np.isfinite(block[:, 0]) if block.shape[1] else np.ones(len(rows), bool)
        self._plain = np.nan_to_num(block.astype(np.float32))
        self._place = np.full(items, -1, np.int32)
        self._place[rows] = np.arange(len(rows))

    def __len__(self) -> int:
        return self.items

    @property
    def waiting(self) -> Rows:
        """The rows whose text is still to be encoded."""
        return self.rows[~self._ready]

    @property
    def _first(self) -> ItemVectors:
        return self.base

    def _known(self) -> Mapping[int, Half]:
        return dict(zip(self.rows.tolist(), self.block, strict=True))

    def query(self, text: str) -> NDArray[np.float32]:
        """``(dimension,) float32`` of a query."""
        return self.base.query(text)

    def take(self, rows: NDArray[np.integer]) -> NDArray[np.float32]:
        """``(k, d) float32``: the vectors of ``rows``, NaN where one is still to be made."""
        place = self._place[rows]
        late = place >= 0
        if not late.any():
            return self.base.take(rows)
        found = self.base.take(np.where(late, 0, rows)) if len(self.base) else np.zeros((len(rows), self.encoder.dimension), np.float32)
        found[late] = self.block[place[late]]
        return found

    def nearest(self, vector: NDArray[np.float32], mask: Mask, limit: int) -> tuple[Rows, NDArray[np.float32]]:
        """The best of the bundle's that still hold and of those written since."""
        late = np.flatnonzero(mask[self.rows] & self._ready)
        if len(late) > limit:
            late = late[np.argpartition(-(self._plain[late] @ vector), limit - 1)[:limit]]
        inner = mask[: len(self.base)].copy()
        inner[self.rows[self.rows < len(self.base)]] = False
        old, old_score = self.base.nearest(vector, inner, limit)
        rows = np.concatenate([old, self.rows[late]])
        score = np.concatenate([old_score, self.score(vector, self.rows[late])])
        order = np.lexsort((rows, -score))[:limit]
        return rows[order], score[order]
