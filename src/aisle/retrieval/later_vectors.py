"""Vectors of texts written after a bundle: a flat block beside the bundle's vectors, scanned with them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from aisle.core.stage import Mask
from aisle.retrieval.packed import Floats
from aisle.retrieval.vectors import ItemVectors
from aisle.text.token_head import Asked

Rows = NDArray[np.int32]
NOTHING = np.zeros(0, np.int32)
FEW = 50
"""Rows that are found beyond what is wanted, since some will have been written anew: cheaper than to mask those."""


class LaterVectors(ItemVectors):
    """``base`` with the vectors of ``rows`` ``(k,) int32`` as their text is now: ``block`` ``(k, d) float32``, NaN where it has not been
    encoded yet. Such an item is silent, whatever its text said before."""

    def __init__(self, base: ItemVectors, rows: Rows, block: Floats, items: int) -> None:
        self.base, self.rows, self.block, self.items = base, rows, block, items
        self.encoder, self.vectors, self.made_from, self.tokens = base.encoder, base.vectors, base.made_from, base.tokens
        self._place = np.full(items, -1, np.int32)
        self._place[rows] = np.arange(len(rows))

    @classmethod
    def after(cls, before: ItemVectors, rewritten: Rows, fresh: Mapping[int, Floats], items: int) -> LaterVectors:
        """``before`` for ``items`` items, with the vectors in ``fresh``; the others of ``rewritten`` are still to be encoded."""
        size = before.encoder.dimension
        held = before if isinstance(before, LaterVectors) else cls(before, NOTHING, np.zeros((0, size), np.float32), items)
        named = np.union1d(rewritten, np.array(list(fresh), np.int32)).astype(np.int32)
        rows = np.concatenate([held.rows, np.setdiff1d(named, held.rows)])
        later = cls(held.base, rows, np.full((len(rows), size), np.nan, np.float32), items)
        later.block[: len(held.rows)] = held.block
        later.block[later._place[rewritten]] = np.nan
        if fresh:
            later.block[later._place[list(fresh)]] = np.stack(list(fresh.values()))
        return later

    def __len__(self) -> int:
        return self.items

    @cached_property
    def _ready(self) -> Mask:
        return np.asarray(np.isfinite(self.block[:, 0]))

    @cached_property
    def _plain(self) -> NDArray[np.float32]:
        return np.nan_to_num(self.block)

    @property
    def waiting(self) -> Rows:
        """The rows whose text is still to be encoded."""
        return self.rows[~self._ready]

    def query(self, text: str) -> NDArray[np.float32]:
        """``(dimension,) float32`` of a query."""
        return self.base.query(text)

    def query_tokens(self, text: str) -> Asked | None:
        """A query by its tokens."""
        return self.base.query_tokens(text)

    def has_tokens(self, rows: NDArray[np.integer]) -> Mask:
        """Those whose text is still the bundle's."""
        return self.base.has_tokens(rows) & (self._place[rows] < 0)

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
            late = late[np.argpartition(-(self._plain @ vector)[late], limit - 1)[:limit]]
        old, old_score = self._nearest_of_bundle(vector, mask[: len(self.base)], limit)
        rows = np.concatenate([old, self.rows[late]])
        score = np.concatenate([old_score, self.score(vector, self.rows[late])])
        order = np.lexsort((rows, -score))[:limit]
        return rows[order], score[order]

    def _nearest_of_bundle(self, vector: NDArray[np.float32], mask: Mask, limit: int) -> tuple[Rows, NDArray[np.float32]]:
        """Of the rows whose text is still the bundle's. A few more are asked for where nothing else is filtered: a mask costs as much time
        again as the scan."""
        stale = self.rows[self.rows < len(self.base)]
        if mask.all():
            rows, score = self.base.nearest(vector, mask, limit + min(len(stale), FEW))
            kept = self._place[rows] < 0
            if len(stale) <= FEW or np.count_nonzero(kept) >= limit:
                return rows[kept][:limit], score[kept][:limit]
        inner = mask.copy()
        inner[stale] = False
        return self.base.nearest(vector, inner, limit)


def rewritten(vectors: ItemVectors, rows: Rows, fresh: Mapping[str, Mapping[int, Floats]], items: int) -> ItemVectors:
    """``vectors`` for ``items`` items after the texts of ``rows`` changed: by what ``fresh`` holds under `ItemVectors.made_from`, silent
    where it holds nothing."""
    made = fresh.get(vectors.made_from, {})
    if not len(rows) and not made and items == len(vectors):
        return vectors
    return LaterVectors.after(vectors, rows, made, items)
