"""What the whole loses without each part: everything is fitted again without it, on the same windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf

import numpy as np
from numpy.typing import NDArray

from aisle.evaluation.lists import Floats
from aisle.evaluation.results import Ablation
from aisle.evaluation.significance import paired
from aisle.fusion.stack import Stack
from aisle.ranking.ctr.settings import BERT_CTR
from aisle.training.budget import Left
from aisle.training.choose import quality
from aisle.training.frames import Frame
from aisle.training.judge import fused
from aisle.training.learn import Learned, Recipe, learn

GROUPS: Mapping[str, tuple[str, ...]] = {
    "user_and_item": ("owned_", "recent_", "user_", "price_gap", "category_taste", "brand_taste", "alike_"),
    "item_facts": ("popularity_ever", "popularity_month", "popularity_week", "trend", "days_"),
    BERT_CTR: (BERT_CTR,),
    "picture_match": ("picture_",),
    "text_match": ("title_", "query_", "brand_bm25", "brand_covered", "category_bm25", "category_covered", "description_", "other_"),
}
"""Groups of features, by how their names begin."""
PROFILE, LOOK = "user_and_item", "picture_match"
FEW = 0.1
"""Share of the requests from which an ablation is still worth fitting."""


@dataclass(frozen=True)
class Windows:
    """One task's frames: window 2 (sampled), 3 and 4, with the candidates of the sources that it kept."""

    fit: Frame
    dev: Frame
    test: Frame

    @property
    def sizes(self) -> dict[int, int]:
        """Window to its number of requests."""
        return {2: len(self.fit.replay), 3: len(self.dev.replay), 4: len(self.test.replay)}

    def without(self, stack: Stack, part: str) -> tuple[Windows, Stack]:
        """The frames as they were without a source or a group of features, and the stack that is to be fitted on them."""
        sources = [name for name in stack.sources if name != part]
        starts = GROUPS.get(part, ()) if part not in stack.sources else ()
        less = (frame.only(sources) if part in stack.sources else frame.without(starts) for frame in (self.fit, self.dev, self.test))
        return Windows(*less), replace(stack, sources=tuple(sources), recall=type(stack.recall)(sources))

    def parts(self, stack: Stack) -> list[str]:
        """What can be left out: each source of several, each group of which any feature is there."""
        groups = [name for name, starts in GROUPS.items() if any(feature.startswith(starts) for feature in self.fit.names)]
        return [*(stack.sources if len(stack.sources) > 1 else ()), *groups]

    def share(self, share: float) -> Windows:
        """Only the first requests of the windows that are learned from."""
        fit, dev = (frame.head(max(1, int(share * len(frame.groups)))) for frame in (self.fit, self.dev))
        return Windows(fit, dev, self.test)


def again(learned: Learned, windows: Windows, part: str, recipe: Recipe) -> tuple[Learned, Windows]:
    """The stack learned anew without ``part`` ("" for nothing), by the same kind of ranker, the same α and the same way to fuse."""
    less, stack = windows.without(learned.stack, part)
    only = (learned.stack.ranker.name,) if learned.stack.ranker else ()
    fixed = replace(recipe, only=only, alpha=learned.stack.alpha, fusion=learned.contest.name, compete=False)
    return learn(stack, less.fit, less.dev, fixed), less


def ablation(learned: Learned, windows: Windows, recipe: Recipe, seconds: float, left: Left) -> list[Ablation]:
    """A row a part; ``seconds`` is what fitting and scoring once takes, 0 where nobody knows.

    Where the time ``left`` is short, both the whole and what it is compared with are fitted on fewer requests; parts that not even
    then have their turn are left out.
    """
    parts = windows.parts(learned.stack)
    share = min(1.0, 0.8 * left() / max(seconds * (len(parts) + 1), 1e-9))
    if not learned.rankers or share < FEW:
        return []
    if share < 1:
        windows = windows.share(share)
        learned, _ = again(learned, windows, "", recipe)
    whole = quality(windows.test, fused(learned, windows.test))
    rows: list[Ablation] = []
    longest = share * seconds
    while len(rows) < len(parts) and left() >= 1.2 * longest:
        begun, part = left(), parts[len(rows)]
        found, less = again(learned, windows, part, recipe)
        rows.append(_row(part, whole, quality(less.test, fused(found, less.test)), windows.test.replay.users, recipe.seed))
        longest = max(longest, begun - left() if begun < inf else 0.0)
    return rows


def _row(part: str, whole: Floats, less: Floats, users: NDArray[np.int32], seed: int) -> Ablation:
    test = paired((whole - less)[:, None], users, seed=seed)
    known = less[np.isfinite(less)]
    value = float(known.mean()) if len(known) else float("nan")
    low, high = float(test.difference.low[0]), float(test.difference.high[0])
    return Ablation(part, "ndcg@10", value, float(test.difference.value[0]), low, high, float(test.p[0]))


def unmeasured(rows: Sequence[Ablation], parts: Sequence[str]) -> list[str]:
    """The parts for which the time did not last."""
    return [part for part in parts if part not in {row.part for row in rows}]
