"""Two tastes that never meet: even users buy even items and odd users odd ones; two further items are known by their titles alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aisle.core.candidates import Candidates
from aisle.core.events import Dataset
from aisle.core.stage import Source
from aisle.testing import toys
from tests.retrieval.shop import block

ITEMS, USERS, STEPS = 12, 40, 6
NEW = (ITEMS, ITEMS + 1)
"""Items without events, the first named like the even ones, the second like the odd ones."""


def two_tastes() -> Dataset:
    """Each user buys all six items of his taste, in an order of his own."""
    titles = {f"i{row:02d}": {"title": f"{'flower vase' if row % 2 == 0 else 'steel hammer'} {row}"} for row in range(ITEMS)}
    titles |= {"i12": {"title": "flower vase new"}, "i13": {"title": "steel hammer new"}}
    dice = np.random.default_rng(5)
    rows = [
        (f"u{user}", f"i{2 * item + user % 2:02d}", float(step), "purchase")
        for user in range(USERS)
        for step, item in enumerate(dice.permutation(STEPS).tolist())
    ]
    return toys.shop(toys.catalogue(titles), rows)


def scores(source: Source, past: Sequence[int]) -> NDArray[np.float32]:
    """``(items,) float32``: what one who bought ``past`` is told of each item."""
    every = np.arange(ITEMS + 2, dtype=np.int32)
    return source.score(block([past]), Candidates(np.array([0, len(every)]), every, {}))
