"""Down-sampling of cases without the outcome, and the probability brought back to what holds for all cases (He et al. 2014)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def sampled(label: Floats, kept: float, dice: np.random.Generator) -> NDArray[np.int64]:
    """The places ``(k,) int64``, ascending, of all cases with the outcome and of a share ``kept`` of the others, drawn independently."""
    return np.flatnonzero((label > 0.5) | (dice.random(len(label)) < kept))


def corrected(probability: Floats, kept: float) -> Floats:
    """q = p / (p + (1 - p) / w) with w = ``kept``: what a model fitted on the sample says, brought back to all cases (He et al., "Practical
    Lessons from Predicting Clicks on Ads at Facebook", ADKDD 2014, section 6.3).

    >>> float(corrected(np.array([0.5]), 0.01)[0].round(4))
    0.0099
    """
    return np.asarray(probability / (probability + (1 - probability) / kept))
