"""Chinese reviews with their categories and sentiment (online_shopping_10_cats): which may teach and which test."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from aisle.data.windows import cut_texts
from aisle.text.normalise import normalise
from benchmarks.folders import raw_data, read

SIZES = (100, 1_000)
"""Few labels; all of them come last."""
ASKED = 2_000
"""Texts that test."""
Labels = dict[str, NDArray[np.int64]]


def asked(known: tuple[NDArray[np.int64], NDArray[np.int64]]) -> NDArray[np.int64]:
    """The rows of the reviews that test."""
    return np.sort(np.random.default_rng(7).permutation(known[1])[:ASKED])


@cache
def reviews() -> tuple[list[str], Labels, tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Texts in matching form, each once; their labels; the rows that may teach and those that test."""
    rows = read(raw_data() / "online_shopping_10_cats" / "online_shopping_10_cats.csv.gz")
    held = {text: row for row in rows if (text := normalise(row["review"]))}
    window = cut_texts(held, np.full(len(held), -1, np.int8))
    names = sorted({row["cat"] for row in held.values()})
    labels = {
        "category": np.array([names.index(row["cat"]) for row in held.values()]),
        "sentiment": np.array([int(row["label"]) for row in held.values()]),
    }
    return list(held), labels, (np.flatnonzero(window < 4), np.flatnonzero(window == 4))
