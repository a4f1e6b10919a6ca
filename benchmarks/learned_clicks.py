"""Learning an order from clicks whose places mislead, judged by what the simulator knows: ``python -m benchmarks.learned_clicks``"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import lightgbm
import numpy as np
from numpy.typing import NDArray

from aisle.data.dataset import load_dataset
from aisle.data.windows import cut
from aisle.evaluation.impressions import shown_pages
from aisle.evaluation.lists import Floats, Truth, judge
from aisle.evaluation.metrics import per_request
from aisle.evaluation.places import Places
from aisle.evaluation.propensity import examination
from aisle.evaluation.replay import search_log
from aisle.pipeline import Pipeline
from aisle.ranking.boosted import Boosted, Objective
from aisle.ranking.unbiased import weights
from aisle.retrieval.registry import SOURCES
from aisle.settings import Settings, load
from aisle.simulate.shop import simulate
from aisle.simulate.truth import load as load_truth
from aisle.tracking import Tracker
from aisle.training.budget import Budget
from aisle.training.candidates import frame
from aisle.training.clicked import Clicked, on_rows
from aisle.training.frames import Frame
from aisle.training.job import Job, plain_stacks
from aisle.training.learn import levels
from aisle.training.off_policy import past
from aisle.training.parts import Parts
from benchmarks.ctr_tables import attractive
from benchmarks.figures import WORK, Figure, Lines, show
from benchmarks.gains import compared

ITEMS, EVENTS = 1_000, 60_000
SOURCE_NAMES = ("lexical", "popularity", "item_knn", "trending")
SEARCHES, SEED = 1_000, 7
NAIVE = "lambdamart on clicks as they are"


@dataclass(frozen=True)
class Lesson:
    """Rows to learn from: ``x`` ``(n, f)``, ``label`` ``(n,)``, ``groups``, and the ``rank`` ``(n,)`` each stood at (NaN: not shown)."""

    x: NDArray[np.float32]
    label: Floats
    groups: NDArray[np.int64]
    rank: Floats
    names: list[str]

    def by(self, objective: Objective, weight: Floats | None = None) -> Boosted:
        """A model of this kind."""
        return Boosted(objective).fit(self.x, self.label, self.groups, self.names, weight=weight)

    def debiased(self) -> lightgbm.Booster:
        """LightGBM's own way with places (4.1 on): a factor a place is added to the score while it learns."""
        label = self.label.astype(np.int32)
        data = lightgbm.Dataset(self.x, label, group=self.groups, position=self.rank.astype(np.int32), feature_name=self.names)
        return lightgbm.train(Boosted("order")._parameters(label, self.groups), data, Boosted("order").epochs)


def click_figures(items: int = ITEMS, events: int = EVENTS) -> list[Figure]:
    """A simulated shop: propensities, then what each way makes of the shown pages, then of what search proposes."""
    lines = Lines("learning_to_rank")
    folder = WORK / lines.part
    shutil.rmtree(folder, ignore_errors=True)
    simulate(folder, items, events, SEED, pictures=False)
    data, _ = load_dataset(folder, load(folder))
    parts = Parts(folder / ".work", {"part": lines.part})
    job = Job(data, cut(data.events), Settings(), Budget(60), Tracker(quiet=True), parts, {"lexical": SOURCES["lexical"]().fit(data)})
    pipeline = job.pipeline({name: job.source(name, False) for name in SOURCE_NAMES}, False, plain_stacks(SOURCE_NAMES))
    before = past(job, True)
    looked_at = examination(before.group, before.rank, before.clicked)
    true = load_truth(folder).examined
    return [
        lines.machine(),
        *propensities(lines, looked_at, true),
        *pages(lines, job, pipeline, folder, looked_at, true),
        *searches(lines, job, pipeline, folder, looked_at),
    ]


def propensities(lines: Lines, looked_at: Floats, true: Floats) -> list[Figure]:
    """What the log says of each place beside what is true; the shop's people also trust the top of a page, which no place's worth says."""
    return [
        lines.one(f"place {rank}: looked at, estimated", value, f"truly {true[rank]:.3f} beside the first")
        for rank, value in enumerate(looked_at.tolist())
    ]


def pages(lines: Lines, job: Job, pipeline: Pipeline, folder: Path, looked_at: Floats, true: Floats) -> list[Figure]:
    """Learned from the shown search pages of windows 2 and 3; pages of window 4 ordered anew, judged by how attractive each item was."""
    lesson, _, _ = shown(job, pipeline, folder, (2, 3), None)
    asked, attraction, test = shown(job, pipeline, folder, (4,), tuple(lesson.names))
    truth = Truth.of(len(test.groups), test.request, test.item, attraction)
    scores: dict[str, NDArray[np.floating]] = {
        NAIVE: lesson.by("order").score(asked.x),
        "clicks weighed, estimated propensities": lesson.by("unbiased", weights(looked_at, lesson.rank)).score(asked.x),
        "clicks weighed, true propensities": lesson.by("unbiased", weights(true, lesson.rank)).score(asked.x),
        "lightgbm's own factors of places": np.asarray(lesson.debiased().predict(asked.x)),
        "softmax over lists": lesson.by("listwise").score(asked.x),
        "as it was shown": -asked.rank,
    }  # fmt: skip
    made = {name: per_request(judge(lists := test.ranked(score, 10), truth), lists, "ndcg@10") for name, score in scores.items()}
    taught = f"{EVENTS:,} events; {len(lesson.groups):,} pages of windows 2 and 3 teach, {int(lesson.label.sum()):,} clicks"
    note = f"{taught}; {len(asked.groups):,} of window 4"
    return compared(lines, "shown pages by true attraction", made, test.replay.users, note)


def shown(
    job: Job, pipeline: Pipeline, folder: Path, windows: tuple[int, ...], names: tuple[str, ...] | None
) -> tuple[Lesson, Floats, Frame]:
    """The pages shown in some windows, how attractive each item truly was, and their frame."""
    told = shown_pages(job.data, np.isin(job.windows.event, windows), True)
    made = frame(pipeline, pipeline.stacks["search"], told.replay, SOURCE_NAMES[:1], names=names)
    truth, span = told.replay.truth, len(job.data.catalogue)
    rank = told.rank[np.searchsorted(truth.request * span + truth.item, made.request.astype(np.int64) * span + made.item)]
    kept = np.isfinite(rank)
    made, rank = made.keep(kept, made.names), rank[kept]
    when = np.nextafter([request.as_of for request in made.replay.requests], np.inf)[made.request]
    attraction = attractive(folder, job.data, when, made.replay.users[made.request], made.item, rank)
    groups = made.groups[made.groups > 0]
    return Lesson(made.x.T, (made.grade > 0).astype(float), groups, rank, list(made.names)), np.nan_to_num(attraction), made


def searches(lines: Lines, job: Job, pipeline: Pipeline, folder: Path, looked_at: Floats) -> list[Figure]:
    """Learned as `aisle train` does, from what search proposes with clicks as the wanted; window 4's searches judged by true grades."""
    stack, sources = pipeline.stacks["search"], pipeline.stacks["search"].sources
    asked = {window: search_log(job.data, job.windows.event == window).sample(SEARCHES, SEED) for window in (2, 4)}
    fit = frame(pipeline, stack, asked[2], sources, 200)
    test = frame(pipeline, stack, asked[4], sources, names=fit.names)
    used = (np.bincount(fit.request[fit.grade > 0], minlength=len(fit.groups)) > 0)[fit.request]
    few = fit.keep(used, fit.names)
    lesson = Lesson(few.x.T, levels(few), few.groups[few.groups > 0], np.full(len(few.item), np.nan), list(few.names))
    weight = on_rows(few, Clicked(Places.of(job.data.events), looked_at)(few.replay))
    scores = {
        NAIVE: lesson.by("order").score(test.x.T),
        "clicks weighed, estimated propensities": lesson.by("unbiased", weight).score(test.x.T),
        "softmax over lists": lesson.by("listwise").score(test.x.T),
    }
    truth, texts = load_truth(folder), {request.query for request in few.replay.requests}
    queries = [request.query or "" for request in test.replay.requests]
    rows = {text: _grades(job, truth.items, truth.grades(text)) for text in set(queries)}
    right = Truth.of(
        len(queries), np.repeat(np.arange(len(queries)), [len(rows[text][0]) for text in queries]),
        np.concatenate([rows[text][0] for text in queries]), np.concatenate([rows[text][1] for text in queries]),
    )  # fmt: skip
    made = {name: per_request(judge(lists := test.ranked(score, 10), right), lists, "ndcg@10") for name, score in scores.items()}
    new = np.array([text not in texts for text in queries])
    note = f"{len(lesson.groups):,} searches of window 2 teach with {int((lesson.label > 0).sum()):,} clicked candidates"
    found = compared(lines, "what search proposes by true grades", made, test.replay.users, note)
    fresh = {name: np.where(new, values, np.nan) for name, values in made.items()}
    return [*found, *compared(lines, "the same, queries not learned from", fresh, test.replay.users, note)]


def _grades(job: Job, items: tuple[str, ...], grades: NDArray[np.uint8]) -> tuple[NDArray[np.int32], Floats]:
    number = {item: row for row, item in enumerate(job.data.catalogue.ids)}
    return np.array([number.get(items[place], -1) for place in np.flatnonzero(grades)], np.int32), grades[grades > 0].astype(float)


if __name__ == "__main__":
    show(click_figures())
