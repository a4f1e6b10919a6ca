"""How many of the matches carry each value of an attribute."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aisle.core.catalogue import Catalogue

MOST = 50


def facet(catalogue: Catalogue, attribute: str, rows: NDArray[np.integer]) -> dict[str, int]:
    """Value to number of items among ``rows``, largest first, at most 50; an attribute that no item has gives none.

    Number attributes are counted value by value.
    """
    if attribute in catalogue.numbers:
        values, counts = np.unique(catalogue.number(attribute)[rows], return_counts=True)
        named = [(f"{value:g}", int(count)) for value, count in zip(values, counts, strict=True) if np.isfinite(value)]
    elif attribute in catalogue.texts:
        labels = catalogue.labels(attribute)
        inside = np.zeros(len(catalogue), bool)
        inside[rows] = True
        owner = np.repeat(np.arange(len(catalogue)), np.diff(labels.offsets))
        total = np.bincount(labels.codes[inside[owner]], minlength=len(labels.names))
        named = [(labels.names[code], int(total[code])) for code in np.flatnonzero(total)]
    else:
        return {}
    return dict(sorted(named, key=lambda pair: (-pair[1], pair[0]))[:MOST])
