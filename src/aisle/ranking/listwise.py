"""Cross-entropy of a softmax over each list, as an objective for LightGBM: ListNet's top-one loss on gains (Cao et al. 2007)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Objective = Callable[[Floats, object], tuple[Floats, Floats]]
"""From the raw scores ``(n,)`` and LightGBM's data set to the gradient and the diagonal of the Hessian ``(n,)`` each."""


def softmax(gain: Floats, groups: NDArray[np.int64]) -> Objective:
    """The objective of lists whose rows gain ``gain`` ``(n,)``; ``groups`` are the rows of each list, in order, none of them empty.

    ``L = -Σ_lists Σ_i t_i ln p_i`` with ``p = softmax(score)`` and ``t_i = gain_i / Σ gain``, both over the list; the gradient is
    ``p_i - t_i``, the diagonal of the Hessian ``p_i (1 - p_i)``. With the gain itself in place of a softmax of it, -L is a bound of mean
    NDCG (Bruch et al. 2019, An Analysis of the Softmax Cost Function for Learning to Rank). A list without gains teaches nothing.

    LightGBM's own ``rank_xendcg`` (Bruch 2021) gives each of the other rows a random part of ``t``, by .5 in the mean, so that among 200
    candidates one that is wanted has 1 part in 70; it is compared in ``benchmarks.learned_grades``.
    """
    starts = np.cumsum(groups) - groups
    of = np.repeat(np.arange(len(groups)), groups)
    total = np.add.reduceat(gain, starts) if len(groups) else np.zeros(0)
    target = gain / np.where(total > 0, total, 1.0)[of]
    teaches = (total > 0)[of].astype(np.float64)

    def gradient(score: Floats, _data: object) -> tuple[Floats, Floats]:
        shifted = np.exp(score - np.maximum.reduceat(score, starts)[of])
        chance = shifted / np.add.reduceat(shifted, starts)[of]
        return teaches * (chance - target), teaches * chance * (1 - chance)

    return gradient
