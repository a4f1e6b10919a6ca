"""Reciprocal rank fusion of sources (Cormack, Clarke, Büttcher 2009): for retrieval only, never for `rank`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray


def reciprocal_rank(columns: Mapping[str, NDArray[np.float32]], sources: Sequence[str], k: float = 60.0) -> NDArray[np.float32]:
    """``Σ 1 / (k + rank)``, ranks from 1; ``columns`` holds ``<source>_rank`` as log(1 + rank from 0), NaN where not proposed."""
    terms = [np.nan_to_num(1 / (k + 1 + np.expm1(columns[f"{name}_rank"]))) for name in sources if f"{name}_rank" in columns]
    length = len(next(iter(columns.values()))) if columns else 0
    return np.sum(terms, axis=0, dtype=np.float32) if terms else np.zeros(length, np.float32)
