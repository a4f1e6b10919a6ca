"""From frames to the report's numbers: every source and model beside every other, on the same requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aisle.evaluation.lists import Floats, Lists
from aisle.evaluation.results import Ablation
from aisle.evaluation.significance import paired
from aisle.fusion.rank_fusion import reciprocal_rank
from aisle.fusion.stack import Stack
from aisle.ranking.features import matrix
from aisle.training.budget import Budget
from aisle.training.frames import Frame
from aisle.training.learn import Learned, learn, quality

RESERVE = 30.0
"""Seconds that are kept for the refit and the bundle."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    "user_and_item": ("owned_", "recent_", "user_", "price", "category_taste", "brand_taste"),
    "item_facts": ("popularity_ever", "popularity_month", "popularity_week", "trend", "days_"),
    "text_match": ("title_", "query_", "brand_bm25", "brand_covered", "category_bm25", "category_covered", "description_", "other_"),
}
"""Groups of features, by how their names begin, for the ablation."""


def lists(learned: Learned, frame: Frame, sources: Sequence[str]) -> dict[str, Lists]:
    """Model name to its ranked lists: each source alone, rank fusion, the recall side, each ranker, all fused."""
    stack = learned.stack
    runs: dict[str, Lists] = {name: frame.by_source(name) for name in sources if f"{name}_rank" in frame.features}
    runs["rank_fusion"] = frame.ranked(reciprocal_rank(frame.features, stack.sources))
    runs["recall_side"] = frame.ranked(stack.recall.score(frame.features))
    for name, model in learned.rankers.items():
        runs[name] = frame.ranked(model.score(matrix(frame.features, stack.names)))
    runs["fused"] = frame.ranked(stack.fuse(frame.features)["score"])
    return runs


@dataclass(frozen=True)
class Windows:
    """One task's frames: window 2 (sampled), 3 and 4."""

    fit: Frame
    dev: Frame
    test: Frame


def without(frame: Frame, stack: Stack, source: str | None, starts: tuple[str, ...]) -> Frame:
    """The frame as it were without one source, or without the features that begin so."""
    less = frame.only([name for name in stack.sources if name != source])
    if not starts:
        return less
    return replace(less, features={name: values for name, values in less.features.items() if not name.startswith(starts)})


def ablation(learned: Learned, windows: Windows, seed: int, budget: Budget) -> list[Ablation]:
    """What the fused list loses on window 4 without each part: everything is fitted again without it, on the same windows.

    Parts for which the time does not last are left out.
    """
    whole = quality(windows.test, learned.stack.fuse(windows.test.features)["score"])
    parts: list[tuple[str, str | None, tuple[str, ...]]] = [(name, name, ()) for name in learned.stack.sources]
    parts += [(name, None, starts) for name, starts in GROUPS.items() if any(n.startswith(starts) for n in windows.fit.features)]
    rows = []
    for name, source, starts in parts:
        if (source is not None and len(learned.stack.sources) < 2) or budget.left < RESERVE:
            continue
        less = Windows(*(without(frame, learned.stack, source, starts) for frame in (windows.fit, windows.dev, windows.test)))
        stack = _smaller(learned.stack, source)
        again = learn(
            stack, less.fit, less.dev, learned.stack.alpha, seed, only=(learned.stack.ranker.name if learned.stack.ranker else "",)
        )
        rows.append(_row(name, whole, quality(less.test, again.stack.fuse(less.test.features)["score"]), windows.test.replay.users, seed))
    return rows


def _smaller(stack: Stack, source: str | None) -> Stack:
    return replace(stack, sources=tuple(name for name in stack.sources if name != source))


def _row(name: str, whole: Floats, less: Floats, users: NDArray[np.int32], seed: int) -> Ablation:
    test = paired((whole - less)[:, None], users, seed=seed)
    known = less[np.isfinite(less)]
    value = float(known.mean()) if len(known) else float("nan")
    return Ablation(
        name,
        "ndcg@10",
        value,
        float(test.difference.value[0]),
        float(test.difference.low[0]),
        float(test.difference.high[0]),
        float(test.p[0]),
    )
