"""Which item of a request's history matters most for each shown item: by leaving every one out of the sources that read the history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.core.candidates import Candidates
from aisle.core.stage import Block
from aisle.retrieval.base import history
from aisle.retrieval.left_out import LeavesOut

HEAD = 8
"""Best items of a source among which its best score without an item is looked for."""
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
    shown items and the source's first ones.
    """
    asked = {name: source for name, source in sources.items() if weights.get(name, 0) >= LEAST and name in candidates.columns}
    items, drop = np.zeros(0, np.int32), np.zeros((0, len(rows)), np.float32)
    for name, source in asked.items():
        past = history(block, source.decay)
        if not len(items):
            items = past.item[past.of(number)]
            drop = np.zeros((len(items), len(rows)), np.float32)
        if len(items):
            drop += np.float32(weights[name]) * _lost(source, block, number, rows, candidates)
    return Causes(items, drop)


def _lost(source: LeavesOut, block: Block, number: int, rows: NDArray[np.int64], candidates: Candidates) -> NDArray[np.float32]:
    """``(h, n) float32``: the share of the source's best score that each shown item has more with each item than without it."""
    part, shown = candidates.of_request(number), candidates.item[rows]
    head = candidates.item[part][candidates[f"{source.name}_rank"][part] < HEAD]
    seen = set(shown.tolist())
    further = [item for item in head.tolist() if item not in seen]
    left = source.without(block, number, np.concatenate([shown, np.array(further, np.int32)]))
    best = np.maximum(left.max(axis=1, keepdims=True, initial=0), 1e-9)
    had, most = candidates[source.name][rows], float(candidates[f"{source.name}_best"][part.start])
    share = np.where(had == had, had, 0) / most if most > 0 else np.zeros(len(rows), np.float32)  # noqa: PLR0124 (NaN is not itself)
    return np.asarray(np.clip(share, -1, 1) - np.clip(left[:, : len(rows)] / best, -1, 1), np.float32)
