"""Replayed requests with their candidates, features and what was wanted: what rankers and fusion learn from and are measured on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from aisle.core.candidates import Candidates
from aisle.core.runner import Runner
from aisle.evaluation.lists import Ranked, Truth
from aisle.evaluation.replay import Replay
from aisle.fusion.recall import Recall
from aisle.fusion.stack import Stack
from aisle.pipeline import Pipeline

Column = NDArray[np.float32]
BLOCK = 256


@dataclass(frozen=True)
class Frame:
    """``n`` candidates of a replay: ``offsets`` per request, ``item`` ``(n,) int32``, feature columns ``(n,)``, ``grade`` ``(n,) float64``
    (0 for what nobody judged) and ``relevant`` ``(n,) bool``."""

    replay: Replay
    offsets: NDArray[np.int64]
    item: NDArray[np.int32]
    features: Mapping[str, Column]
    grade: NDArray[np.float64]
    relevant: NDArray[np.bool_]

    @property
    def groups(self) -> NDArray[np.int64]:
        """Candidates per request."""
        return np.diff(self.offsets)

    @property
    def request(self) -> NDArray[np.int64]:
        """``(n,) int64``: the request of each row."""
        return np.repeat(np.arange(len(self.offsets) - 1), self.groups)

    def keep(self, mask: NDArray[np.bool_], features: Mapping[str, Column]) -> Frame:
        """The rows that ``mask`` keeps, with only the columns ``features`` (given over all rows)."""
        counts = np.bincount(self.request[mask], minlength=len(self.groups))
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        columns = {name: values[mask] for name, values in features.items()}
        return Frame(self.replay, offsets, self.item[mask], columns, self.grade[mask], self.relevant[mask])

    def head(self, most: int) -> Frame:
        """The first ``most`` requests."""
        if len(self.groups) <= most:
            return self
        end = int(self.offsets[most])
        features = {name: values[:end] for name, values in self.features.items()}
        replay = self.replay.pick(np.arange(most))
        return Frame(replay, self.offsets[: most + 1], self.item[:end], features, self.grade[:end], self.relevant[:end])

    def only(self, sources: Sequence[str]) -> Frame:
        """The frame as it were with these sources alone: their columns, and what one of them proposed."""
        every = [name.removesuffix("_rank") for name in self.features if name.endswith("_rank") and name != "best_rank"]
        gone = {f"{name}{tail}" for name in every if name not in sources for tail in ("", "_rank", "_share")}
        kept = {name: values for name, values in self.features.items() if name not in gone}
        proposed = [np.isfinite(kept[f"{name}_rank"]) for name in sources if f"{name}_rank" in kept]
        mask = np.any(proposed, axis=0) if proposed else np.zeros(len(self.item), bool)
        return self.keep(mask, kept)

    def ranked(self, score: NDArray[np.floating], most: int = 200) -> Ranked:
        """Each request's items by ``score``, best first; rows without a finite score are left out."""
        rows = np.flatnonzero(np.isfinite(score))
        order = rows[np.lexsort((self.item[rows], -score[rows], self.request[rows]))]
        counts = np.bincount(self.request[order], minlength=len(self.offsets) - 1)
        start = np.cumsum(counts) - counts
        kept = np.arange(len(order)) - np.repeat(start, counts) < most
        offsets = np.concatenate([[0], np.cumsum(np.minimum(counts, most))]).astype(np.int64)
        return Ranked(offsets, self.item[order[kept]])

    def by_source(self, name: str) -> Ranked:
        """The list of one source alone."""
        column = self.features.get(f"{name}_rank")
        return self.ranked(np.full(len(self.item), np.nan) if column is None else -column.astype(float))


def frame(
    pipeline: Pipeline, stack: Stack, replay: Replay, pool: int | None, advance: Callable[[int], None] = lambda _: None, until: float = inf
) -> Frame:
    """Run the pipeline up to the features. ``pool``: keep only so many of the best candidates of each request, None keeps all.

    ``until`` (`perf_counter` seconds): requests not begun by then are left out, but for the first block.

    What a source did not propose but the user wanted is no row: the ranker cannot learn to find it and the lists miss it.
    """
    parts: list[tuple[Candidates, dict[str, Column]]] = []
    for start in range(0, len(replay), BLOCK):
        if start and perf_counter() > until:
            replay = replay.pick(np.arange(start))
            break
        block = pipeline.block(replay.requests[start : start + BLOCK])
        candidates = pipeline.propose(stack, block, pipeline.allowed(block), Runner())
        features = pipeline.features(block, candidates)
        if pool is not None:
            mask = _pool(candidates, Recall(stack.sources).score(features), pool)
            candidates, features = candidates.keep(mask), {name: values[mask] for name, values in features.items()}
        parts.append((Candidates(candidates.offsets, candidates.item), features))
        advance(len(block))
    return _joined(replay, parts)


def grades(truth: Truth, candidates: Candidates, first: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Grade and relevance ``(n,)`` of each candidate, where the block starts at request ``first`` of the truth."""
    span = int(max(truth.item.max(initial=0), candidates.item.max(initial=0))) + 2
    keys = truth.request * span + truth.item + 1
    order = np.argsort(keys, kind="stable")
    wanted = (candidates.request + first) * span + candidates.item + 1
    place = np.minimum(np.searchsorted(keys[order], wanted), max(0, len(keys) - 1))
    if not len(keys):
        return np.zeros(len(candidates)), np.zeros(len(candidates), bool)
    found, hit = order[place], keys[order[place]] == wanted
    return np.where(hit, truth.grade[found], 0.0), hit & truth.relevant[found]


def _pool(candidates: Candidates, score: Column, most: int) -> NDArray[np.bool_]:
    """The ``most`` best candidates of each request by the recall side's plain sum. What was wanted but stands below is left out: a ranker
    that is shown such rows learns to lift what looks like nothing."""
    order = np.lexsort((candidates.item, -score, candidates.request))
    place = np.arange(len(order)) - np.repeat(candidates.offsets[:-1], candidates.counts)
    keep = np.zeros(len(order), bool)
    keep[order[place < most]] = True
    return keep


def _joined(replay: Replay, parts: list[tuple[Candidates, dict[str, Column]]]) -> Frame:
    counts = np.concatenate([np.zeros(0, np.int64), *(part.counts for part, _ in parts)])
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    item = np.concatenate([np.zeros(0, np.int32), *(part.item for part, _ in parts)]).astype(np.int32)
    names = dict.fromkeys(name for _, features in parts for name in features)
    columns = {
        name: np.concatenate([features.get(name, np.full(len(part), np.nan, np.float32)) for part, features in parts]) for name in names
    }
    grade, relevant = grades(replay.truth, Candidates(offsets, item), 0)
    return Frame(replay, offsets, item, columns, grade, relevant)
