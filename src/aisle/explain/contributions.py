"""What each feature and source adds to a score before it is calibrated: exact, and it adds up."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from aisle.core.answer import Json
from aisle.fusion.stack import Stack
from aisle.ranking.features import matrix

Floats = NDArray[np.floating]


def explanations(stack: Stack, features: Mapping[str, NDArray[np.float32]]) -> list[dict[str, Json]]:
    """One object a row of ``features`` (columns ``(n,)``): the recall side ``rer``, the ranker ``ctr`` where there is one, and ``alpha``.

    A side is ``{"score", "base", "contributions": {name: value}, "link"}``: ``base`` and the contributions sum to ``score``, the model's
    raw score; its calibrator reads that score (``identity``) or its sigmoid (``logistic``). Trees give SHAP values (Lundberg and Lee 2017,
    LightGBM's own), a linear model its coefficients times the standardised features. What adds nothing is left out. Where another way
    to fuse is served, ``alpha`` is None and ``fusion`` has its ``name`` and the ``contributions`` that sum to the fused score.
    """
    score = stack.recall.score(features)
    rer = _side(score, np.zeros(len(score)), stack.recall.contributions(features), "identity")
    if stack.ranker is None:
        return [{"alpha": 0.0, "rer": one} for one in rer]
    x = matrix(features, stack.names)
    each = stack.ranker.contributions(x)
    ctr = _side(stack.ranker.raw(x), each[:, -1], dict(zip(stack.names, each.T, strict=False)), stack.ranker.link)
    whole: list[dict[str, Json]] = [{"alpha": stack.alpha}] * len(score)
    if stack.fuser is not None:
        parts = stack.fuser.parts({**features, **stack.fuse(features)})
        whole = [{"alpha": None, "fusion": {"name": stack.fuser.name, "contributions": _row(parts, place)}} for place in range(len(score))]
    return [{**fused, "ctr": one, "rer": other} for fused, one, other in zip(whole, ctr, rer, strict=True)]


def _row(parts: Mapping[str, Floats], place: int) -> dict[str, Json]:
    return {name: float(column[place]) for name, column in parts.items() if column[place]}


def second_reading(told: list[dict[str, Json]], raw: NDArray[np.float32], weight: float) -> list[dict[str, Json]]:
    """``told`` with a side ``cross`` and its ``weight`` where an item was read again (``raw`` ``(n,)``, NaN where not): the score is then
    ``(1 - weight)·Z + weight·C``, C the calibrated side. A net that reads two texts together has one contribution, their match."""
    sides = _side(raw, np.zeros(len(raw)), {"query_and_text": raw}, "identity")
    again: list[dict[str, Json]] = [
        {"cross": side, "weight": weight} if np.isfinite(score) else {} for side, score in zip(sides, raw, strict=True)
    ]
    return [{**one, **more} for one, more in zip(told, again, strict=True)]


def _side(score: Floats, base: Floats, parts: Mapping[str, Floats], link: str) -> list[dict[str, Json]]:
    return [
        {
            "score": float(score[place]),
            "base": float(base[place]),
            "contributions": _row(parts, place),
            "link": link,
        }
        for place in range(len(score))
    ]
