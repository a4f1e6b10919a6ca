"""True relevance of an item to a query, from what both mean and never from how either is written."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aisle.simulate.goods import Goods
from aisle.simulate.queries import Pool
from aisle.simulate.words import Words

Ints = NDArray[np.int32]


def siblings(words: Words) -> NDArray[np.bool_]:
    """``(types, types) bool``: another type of the same shelf, or the accessory of one."""
    paths = [kind.category for kind in words.kinds]
    same = np.array([[a == b for b in paths] for a in paths])
    for number, kind in enumerate(words.kinds):
        same[number, list(kind.accessories)] = True
    np.fill_diagonal(same, False)
    return same


class Grader:
    """Grades 0 to 3. 3: the right type and every wish met; 2: the right type and at least half of the wishes; 1: the right type, or a
    sibling type when nothing
    more was wished; 0: all else. Brand numbers are compared within one type only, since each department numbers its own."""

    def __init__(self, words: Words, goods: Goods, pool: Pool) -> None:
        self.goods, self.pool = goods, pool
        self.near = siblings(words)
        self.traits = np.stack([goods.brand, goods.colour, goods.style, goods.feature], 1)

    def grade(self, query: Ints, item: Ints) -> NDArray[np.uint8]:
        """``(...) uint8`` for ``query`` and ``item`` of one shape after broadcasting."""
        kind, wish = self.pool.kind[query], self.pool.wish[query]
        right = kind == self.goods.kind[item]
        asked = wish >= 0
        met = (asked & (wish == self.traits[item])).sum(-1)
        wishes = asked.sum(-1)
        among = np.where(met == wishes, 3, np.where(2 * met >= wishes, 2, 1))
        beside = (wishes == 0) & self.near[kind, self.goods.kind[item]]
        return np.where(right, among, beside).astype(np.uint8)

    def all(self, query: int) -> NDArray[np.uint8]:
        """``(items,) uint8`` for one query."""
        return self.grade(np.full(1, query, np.int32), np.arange(len(self.goods), dtype=np.int32))
