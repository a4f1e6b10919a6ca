"""Learning an order from clicks that lower places get less of: each click weighed by how seldom its place is looked at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Ints = NDArray[np.int64]
CLIP = 10.0
"""No click weighs more than so many at the first place: a place looked at less than once in ten times counts as one in ten. What is cut
off is bias towards the top, taken for less variance (Strehl et al. 2010)."""


def weights(looked_at: Floats, rank: Floats, clip: float = CLIP) -> NDArray[np.float64]:
    """``(m,) float64``: how often a click at each ``rank`` ``(m,)`` (0 first) counts: ``min(1 / looked_at[rank], clip)``.

    ``looked_at`` ``(ranks,)`` is how much each place is looked at beside the first, as `evaluation.propensity.examination` estimates it;
    deeper ones count as its last. A click whose rank is not known (NaN) counts once, since nothing says what it lacked.

    >>> weights(np.array([1.0, 0.5, 0.01]), np.array([0.0, 1.0, 7.0, np.nan])).tolist()
    [1.0, 2.0, 10.0, 1.0]
    """
    place = np.minimum(np.nan_to_num(rank, nan=0.0).astype(np.int64), len(looked_at) - 1)
    return np.where(np.isfinite(rank), np.minimum(1 / np.maximum(looked_at[place], 1e-12), clip), 1.0)


def one_list_a_click(label: NDArray[np.integer], groups: Ints, weight: Floats) -> tuple[Ints, NDArray[np.int32], Ints, NDArray[np.float64]]:
    """Each list once for each of its wanted rows, in which that row alone is wanted: the rows to take, their labels, the rows of each new
    list, and what each row weighs, the same throughout a list: ``(2^label - 1) * weight`` of its click, 1 on average.

    With these LambdaMART climbs ``Σ_clicks weight_c * gain_c / log2(2 + rank_c)``, which over clicks weighed by the inverse of their
    propensity is the DCG of what is relevant in expectation (Joachims, Swaminathan and Schnabel 2017; Agarwal et al. 2019, A General
    Framework for Counterfactual Learning-to-Rank). A sum over clicks needs lists of their own: LightGBM multiplies a row's gradient by the
    row's weight, so that in a common list the weight of a click would not reach the rows that it is compared with.
    """
    starts = np.cumsum(groups) - groups
    clicks = np.flatnonzero(label > 0)
    of = np.searchsorted(starts, clicks, side="right") - 1
    size = groups[of]
    begin = np.cumsum(size) - size
    rows = np.repeat(starts[of] - begin, size) + np.arange(size.sum())
    alone = np.zeros(len(rows), np.int32)
    alone[begin + clicks - starts[of]] = 1
    often = (np.exp2(label[clicks]) - 1) * weight[clicks]
    return rows, alone, size, np.repeat(often / max(float(often.mean()) if len(often) else 1.0, 1e-12), size)
