"""What the sources share: a request's history as weighted items, and from one row of scores per request to its best allowed items."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
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
from aisle.retrieval.rows import Few, Row
from aisle.retrieval.sequences import TYPE_WEIGHT

KEPT = 30e6
"""Bytes of one block's rows of one source that are kept between its retrieval and its scoring."""
MOST = 50
"""Events of a history that are read: what stands further back has decayed to nothing."""

EVERY_SURFACE = frozenset({"home", "item", "basket", "similar", "rank", "search"})


class Scored:
    """A source that can write down a score for every item: subclasses give `rows`, this gives `retrieve` and `score`."""

    name = ""
    surfaces: frozenset[str] = frozenset()

    def rows(self, block: Block) -> Iterator[Row]:
        """One row of scores per request of the block, in its order."""
        raise NotImplementedError

    def _kept(self, block: Block) -> Iterable[Row]:
        """The rows, kept from `retrieve` for `score` where they are few enough."""
        key = f"rows/{self.name}"
        if key not in block.memo:
            rows, kept, size = self.rows(block), [], 0
            for row in rows:
                kept.append(row)
                size += row.nbytes
                if size > KEPT:
                    return chain(kept, rows)
            block.memo[key] = kept
        found: list[Row] = block.memo[key]
        return found

    def retrieve(self, block: Block, allowed: Allowed, limit: int) -> Candidates:
        """The ``limit`` best allowed items of each request."""
        return proposed([row.best(masked(block, allowed, request), limit) for request, row in enumerate(self._kept(block))])

    def score(self, block: Block, candidates: Candidates) -> Scores:
        """The same scores for candidates of any origin, NaN where the source is silent."""
        parts = [row.of(candidates.item[candidates.of_request(request)]) for request, row in enumerate(self._kept(block))]
        result = parts[0] if len(parts) == 1 else np.concatenate([np.zeros(0, np.float32), *parts])
        return np.where(result == 0, np.float32(np.nan), result)


def masked(block: Block, allowed: Allowed, request: int) -> Mask:
    """``(items,) bool`` of one request, to be read only: alone in its block, it is made once for all sources."""
    if len(block) > 1:
        return allowed.mask(request)
    kept: tuple[Allowed, Mask] | None = block.memo.get("mask")
    if kept is None or kept[0] is not allowed:
        kept = block.memo["mask"] = allowed, allowed.mask(request)
    return kept[1]


def proposed(found: Sequence[tuple[NDArray[np.int32], Scores]]) -> Candidates:
    """Each request's items and their scores, best first, as candidates."""
    if len(found) == 1:
        items, score = found[0]
        return Candidates(np.array([0, len(items)], np.int64), items, {"score": score})
    return Candidates.of([items for items, _ in found], score=[score for _, score in found])


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
            yield Few(*self.neighbours_.spread(past.item[part], past.values["weight"][part]))

    def without(self, block: Block, request: int, items: NDArray[np.int32]) -> Scores:
        """``(h, n) float32``: scores of ``items`` with each item of the history left out (`left_out.LeavesOut`)."""
        past = history(block, self.decay)
        return without(block, request, self.decay) @ self.neighbours_.between(past.item[past.of(request)], items)

    def moved(self, rows: NDArray[np.int32]) -> Self:
        """As `aisle.retrieval.moving.Movable`."""
        found = copy(self)
        found.neighbours_ = self.neighbours_.moved(rows)
        return found

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


def history(block: Block, decay: float) -> Slices:
    """What each request starts from: the seeds where it has any, else the user's newest `MOST` events of interest.

    The value ``weight`` is the interest of the event's type times ``decay`` to the power of the number of later steps (events of the same
    time are one step), made to sum to 1 in each request, so that scores of short and long histories compare. An item stands once, with
    its largest weight. Shared by all sources of a block through its memo.
    """
    key = f"history/{decay}"
    if key not in block.memo:
        block.memo[key] = Past.of(block).weighed(decay)
    found: Slices = block.memo[key]
    return found


def without(block: Block, request: int, decay: float) -> Scores:
    """``(h, h) float32``: the weights of one request's `history` with each of its items left out in turn."""
    key = f"without/{request}/{decay}"
    if key not in block.memo:
        leave_out(block, request, [decay])
    found: Scores = block.memo[key]
    return found


def leave_out(block: Block, request: int, decays: Sequence[float]) -> None:
    """Find what `without` gives for several decays at once."""
    past = history(block, decays[0])
    items = past.item[past.of(request)]
    if block.seeds.offsets[request] < block.seeds.offsets[request + 1] or not len(items):
        found = [left_out.seeded(len(items))] * len(decays)
    else:
        found = [*left_out.Steps.of(items, _liked(block), request).weights(decays)]
    block.memo |= {f"without/{request}/{decay}": weights for decay, weights in zip(decays, found, strict=True)}


def _liked(block: Block) -> Slices:
    if "liked" not in block.memo:
        block.memo["liked"] = _newest(block.profiles.recent, MOST)
    found: Slices = block.memo["liked"]
    return found


def newest(block: Block, request: int, known: int) -> NDArray[np.int32]:
    """One request's seeds, or else the user's newest `MOST` items of interest, oldest first, of those below ``known``; an item twice in a
    row stands once, as in `aisle.retrieval.sequences`."""
    liked = _liked(block) if block.seeds.offsets[request] == block.seeds.offsets[request + 1] else block.seeds
    found = liked.item[liked.of(request)]
    found = found[found < known]
    first = np.ones(len(found), bool)
    first[1:] = found[1:] != found[:-1]
    return found[first]


def _newest(recent: Slices, most: int) -> Slices:
    """The newest ``most`` events of interest of each request, oldest first."""
    rows = (TYPE_WEIGHT[recent.values["type"].astype(np.intp)] > 0).nonzero()[0]
    request = recent.request[rows]
    counts = np.bincount(request, minlength=len(recent))
    if counts.max(initial=0) > most:
        rows = rows[counts.cumsum()[request] - np.arange(len(rows)) <= most]
        counts = np.minimum(counts, most)
    offsets = np.zeros_like(recent.offsets)
    np.cumsum(counts, out=offsets[1:])
    return Slices(offsets, recent.item[rows], {name: column[rows] for name, column in recent.values.items()})


@dataclass(frozen=True)
class Past:
    """All that the weights of a block's histories need but the decay: ``m`` events of interest and seeds, ordered by request and item,
    each with its ``interest`` and how many later steps there are ``behind`` it. The history's items are ``slices.item`` ``(k,)`` of
    ``request`` ``(k,)``; the events of each begin at ``starts`` ``(k,)``."""

    interest: NDArray[np.float32]
    behind: NDArray[np.int64]
    starts: NDArray[np.int64]
    slices: Slices
    request: NDArray[np.int64]

    @classmethod
    def of(cls, block: Block) -> Past:
        """Shared by all sources of a block through its memo."""
        if "past" not in block.memo:
            block.memo["past"] = cls._read(block)
        found: Past = block.memo["past"]
        return found

    @classmethod
    def _read(cls, block: Block) -> Past:
        liked, seeds = _liked(block), block.seeds
        if len(seeds.item):
            seeded = np.diff(seeds.offsets) > 0
            liked = liked.where(~seeded[liked.request])
        request, item, behind = liked.request, liked.item, steps_behind(liked)
        interest = TYPE_WEIGHT[liked.values["type"].astype(np.intp)]
        if len(seeds.item):
            request, item = np.concatenate([request, seeds.request]), np.concatenate([item, seeds.item])
            interest = np.concatenate([interest, np.ones(len(seeds.item), np.float32)])
            behind = np.concatenate([behind, np.zeros(len(seeds.item), np.int64)])
        order = np.lexsort((item, request))
        request, item = request[order], item[order]
        first = np.ones(len(item), bool)
        first[1:] = (request[1:] != request[:-1]) | (item[1:] != item[:-1])
        offsets = np.zeros(len(block) + 1, np.int64)
        np.cumsum(np.bincount(request[first], minlength=len(block)), out=offsets[1:])
        return cls(interest[order], behind[order], first.nonzero()[0], Slices(offsets, item[first], {}), request[first])

    def weighed(self, decay: float) -> Slices:
        """The items with their ``weight``."""
        if not len(self.starts):
            return Slices(self.slices.offsets, self.slices.item, {"weight": np.zeros(0)})
        weight = np.maximum.reduceat(self.interest * decay**self.behind, self.starts)
        weight /= np.bincount(self.request, weight)[self.request]
        return Slices(self.slices.offsets, self.slices.item, {"weight": weight})


def steps_behind(liked: Slices) -> NDArray[np.int64]:
    """``(m,) int64``: how many later steps the request has; events of one age are one step."""
    if not len(liked.item):
        return np.zeros(0, np.int64)
    age, request = liked.values["age"], liked.request
    steps = np.zeros(len(age), np.int64)
    np.cumsum((age[:-1] != age[1:]) & (request[:-1] == request[1:]), out=steps[1:])
    return steps[liked.offsets[request + 1] - 1] - steps


def save_settings(folder: Path, settings: dict[str, Any]) -> None:
    """Write ``settings.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")


def load_settings(folder: Path) -> dict[str, Any]:
    """Read ``settings.json``."""
    found: dict[str, Any] = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    return found
