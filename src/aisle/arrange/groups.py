"""Variants of one product share a `parent_id`: the page shows the one that stands first and names its siblings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from aisle.core.catalogue import Catalogue

MOST = 50
"""Siblings named beside one shown item."""


@dataclass(frozen=True)
class Groups:
    """Which product each item of ``catalogue`` belongs to. ``active`` false, or no `parent_id` anywhere: every item is its own product."""

    catalogue: Catalogue
    active: bool = True

    @cached_property
    def product(self) -> NDArray[np.int64] | None:
        """``(items,) int64``: equal for variants of one product; None where nothing is grouped.

        An item that others name as their parent belongs to them.
        """
        if not self.active or "parent_id" not in self.catalogue.texts:
            return None
        labels, items = self.catalogue.labels("parent_id"), len(self.catalogue)
        if not len(labels.codes):
            return None
        parents = self.catalogue.rows(labels.names)
        parents[(parents >= 0) & (labels.first[parents] >= 0)] = -1
        product = np.where(labels.first >= 0, items + labels.first.astype(np.int64), np.arange(items))
        product[parents[parents >= 0]] = items + np.flatnonzero(parents >= 0)
        return product

    @cached_property
    def _by_product(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        assert self.product is not None
        order = np.argsort(self.product, kind="stable")
        return order, self.product[order]

    def first(self, items: NDArray[np.int32]) -> NDArray[np.int64]:
        """``(k,) int64``: for each of ``items``, in page order, the place of the first item of the same product."""
        places = np.arange(len(items))
        if self.product is None or not len(items):
            return places
        _, start, which = np.unique(self.product[items], return_index=True, return_inverse=True)
        return np.asarray(start[which], np.int64)

    def siblings(self, item: int) -> NDArray[np.int64]:
        """The other items of ``item``'s product, in order of their rows, at most `MOST`."""
        if self.product is None:
            return np.zeros(0, np.int64)
        order, products = self._by_product
        start, end = np.searchsorted(products, [self.product[item], self.product[item] + 1])
        mine = order[start:end]
        return mine[mine != item][:MOST]

    def count(self, items: NDArray[np.integer]) -> int:
        """How many products ``items`` are."""
        if self.product is None or not len(items):
            return len(items)
        seen = np.zeros(self._by_product[1][-1] + 1, bool)
        seen[self.product[items]] = True
        return int(np.count_nonzero(seen))
