"""bert_ctr in a training: its head learns from the pages shown in window 1, so that what it says of window 2 is news to the rankers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from aisle.evaluation.impressions import Shown, shown_pages
from aisle.evaluation.results import PlanRow
from aisle.pipeline import Pipeline
from aisle.ranking.ctr.bert_head import BertHead, Vectors
from aisle.ranking.ctr.bert_score import asked, last_liked
from aisle.ranking.ctr.examples import Column, Examples
from aisle.ranking.ctr.settings import BERT, BERT_CTR, Settings
from aisle.retrieval.vectors import ItemVectors
from aisle.tracking.run import part
from aisle.training.budget import Left, part_of
from aisle.training.job import Job

if TYPE_CHECKING:
    from aisle.ranking.ctr.bert_train import Cases

SHARE = 0.08
"""Of the time left so much may go into it."""
LEAST_SECONDS = 20.0
"""Seconds on two idle cores below which it is not begun: reading some thousand pages, opening torch, some rounds, the export."""
EXPORT = 6.0
"""Seconds that the export is left."""
READING = 0.4
"""Of its time so much may go into reading pages."""
FEWEST, ROWS = 300, 5_000
"""Clicks and shown items of window 1 below which nothing is fitted."""
MOST = 8_000
"""Pages of each surface, search and home, that are read."""
SURFACES = {"search": 0.5, "home": 1.0}
"""Surface to its share of the time for reading that is left."""
LENGTH, BLOCK = 20, 128
"""Last items that are read; pages that are read together."""


@dataclass(frozen=True)
class Reading:
    """What came out: the head, None where none was fitted, why, and what a plan keeps: pages read and rounds made; whether any task's
    ranker or click model came to read the score."""

    head: BertHead | None = None
    why: str = ""
    taken: Mapping[str, int] = field(default_factory=dict)
    used: bool = False

    def row(self, used: bool) -> list[PlanRow]:
        """For the report's plan; none where nobody could have asked for it."""
        return [PlanRow(BERT_CTR, used, why=self.why)] if self.why else []

    def save(self, folder: Path) -> None:
        """Write what `load` reads."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "reading.json").write_text(json.dumps({"why": self.why, "taken": dict(self.taken)}), encoding="utf-8")
        if self.head is not None:
            self.head.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open what `save` wrote."""
        said = json.loads((folder / "reading.json").read_text(encoding="utf-8"))
        return cls(BertHead.load(folder) if (folder / "head.onnx").is_file() else None, said["why"], said["taken"])


class Seen(NamedTuple):
    """Shown items, a row each: when, where on the page, the item, the query's row in ``queries`` (-1 none), the last items; clicked."""

    time: NDArray[np.float64]
    rank: NDArray[np.float64]
    item: NDArray[np.int32]
    query: NDArray[np.int64]
    past: NDArray[np.int32]
    clicked: NDArray[np.float64]


def learn_reading(job: Job, pipeline: Pipeline, vectors: ItemVectors | None, encoder: str, planned: Mapping[str, int] | None) -> Reading:
    """The head, fitted on window 1 where a language model stands behind the vectors, the log says what was shown, and there is time.
    ``planned``: pages and rounds of an earlier run's plan, None without a plan."""
    if vectors is None or encoder in ("", "ngram") or planned == {}:
        return Reading()
    left = job.budget.part(SHARE)
    if planned is None and left() < LEAST_SECONDS * job.budget.slowness:
        return Reading(
            why=f"no bert_ctr: {left():,.0f} s were left for it, {LEAST_SECONDS * job.budget.slowness:,.0f} are needed (--minutes)"
        )

    def make() -> Reading:
        with job.tracker.part("bert_ctr: read what was shown"), part(BERT_CTR):
            return _learned(job, pipeline, vectors, planned or {}, left)

    return job.parts.get(BERT_CTR, Reading.load, make)


def _learned(job: Job, pipeline: Pipeline, vectors: ItemVectors, planned: Mapping[str, int], left: Left) -> Reading:
    from aisle.ranking.ctr.bert_train import train

    seen, queries, pages = _seen(job, pipeline, vectors, planned, (lambda: inf) if planned else part_of(left, READING))
    clicks = int(seen.clicked.sum())
    if clicks < FEWEST or len(seen.item) < ROWS:
        what = f"{clicks:,} clicks on {len(seen.item):,} shown items of window 1"
        return Reading(why=f"no bert_ctr: {what}; {FEWEST:,} on {ROWS:,} are needed")
    rounds = planned.get("rounds", 0)
    settings, shown = _placed(replace(BERT, seed=job.settings.seed), seen)
    stop: Callable[[int], bool] = lambda done: done >= rounds if rounds else left() < EXPORT  # noqa: E731
    graph, made = train(_cases(seen, queries, vectors), shown, settings, stop)
    why = f"read {len(seen.item):,} items of {sum(pages.values()):,} pages of window 1, {made} rounds"
    return Reading(BertHead(graph), why, {**pages, "rounds": made})


def _cases(seen: Seen, queries: Vectors, vectors: ItemVectors) -> Cases:
    """One table of the vectors that are read, and each case's rows of it; no numbers."""
    from aisle.ranking.ctr.bert_train import Cases

    size = len(seen.item)
    rows, place = np.unique(np.concatenate([seen.item, seen.past.ravel()]), return_inverse=True)
    known = rows[rows >= 0]
    items = place.ravel() + 1 - (len(rows) - len(known))
    query = np.where(seen.query < 0, 0, seen.query + 1 + len(known))
    table = np.vstack([np.zeros((1, queries.shape[1]), np.float32), np.nan_to_num(vectors.take(known)), queries])
    ids = np.column_stack([items[:size], query, items[size:].reshape(seen.past.shape)])
    return Cases(table, ids.astype(np.int64), np.zeros((size, 1), np.float32))


def _placed(settings: Settings, seen: Seen) -> tuple[Settings, Examples]:
    """Labels, and where ranks are known the tower that keeps a place on the page from being taken for merit."""
    if not np.isfinite(seen.rank).any():
        return settings, Examples({}, {}, seen.clicked)
    codes = np.where(np.isfinite(seen.rank), seen.rank, -1).astype(np.int32)
    position = Column(codes, [str(place) for place in range(int(codes.max()) + 1)])
    return replace(settings, tower="position"), Examples({"position": position}, {}, seen.clicked)


def _seen(
    job: Job, pipeline: Pipeline, vectors: ItemVectors, planned: Mapping[str, int], left: Left
) -> tuple[Seen, Vectors, dict[str, int]]:
    """What was shown in window 1, in order of time; the queries' vectors; how many pages of each surface were read."""
    width = vectors.encoder.dimension
    parts, asks, read = [_nothing()], [np.zeros((0, width), np.float32)], dict.fromkeys(SURFACES, 0)
    for surface, share in SURFACES.items():
        shown, end = shown_pages(job.data, job.windows.event == 1, surface == "search"), part_of(left, share)
        drawn = np.random.default_rng(job.settings.seed).permutation(len(shown.replay))[: planned.get(surface, MOST)]
        for start in range(0, len(drawn), BLOCK):
            if start and end() <= 0:
                break
            some = np.sort(drawn[start : start + BLOCK])
            found, queries = _read(pipeline, vectors, shown, some)
            parts.append(found._replace(query=np.where(found.query < 0, -1, found.query + sum(map(len, asks)))))
            asks.append(queries)
            read[surface] += len(some)
    whole = Seen._make(np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(whole.time, kind="stable")
    return Seen._make(column[order] for column in whole), np.concatenate(asks), read


def _read(pipeline: Pipeline, vectors: ItemVectors, shown: Shown, pages: NDArray[np.int64]) -> tuple[Seen, Vectors]:
    """Some pages with what was known of their shoppers at the moment before, as an answer knows it; and their queries' vectors."""
    truth = shown.replay.truth
    rows = np.flatnonzero(np.isin(truth.request, pages))
    owner = np.searchsorted(pages, truth.request[rows])
    block = pipeline.block([shown.replay.requests[number] for number in pages.tolist()])
    query = np.where(block.searching, np.arange(len(pages)), -1)[owner]
    clicked = (truth.grade[rows] > 0).astype(float)
    return Seen(block.as_of[owner], shown.rank[rows], truth.item[rows], query, last_liked(block, LENGTH)[owner], clicked), asked(
        block, vectors
    )


def _nothing() -> Seen:
    none = np.zeros(0)
    return Seen(none, none, none.astype(np.int32), none.astype(np.int64), np.zeros((0, LENGTH), np.int32), none)
