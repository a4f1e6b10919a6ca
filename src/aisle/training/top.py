"""Whether the top of a search page is read again: how many items fit into the milliseconds, what the second reading weighs and gains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median
from time import thread_time

import numpy as np
from numpy.typing import NDArray

from aisle.core.candidates import Candidates
from aisle.evaluation.replay import Replay
from aisle.evaluation.results import Figure, Measured, PlanRow
from aisle.fusion.stack import Stack
from aisle.fusion.top import Top, mixed, read
from aisle.pipeline import Pipeline
from aisle.ranking.calibrate import Calibrator
from aisle.retrieval.vectors import item_texts
from aisle.text.cross import Cross
from aisle.training.candidates import frame
from aisle.training.choose import METRIC, gain_of, quality
from aisle.training.cross import Crossed
from aisle.training.frames import Column, Frame
from aisle.training.job import Job
from aisle.training.tasks import search_maker

ASKED = 400
"""Requests of windows 3 and 4 that decide and measure."""
TIMED = 64
"""Pairs by which the speed is measured."""
PROPOSING = 25.0
"""Milliseconds that the candidates and features of a request take."""
DEEPEST = 100
WEIGHTS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
FEWEST = 30
"""Requests with something wanted in each half of window 3 below which nothing is decided."""


@dataclass(frozen=True)
class Topped:
    """The stage or None, how many items it reads (what a plan repeats), the report's lines, its row of the plan."""

    top: Top | None = None
    first: int = 0
    figures: Sequence[Figure] = ()
    row: PlanRow | None = None


@dataclass(frozen=True)
class Read:
    """Requests of one window with their fused score and what the cross-encoder says of the first ones, NaN for the others."""

    frame: Frame
    fused: Column
    said: Column

    def half(self, number: int) -> Read:
        """The requests of even or odd number."""
        kept = self.frame.request % 2 == number
        wanted = np.where(kept, self.fused, np.nan).astype(np.float32)
        return replace(self, fused=wanted, said=np.where(kept, self.said, np.nan).astype(np.float32))


def reading(job: Job, crossed: Crossed) -> float:
    """Seconds to keep for `read_again`."""
    if crossed.folder is None:
        return 0.0
    return 2 * ASKED * (PROPOSING + job.settings.ranking.cross_ms) / 1_000 * job.budget.slowness


def read_again(job: Job, pipeline: Pipeline, stack: Stack | None, crossed: Crossed, planned: int) -> Topped:
    """`choose_top` for a run: nothing where no cross-encoder was asked for, a row of the plan where none could be trained."""
    maker = search_maker(job)
    if crossed.folder is None or stack is None or maker is None:
        why = crossed.why or "no cross-encoder: there are no searches to judge it by"
        return Topped(row=PlanRow("cross_encoder", False, why=why) if job.settings.ranking.cross_ms else None)
    with job.tracker.part("search: read the top of the page again"):
        asked = {number: maker(number) for number in (3, 4)}
        found = choose_top(pipeline, stack, Cross(crossed.folder), asked, job.settings.ranking.cross_ms, planned, job.settings.seed)
    row = found.row
    return found if row is None else replace(found, row=replace(row, why=f"{crossed.why}; {row.why}"))


def choose_top(
    pipeline: Pipeline, stack: Stack, cross: Cross, asked: dict[int, Replay], cross_ms: float, planned: int, seed: int
) -> Topped:
    """Learn the weight on half of window 3's requests and keep the stage where it gains on the other half more than a standard error.

    ``planned``: how many items an earlier run's plan reads, else 0: then as many as the milliseconds let, by the processor's own time.
    """
    if stack.ranker is None:
        return Topped(row=PlanRow("cross_encoder", False, why="the search ranker has learned nothing that it could be weighed against"))
    windows = {number: asked[number].sample(ASKED, seed) for number in (3, 4)}
    each = milliseconds(pipeline, cross, windows[3])
    first = planned or int(np.clip(cross_ms // each, 0, DEEPEST))
    if first < 2:
        return Topped(row=PlanRow("cross_encoder", False, why=f"a pair takes {each:.1f} ms, so cross_ms = {cross_ms:g} is no time for two"))
    dev, test = (_read(pipeline, stack, cross, windows[number], first) for number in (3, 4))
    learning, deciding = dev.half(0), dev.half(1)
    calibrator, weight = weigh(learning)
    found = _gain(deciding, calibrator, weight)
    (gain, error), count = gain_of(found), int(np.isfinite(found).sum())
    if count < FEWEST:
        return Topped(row=PlanRow("cross_encoder", False, why=f"only {count} requests could decide, {FEWEST} are needed"))
    kept = gain > error
    said = f"reads the first {first} again at {each:.2f} ms each, weight {weight:g}: {gain:+.4f} NDCG@10"
    why = f"{said} (standard error {error:.4f}) on {count} requests of window 3 kept out"
    if not kept:
        why += "; not more than by chance, so it is left out"
    top = Top(cross, first, weight, calibrator, cross_ms) if kept else None
    figures = _figures(deciding, test, calibrator, weight, first * each)
    return Topped(top, first, figures, PlanRow("cross_encoder", kept, gain=gain, why=why))


def milliseconds(pipeline: Pipeline, cross: Cross, asked: Replay) -> float:
    """The median that one pair takes on one thread, of the processor's time: a busy machine makes no other bundle."""
    rows = np.linspace(0, len(pipeline.catalogue) - 1, TIMED).astype(np.int64)
    texts = item_texts(pipeline.catalogue, rows)
    took = []
    for place, text in enumerate(texts):
        begun = thread_time()
        cross.score(str(asked.requests[place % len(asked)].query), [text])
        took.append(1_000 * (thread_time() - begun))
    return max(median(took[len(took) // 4 :]), 1e-3)


def weigh(learning: Read) -> tuple[Calibrator, float]:
    """The curve from the cross-encoder's score to how likely an item is wanted, and the weight with the best order."""
    known = np.isfinite(learning.said)
    calibrator = Calibrator().fit(learning.said[known], learning.frame.relevant[known].astype(float))
    values = {weight: float(np.nanmean(_gain(learning, calibrator, weight))) for weight in WEIGHTS}
    return calibrator, max(values, key=lambda weight: values[weight])


def _read(pipeline: Pipeline, stack: Stack, cross: Cross, asked: Replay, first: int) -> Read:
    made = frame(pipeline, stack, asked, stack.sources, names=stack.names)
    fused = made.scored(lambda features: stack.fuse(features)["score"], stack.asked(made.replay.requests, made.request))
    queries = [pipeline.understand(request.query) if request.query else None for request in made.replay.requests]
    held = Candidates(made.offsets, made.item, {"score": fused})
    return Read(made, fused, read(cross, first, queries, held, pipeline.catalogue))


def _gain(part: Read, calibrator: Calibrator, weight: float) -> NDArray[np.float64]:
    """``(requests,)``: NDCG@10 with the second reading less that without, NaN where nothing was wanted or a request takes no part."""
    said = np.asarray(calibrator.apply(part.said), np.float32)
    gain = quality(part.frame, mixed(part.fused, said, weight)) - quality(part.frame, part.fused)
    taking = np.zeros(len(gain), bool)
    taking[part.frame.request[np.isfinite(part.fused)]] = True
    return np.where(taking, gain, np.nan)


def _figures(deciding: Read, test: Read, calibrator: Calibrator, weight: float, cost: float) -> list[Figure]:
    """A row without and one with, on the requests that decided and on test's, the gain, and the cost."""

    def of(part: Read, second: bool) -> NDArray[np.float64]:
        said = np.asarray(calibrator.apply(part.said), np.float32)
        found = quality(part.frame, mixed(part.fused, said, weight) if second else part.fused)
        return np.where(np.isfinite(_gain(part, calibrator, weight)), found, np.nan)

    def gained(part: Read) -> Measured:
        return Measured.mean(_gain(part, calibrator, weight))

    metric = f"search/{METRIC}"
    return [
        Figure("fused", metric, Measured.mean(of(deciding, False)), Measured.mean(of(test, False))),
        Figure("fused_read_again", metric, Measured.mean(of(deciding, True)), Measured.mean(of(test, True))),
        Figure("gain_of_reading_again", metric, gained(deciding), gained(test)),
        Figure("cost_of_reading_again", "search/ms", Measured(cost), Measured(cost)),
    ]
