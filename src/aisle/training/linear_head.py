"""σ⟨θ, x⟩ or softmax over frozen vectors, its penalty chosen on window 3."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
PENALTIES = (0.001, 0.01, 0.1, 1.0)
"""scikit-learn's C over standardised columns, from the strictest on."""
DOUBT = 1e-3
"""Share of every answer that goes to all classes alike: a class that was never taught is not impossible."""


def chances(x: Mapping[int, NDArray[np.float32]], y: Mapping[int, NDArray[np.int64]], size: int) -> tuple[Floats, Floats]:
    """``(n, size)`` probabilities on windows 3 and 4 of the head that has the least log loss on 3; 2 holds what teaches, windows 1 and 2.

    NaN in ``x`` is missing.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if len(np.unique(y[2])) < 2:
        rate = constant(y[2], size)
        return rate.repeat(len(y[3]), axis=0), rate.repeat(len(y[4]), axis=0)
    prepare = make_pipeline(SimpleImputer(add_indicator=True, keep_empty_features=True), StandardScaler()).fit(x[2])
    known, asked, last = (prepare.transform(x[window]).astype(np.float32) for window in (2, 3, 4))
    model = LogisticRegression(max_iter=100, tol=1e-3, warm_start=True)
    best, found = np.inf, (np.zeros((0, size)), np.zeros((0, size)))
    for penalty in PENALTIES:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.set_params(C=penalty).fit(known, y[2])
        said = [_spread(model.predict_proba(part), model.classes_, size) for part in (asked, last)]
        loss = float(-np.log(said[0][np.arange(len(asked)), y[3]]).mean())
        if loss < best:
            best, found = loss, (said[0], said[1])
    return found


def constant(y: NDArray[np.int64], size: int) -> Floats:
    """``(1, size)``: the share of each class."""
    times = np.bincount(y, minlength=size)
    return _spread((times / times.sum())[None], np.arange(size), size)


def _spread(chance: NDArray[np.floating], classes: NDArray[np.integer], size: int) -> Floats:
    """Over all classes, with some doubt."""
    found = np.full((len(chance), size), DOUBT / size)
    found[:, classes] += (1 - DOUBT) * chance / chance.sum(axis=1, keepdims=True)
    return found
