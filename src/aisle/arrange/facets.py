"""How many of the matches carry each value of an attribute."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aisle.core.catalogue import Catalogue

MOST = 50


def facet(catalogue: Catalogue, attribute: str, rows: NDArray[np.integer], product: NDArray[np.int64] | None = None) -> dict[str, int]:
    """Value to number of items among ``rows``, largest first, at most 50; an attribute that no item has gives none.

    Number attributes are counted value by value. ``product`` ``(items,) int64`` says which items are variants of one thing: it counts
    once for each value that one of them has.
    """
    names: Sequence[str]
    codes: NDArray[np.integer]
    if attribute in catalogue.numbers:
        values, owner = catalogue.number(attribute)[rows], np.asarray(rows)
        finite = np.isfinite(values)
        known, codes = np.unique(values[finite], return_inverse=True)
        names, owner = [f"{value:g}" for value in known], owner[finite]
    elif attribute in catalogue.texts:
        labels = catalogue.labels(attribute)
        inside = np.zeros(len(catalogue), bool)
        inside[rows] = True
        every = np.repeat(np.arange(len(catalogue)), np.diff(labels.offsets))
        names, codes, owner = labels.names, labels.codes[inside[every]], every[inside[every]]
    else:
        return {}
    if product is not None:
        _, first = np.unique(codes.astype(np.int64) * (int(product.max(initial=0)) + 1) + product[owner], return_index=True)
        codes = codes[first]
    total = np.bincount(codes, minlength=len(names))
    named = [(names[code], int(total[code])) for code in np.flatnonzero(total)]
    return dict(sorted(named, key=lambda pair: (-pair[1], pair[0]))[:MOST])
