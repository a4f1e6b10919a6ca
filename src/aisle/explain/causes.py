"""Which item of a request's history matters most for each shown item: by leaving every one out of the sources that read the history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from aisle.core.candidates import Candidates
from aisle.core.stage import Block
from aisle.retrieval.base import MOST, history, leave_out
from aisle.retrieval.left_out import LeavesOut

HEAD = 8
"""Best items of each source among which the best score without an item is looked for."""
LEAST = 0.05
"""Share of the recall side below which a source is not asked."""


@dataclass(frozen=True)
class Causes:
    """``items`` ``(h,) int32``: the history's items (or the page's seeds), ascending; ``drop`` ``(h, n) float32``: what of its score on the
    recall side, in shares of each source's best, each of the ``n`` shown items would lose without each of them."""

    items: NDArray[np.int32]
    drop: NDArray[np.float32]

    @property
    def best(self) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """``(n,)`` and ``(n,)``: the item that matters most for each shown one, and how much; -1 where the history holds nothing."""
        shown = self.drop.shape[1]
        if not len(self.items):
            return np.full(shown, -1, np.int32), np.zeros(shown, np.float32)
        most = np.argmax(self.drop, axis=0)
        return self.items[most], self.drop[most, np.arange(shown)]


def causes(
    block: Block,
    number: int,
    rows: NDArray[np.int64],
    candidates: Candidates,
    sources: Mapping[str, LeavesOut],
    weights: Mapping[str, float],
) -> Causes:
    """The causes of the shown ``rows`` ``(n,)`` of the candidates of request ``number``; ``weights`` are the sources' shares of the recall
    side.

    The scores without an item are the sources' own (`LeavesOut`); only the best score that they are a share of is looked for among the
    shown items and the sources' first ones.
    """
    asked = {name: source for name, source in sources.items() if weights.get(name, 0) >= LEAST and name in candidates.columns}
    if not asked:
        return Causes(np.zeros(0, np.int32), np.zeros((0, len(rows)), np.float32))
    names = list(asked)
    past = history(block, asked[names[0]].decay)
    items = past.item[past.of(number)]
    had = _had(candidates, number, rows, names, weights)
    if len(items) == 1 and _whole(block, number):
        return Causes(items, had.sum(axis=0, keepdims=True))  # without its only item every source is silent
    drop = np.zeros((len(items), len(rows)), np.float32)
    if not len(items):
        return Causes(items, drop)
    leave_out(block, number, [source.decay for source in asked.values()])
    shown = candidates.item[rows]
    for name, said, head in zip(names, had, _heads(candidates, number, rows, names), strict=True):
        if said.any():  # who is silent on the page has nothing to lose
            left = asked[name].without(block, number, np.concatenate([shown, head]))
            best = np.maximum(left.max(axis=1, keepdims=True), np.float32(1e-9))
            drop += said - np.maximum(left[:, : len(rows)] / best, -1) * np.float32(weights[name])
    return Causes(items, drop)


def _whole(block: Block, number: int) -> bool:
    """Whether the history holds all that there is: seeds, or a user with fewer events than are read."""
    seeds, recent = block.seeds.of(number), block.profiles.recent.of(number)
    return seeds.start < seeds.stop or recent.stop - recent.start < MOST


def _had(
    candidates: Candidates, number: int, rows: NDArray[np.int64], names: Sequence[str], weights: Mapping[str, float]
) -> NDArray[np.float32]:
    """``(sources, n) float32``: what each source says of each shown item, as a share of its best score times its weight."""
    columns = candidates.columns
    share, most = (np.array([columns[f"{name}{tail}"][rows] for name in names]) for tail in ("", "_best"))
    share /= np.where(most > 0, most, np.inf)
    share[np.isnan(share)] = 0
    return np.minimum(np.maximum(share, -1), 1) * np.array([[weights[name]] for name in names], np.float32)


def _heads(candidates: Candidates, number: int, rows: NDArray[np.int64], names: Sequence[str]) -> list[NDArray[np.int32]]:
    """Each source's first items, without the shown ``rows``."""
    part = candidates.of_request(number)
    first = np.array([candidates.columns[f"{name}_rank"][part] for name in names]) < HEAD
    first[:, rows - part.start] = False
    place = first.nonzero()[1]
    found, ends = candidates.item[part][place], first.sum(axis=1).cumsum().tolist()
    return [found[start:end] for start, end in pairwise([0, *ends])]
