"""Runs the pipeline over replayed requests, up to the features: the same code that answers online, a block at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

import numpy as np
from numpy.typing import NDArray

from aisle.core.candidates import Candidates
from aisle.core.runner import Runner
from aisle.core.stage import Block
from aisle.evaluation.lists import Ranked
from aisle.evaluation.replay import Replay
from aisle.fusion.pool import places, pool
from aisle.fusion.stack import Stack
from aisle.pipeline import Pipeline
from aisle.ranking.features import SourceScores
from aisle.training.budget import Left
from aisle.training.frames import Column, Frame

SMALLEST, BLOCK = 32, 256
"""Requests answered together: few at first, so that little time is enough to begin."""
Advance = Callable[[int], None]


def proposed(pipeline: Pipeline, stack: Stack, replay: Replay, left: Left = lambda: inf) -> Frame:
    """All that the sources propose and what each says of it, without further features: what the choice of sources reads."""
    made = _Blocks()
    says = SourceScores(stack.sources)
    for block, found in _blocks(pipeline, stack, replay, left):
        made.add(found, {name: np.asarray(values, np.float32) for name, values in says(block, found).items()})
    return made.frame(replay, None, {})


def frame(
    pipeline: Pipeline,
    stack: Stack,
    replay: Replay,
    kept: Sequence[str],
    most: int | None = None,
    names: Sequence[str] | None = None,
    advance: Advance = lambda _: None,
    left: Left = lambda: inf,
) -> Frame:
    """The candidates that ``kept`` sources of the stack propose, as many as are ranked online, with the features they have there, and
    beside them the list of every source of the stack.

    ``most``: fewer of each request. ``names``: the features to hold; None: those that vary. ``left``: seconds left; requests not begun
    when none are left are left out, but for the first block. What a source did not propose but the user wanted is no row: the ranker
    cannot learn to find it and the lists miss it.
    """
    made, alone = _Blocks(), _Lists(stack.sources)
    for block, found in _blocks(pipeline, stack, replay, left):
        alone.add(found)
        best = _of(found, kept)
        best = pool(best, kept, block.requests, [name for name in ("given", "pinned") if f"{name}_rank" in best.columns])
        if most is not None:
            best = best.keep(places(best, kept) < most)
        made.add(best, pipeline.features(block, best))
        advance(len(block))
    return made.frame(replay, names, alone.lists())


def _blocks(pipeline: Pipeline, stack: Stack, replay: Replay, left: Left) -> Iterator[tuple[Block, Candidates]]:
    """Blocks of rising size, as many as there is time for; the last is as large as the time that is left."""
    start, size, rest = 0, SMALLEST, inf
    while start < len(replay) and not (start and rest <= 0):
        block = pipeline.block(replay.requests[start : start + size])
        yield block, pipeline.propose(stack, block, pipeline.allowed(block), Runner())
        start, begun, rest = start + size, rest, left()
        fits = rest * size / (begun - rest) if rest < begun < inf else BLOCK
        size = int(np.clip(fits, 1, min(BLOCK, 2 * size)))


def _of(found: Candidates, kept: Sequence[str]) -> Candidates:
    """What these sources proposed, or a request or a rule handed in, with only their columns."""
    names = [name for name in (*kept, "given", "pinned") if f"{name}_rank" in found.columns]
    columns = {name: found[name] for one in names for name in (one, f"{one}_rank", f"{one}_best") if name in found.columns}
    ranks = [np.isfinite(found[f"{name}_rank"]) for name in names]
    return Candidates(found.offsets, found.item, columns).keep(np.any(ranks, axis=0) if ranks else np.zeros(len(found), bool))


@dataclass
class _Blocks:
    """What was made so far, a part a block."""

    counts: list[NDArray[np.int64]] = field(default_factory=list)
    item: list[NDArray[np.int32]] = field(default_factory=list)
    columns: dict[str, list[Column]] = field(default_factory=dict)

    def add(self, found: Candidates, features: Mapping[str, Column]) -> None:
        """Another block; a column that earlier ones did not have is missing there, and the other way round."""
        before = sum(map(len, self.item))
        for name in dict.fromkeys([*self.columns, *features]):
            held = self.columns.setdefault(name, [np.full(before, np.nan, np.float32)])
            held.append(features.get(name, np.full(len(found), np.nan, np.float32)))
        self.counts.append(found.counts)
        self.item.append(found.item)

    def frame(self, replay: Replay, names: Sequence[str] | None, alone: Mapping[str, Ranked]) -> Frame:
        """One block of it all; each column's parts are let go as soon as they stand in it."""
        offsets = np.concatenate([np.zeros(1, np.int64), *self.counts]).cumsum()
        item = np.concatenate([np.zeros(0, np.int32), *self.item])
        kept = [name for name, parts in self.columns.items() if _varies(name, parts)] if names is None else list(names)
        x = np.empty((len(kept), len(item)), np.float32)
        for place, name in enumerate(kept):
            held = self.columns.pop(name, None)
            x[place] = np.nan if held is None else np.concatenate(held)
        return Frame.of(replay.first(len(offsets) - 1), offsets, item, kept, x, alone)


def _varies(name: str, parts: Sequence[Column]) -> bool:
    """Whether a feature tells any rows apart; those of the sources stay whatever they hold."""
    if name.endswith(("_rank", "_share")):
        return True
    first = next((part[0] for part in parts if len(part)), np.float32(np.nan))
    return not all(bool((np.isnan(part) if np.isnan(first) else part == first).all()) for part in parts)


@dataclass
class _Lists:
    """Each source's own list of every request."""

    sources: Sequence[str]
    counts: dict[str, list[NDArray[np.int64]]] = field(default_factory=dict)
    item: dict[str, list[NDArray[np.int32]]] = field(default_factory=dict)

    def add(self, found: Candidates) -> None:
        """Another block."""
        for name in self.sources:
            rank = found.columns.get(f"{name}_rank")
            rows = np.flatnonzero(np.isfinite(rank)) if rank is not None else np.zeros(0, np.int64)
            request = found.request[rows]
            order = rows[np.lexsort((rank[rows], request))] if rank is not None else rows
            self.counts.setdefault(name, []).append(np.bincount(request, minlength=found.requests))
            self.item.setdefault(name, []).append(found.item[order])

    def lists(self) -> dict[str, Ranked]:
        """Source to its lists."""
        ends = {name: np.concatenate([np.zeros(1, np.int64), *parts]).cumsum() for name, parts in self.counts.items()}
        return {name: Ranked(end, np.concatenate(self.item[name]).astype(np.int32)) for name, end in ends.items()}
