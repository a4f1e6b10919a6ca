"""What the sources share: a request's history as weighted items, and from one row of scores per request to its best allowed items."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from aisle.core.candidates import Candidates
from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset
from aisle.core.profiles import Slices
from aisle.core.stage import Allowed, Block, Mask, Scores
from aisle.retrieval import left_out
from aisle.retrieval.neighbours import Neighbours
from aisle.retrieval.sequences import TYPE_WEIGHT

Row = NDArray[np.float32]
KEPT = 30e6
"""Bytes of one block's rows of one source that are kept between its retrieval and its scoring."""
MOST = 50
"""Events of a history that are read: what stands further back has decayed to nothing."""

EVERY_SURFACE = frozenset({"home", "item", "basket", "similar", "rank", "search"})


class Scored:
    """A source that can write down a score for every item: subclasses give `rows`, this gives `retrieve` and `score`.

    A row is ``(items,) float32``; 0 is silence and only items above 0 are proposed.
    """

    name = ""
    surfaces: frozenset[str] = frozenset()

    def rows(self, block: Block) -> Iterator[Row]:
        """One row of scores per request of the block, in its order."""
        raise NotImplementedError

    def _kept(self, block: Block) -> Iterable[Row]:
        """The rows, kept from `retrieve` for `score` where they are few enough."""
        key = f"rows/{self.name}"
        if key in block.memo:
            kept: list[Row] = block.memo[key]
            return kept
        rows = self.rows(block)
        first = next(rows, None)
        if first is None:
            return ()
        if first.nbytes * len(block) > KEPT:
            return chain((first,), rows)
        block.memo[key] = [first, *rows]
        return self._kept(block)

    def retrieve(self, block: Block, allowed: Allowed, limit: int) -> Candidates:
        """The ``limit`` best allowed items of each request."""
        items: list[NDArray[np.int32]] = []
        scores: list[Scores] = []
        for request, row in enumerate(self._kept(block)):
            found = best(row, allowed.mask(request), limit)
            items.append(found)
            scores.append(row[found])
        return Candidates.of(items, score=scores)

    def score(self, block: Block, candidates: Candidates) -> Scores:
        """The same scores for candidates of any origin, NaN where the source is silent."""
        result = np.full(len(candidates), np.nan, np.float32)
        for request, row in enumerate(self._kept(block)):
            part = candidates.of_request(request)
            result[part] = row[candidates.item[part]]
        result[result == 0] = np.nan
        return result


class ItemToItem(Scored):
    """A source whose score is the history's weights times an item-to-item matrix: subclasses fit ``neighbours_``.

    ``decay`` is what an event keeps of its weight for each later step of its user; the newest `MOST` events are read.
    """

    surfaces = EVERY_SURFACE

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self.neighbours_ = Neighbours.none(0)

    def fit(self, data: Dataset) -> Self:
        """Learn ``neighbours_``."""
        raise NotImplementedError

    def rows(self, block: Block) -> Iterator[Row]:
        """History times neighbours; a request without history is silent everywhere."""
        past = history(block, self.decay)
        for request in range(len(block)):
            part = past.of(request)
            yield self.neighbours_.spread(past.item[part], past.values["weight"][part])

    def without(self, block: Block, request: int, items: NDArray[np.int32]) -> Row:
        """``(h, n) float32``: scores of ``items`` with each item of the history left out (`left_out.LeavesOut`)."""
        past = history(block, self.decay).of(request)
        between = self.neighbours_.between(history(block, self.decay).item[past], items)
        return (without(block, request, self.decay) @ between).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write the settings and the matrix."""
        save_settings(folder, self.settings())
        self.neighbours_.save(folder)

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"decay": self.decay}

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> Self:
        """Open what `save` wrote."""
        source = cls(**load_settings(folder))
        source.neighbours_ = Neighbours.load(folder)
        return source


def best(row: Row, mask: Mask, limit: int) -> NDArray[np.int32]:
    """The ``limit`` items with the largest score above 0 among those that ``mask`` allows, best first; ties go to the lower item row."""
    found = np.flatnonzero((row > 0) & mask)
    score = row[found]
    if len(found) > limit:
        edge = np.partition(score, len(score) - limit)[len(score) - limit]
        above = np.flatnonzero(score > edge)
        level = np.flatnonzero(score == edge)[: limit - len(above)]
        chosen = np.concatenate([above, level])
        found, score = found[chosen], score[chosen]
    return found[np.lexsort((found, -score))].astype(np.int32)


def history(block: Block, decay: float) -> Slices:
    """What each request starts from: the seeds where it has any, else the user's newest `MOST` events of interest.

    The value ``weight`` is the interest of the event's type times ``decay`` to the power of the number of later steps (events of the same
    time are one step), made to sum to 1 in each request, so that scores of short and long histories compare. An item stands once, with
    its largest weight. Shared by all sources of a block through its memo.
    """
    key = f"history/{decay}"
    if key not in block.memo:
        block.memo[key] = _history(block, decay)
    found: Slices = block.memo[key]
    return found


def without(block: Block, request: int, decay: float) -> NDArray[np.float64]:
    """``(h, h) float64``: the weights of one request's `history` with each of its items left out in turn."""
    past = history(block, decay)
    items = past.item[past.of(request)]
    if block.seeds.offsets[request] < block.seeds.offsets[request + 1] or not len(items):
        return left_out.seeded(len(items))
    key = f"without/{request}"
    if key not in block.memo:
        block.memo[key] = left_out.Steps.of(items, _liked(block), request)
    steps: left_out.Steps = block.memo[key]
    return steps.weights(decay)


def _liked(block: Block) -> Slices:
    if "liked" not in block.memo:
        block.memo["liked"] = block.profiles.liked(MOST)
    found: Slices = block.memo["liked"]
    return found


def _history(block: Block, decay: float) -> Slices:
    liked = _liked(block)
    seeded = np.diff(block.seeds.offsets) > 0
    liked = liked.where(~seeded[liked.request]) if seeded.any() else liked
    weight = TYPE_WEIGHT[liked.values["type"].astype(np.int64)] * decay ** steps_behind(liked)
    request = np.concatenate([liked.request, block.seeds.request])
    item = np.concatenate([liked.item, block.seeds.item])
    return _merge(request, item, np.concatenate([weight, np.ones(len(block.seeds.item))]), len(block))


def steps_behind(liked: Slices) -> NDArray[np.int64]:
    """``(m,) int64``: how many later steps the request has; events of one age are one step."""
    if not len(liked.item):
        return np.zeros(0, np.int64)
    age, request = liked.values["age"], liked.request
    later = np.r_[(age[:-1] != age[1:]) & (request[:-1] == request[1:]), False]
    total = np.r_[np.cumsum(later[::-1])[::-1], 0]
    return total[:-1] - total[liked.offsets[request + 1]]


def _merge(request: NDArray[np.int64], item: NDArray[np.int32], weight: NDArray[np.float64], requests: int) -> Slices:
    order = np.lexsort((-weight, item, request))
    request, item, weight = request[order], item[order], weight[order]
    first = np.r_[True, (request[1:] != request[:-1]) | (item[1:] != item[:-1])][: len(item)]
    request, item, weight = request[first], item[first], weight[first]
    total = np.bincount(request, weight, minlength=requests)
    offsets = np.r_[0, np.cumsum(np.bincount(request, minlength=requests))].astype(np.int64)
    return Slices(offsets, item.astype(np.int32), {"weight": weight / total[request]})


def save_settings(folder: Path, settings: dict[str, Any]) -> None:
    """Write ``settings.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")


def load_settings(folder: Path) -> dict[str, Any]:
    """Read ``settings.json``."""
    found: dict[str, Any] = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    return found
