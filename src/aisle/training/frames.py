"""Replayed requests with their candidates, features and what was wanted: what rankers and fusion learn from and are measured on."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from aisle.core.arrays import found_at
from aisle.core.candidates import Candidates
from aisle.evaluation.lists import Ranked, Truth
from aisle.evaluation.replay import Replay
from aisle.ranking.features import agreement, matrix
from aisle.ranking.links import TAILS
from aisle.ranking.rankers import Ranker

Column = NDArray[np.float32]
CHUNK = 50_000
"""Rows that a model scores at a time: what it makes on the way stays small."""
CELLS = 4_000_000
"""Cells of the table that finds the best of each request."""


@dataclass(frozen=True)
class Frame:
    """``n`` candidates of a replay: ``offsets`` per request, ``item`` ``(n,) int32``, rising inside each request; ``names`` of the features
    and their values ``x`` ``(f, n) float32``, one block, a feature a row; ``grade`` ``(n,) float64`` (0 for what nobody judged) and
    ``relevant`` ``(n,) bool``. ``alone`` holds each source's own list, longer than what it has among these candidates."""

    replay: Replay
    offsets: NDArray[np.int64]
    item: NDArray[np.int32]
    names: tuple[str, ...]
    x: NDArray[np.float32]
    grade: NDArray[np.float64]
    relevant: NDArray[np.bool_]
    alone: Mapping[str, Ranked] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        replay: Replay,
        offsets: NDArray[np.int64],
        item: NDArray[np.int32],
        names: Sequence[str],
        x: NDArray[np.float32],
        alone: Mapping[str, Ranked],
    ) -> Self:
        """The candidates laid against what the replay wanted."""
        grade, relevant = grades(replay.truth, Candidates(offsets, item))
        return cls(replay, offsets, item, tuple(names), x, grade, relevant, alone)

    @cached_property
    def features(self) -> Mapping[str, Column]:
        """Feature name to its values, views of the block."""
        return dict(zip(self.names, self.x, strict=True))

    @property
    def groups(self) -> NDArray[np.int64]:
        """Candidates per request."""
        return np.diff(self.offsets)

    @cached_property
    def request(self) -> NDArray[np.int32]:
        """``(n,) int32``: the request of each row."""
        return np.repeat(np.arange(len(self.offsets) - 1, dtype=np.int32), self.groups)

    @property
    def wanting(self) -> NDArray[np.bool_]:
        """``(requests,) bool``: those that wanted something which was proposed."""
        return np.bincount(self.request[self.grade > 0], minlength=len(self.groups)) > 0

    def keep(self, mask: NDArray[np.bool_], names: Sequence[str]) -> Frame:
        """The rows that ``mask`` keeps, with only the features ``names``."""
        counts = np.bincount(self.request[mask], minlength=len(self.groups))
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        rows = np.flatnonzero(mask)
        x = np.empty((len(names), len(rows)), np.float32)
        for place, name in enumerate(names):
            np.take(self.features[name], rows, out=x[place], mode="clip")
        return Frame(self.replay, offsets, self.item[mask], tuple(names), x, self.grade[mask], self.relevant[mask])

    def head(self, most: int) -> Frame:
        """The first ``most`` requests."""
        if len(self.groups) <= most:
            return self
        end = int(self.offsets[most])
        parts = (self.item[:end], self.names, self.x[:, :end], self.grade[:end], self.relevant[:end])
        return Frame(self.replay.first(most), self.offsets[: most + 1], *parts)

    def rows(self, most: int) -> Frame:
        """The first requests that have together at most ``most`` rows, one request at least."""
        return self.head(max(1, int(np.searchsorted(self.offsets, most, side="right")) - 1))

    def only(self, sources: Sequence[str]) -> Frame:
        """The frame as it were with these sources alone: what one of them proposed, their columns, what counts sources counted anew."""
        every = [name.removesuffix("_rank") for name in self.names if name.endswith("_rank") and name != "best_rank"]
        if set(every) <= set(sources):
            return self
        gone = {f"{name}{tail}" for name in every if name not in sources for tail in ("", "_rank", "_share", *TAILS)}
        proposed = np.zeros(len(self.item), bool)
        kept = [name for name in every if name in sources]
        for name in kept:
            proposed |= np.isfinite(self.features[f"{name}_rank"])
        less = self.keep(proposed, [name for name in self.names if name not in gone])
        if kept:
            shares, ranks = (np.stack([less.features[f"{name}_{what}"] for name in kept]) for what in ("share", "rank"))
            for name, values in agreement(shares, ranks).items():
                if name in less.features:
                    less.features[name][:] = values
        return less

    def without(self, starts: tuple[str, ...]) -> Frame:
        """The frame without the features whose names begin so."""
        kept = [place for place, name in enumerate(self.names) if not name.startswith(starts)]
        if len(kept) == len(self.names):
            return self
        return replace(self, names=tuple(self.names[place] for place in kept), x=self.x[kept])

    def table(self, names: Sequence[str], mask: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
        """``(rows, len(names)) float32`` for a model to learn from; the block itself, turned, where nothing is left out."""
        whole = tuple(names) == self.names
        if mask is None or mask.all():
            return self.x.T if whole else np.stack([self.features[name] for name in names]).T
        return np.compress(mask, self.x if whole else [self.features[name] for name in names], axis=1).T

    def scored(self, score: Callable[[Mapping[str, Column]], NDArray[np.floating]], more: Mapping[str, Column] | None = None) -> Column:
        """``(n,) float32``: what ``score`` makes of the features, and of ``more`` columns ``(n,)``, some thousand rows at a time."""
        found, columns = np.empty(len(self.item), np.float32), {**self.features, **(more or {})}
        for start in range(0, len(found), CHUNK):
            part = slice(start, start + CHUNK)
            found[part] = score({name: values[part] for name, values in columns.items()})
        return found

    def by(self, model: Ranker, names: Sequence[str]) -> Column:
        """``(n,) float32``: a ranker's scores, which reads ``names``; made once."""
        if id(model) not in self._scores:
            self._scores[id(model)] = model, self.scored(lambda features: model.score(matrix(features, names)))
        return self._scores[id(model)][1]

    @cached_property
    def _scores(self) -> dict[int, tuple[Ranker, Column]]:
        """Scores by the model's address; the model is held, so that no other takes its place."""
        return {}

    def ranked(self, score: NDArray[np.floating], most: int = 200) -> Ranked:
        """Each request's items by ``score``, best first, ties to the lower row; rows without a finite score are left out."""
        rows = best(self.offsets, score, most)
        request = self.request[rows]
        order = rows[np.lexsort((self.item[rows], -score[rows], request))]
        counts = np.bincount(request, minlength=len(self.groups))
        return Ranked(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), self.item[order])

    def save(self, folder: Path) -> None:
        """Write the candidates and their features; what was wanted is read from the log again."""
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "x.npy", self.x)
        np.save(folder / "item.npy", self.item)
        np.save(folder / "offsets.npy", self.offsets)
        for name, lists in self.alone.items():
            np.savez(folder / f"{name}.npz", offsets=lists.offsets, item=lists.item)
        (folder / "names.json").write_text(json.dumps({"features": self.names, "alone": list(self.alone)}), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, replay: Replay) -> Self:
        """What `save` wrote of ``replay`` or of its beginning; the features stay on disk until they are read."""
        offsets, item = (np.load(folder / f"{name}.npy", allow_pickle=False) for name in ("offsets", "item"))
        x = np.load(folder / "x.npy", mmap_mode="r", allow_pickle=False)
        names = json.loads((folder / "names.json").read_text(encoding="utf-8"))
        alone = {}
        for name in names["alone"]:
            with np.load(folder / f"{name}.npz", allow_pickle=False) as held:
                alone[name] = Ranked(held["offsets"], held["item"])
        return cls.of(replay.first(len(offsets) - 1), offsets, item, names["features"], x, alone)


def best(offsets: NDArray[np.int64], score: NDArray[np.floating], most: int) -> NDArray[np.int64]:
    """Rows of the ``most`` best of each request, in the order of the rows; ties go to the earlier row, non-finite scores never win."""
    counts = np.diff(offsets)
    found = [np.zeros(0, np.int64)]
    start = 0
    while start < len(counts):
        width = np.maximum.accumulate(counts[start : start + CELLS])
        size = max(1, int(np.searchsorted(width * np.arange(1, len(width) + 1), CELLS, side="right")))
        first, last = int(offsets[start]), int(offsets[start + size])
        found.append(first + _best(counts[start : start + size], score[first:last], most))
        start += size
    return np.concatenate(found)


def _best(counts: NDArray[np.int64], score: NDArray[np.floating], most: int) -> NDArray[np.int64]:
    known, width = np.isfinite(score), int(counts.max(initial=0))
    if width <= most:
        return np.flatnonzero(known)
    request = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(score)) - np.repeat(np.cumsum(counts) - counts, counts)
    table = np.full((len(counts), width), -np.inf, score.dtype)
    table[request, place] = np.where(known, score, -np.inf)
    mark = np.partition(table, width - most, axis=1)[:, width - most][request]
    sure, level = score > mark, np.flatnonzero(known & (score == mark))
    room = most - np.bincount(request[sure], minlength=len(counts))
    turn = np.arange(len(level)) - np.searchsorted(request[level], request[level])
    return np.sort(np.concatenate([np.flatnonzero(sure), level[turn < room[request[level]]]]))


def grades(truth: Truth, candidates: Candidates) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Grade and relevance ``(n,)`` of each candidate: 0 and not relevant for what nobody wanted."""
    span = int(max(truth.item.max(initial=0), candidates.item.max(initial=0))) + 2
    place = found_at(truth.request * span + truth.item + 1, candidates.request * span + candidates.item + 1)
    return np.append(truth.grade, 0.0)[place], np.append(truth.relevant, False)[place]
