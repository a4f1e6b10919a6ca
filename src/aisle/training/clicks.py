"""Click-through rate, where the log says what was shown: fitted on window 2, calibrated on 3, measured on 4; position is a feature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aisle.evaluation.classification import ClassReport, classification_report
from aisle.evaluation.impressions import Shown, shown_pages
from aisle.evaluation.summary import ClickRuns, TaskSummary, summarise_clicks
from aisle.fusion.stack import POSITION, Ranker, Stack
from aisle.pipeline import Pipeline
from aisle.ranking.boosted import Boosted
from aisle.ranking.calibrate import Calibrator
from aisle.ranking.features import matrix
from aisle.ranking.logistic import Logistic
from aisle.training.frames import Frame, frame
from aisle.training.job import Job

FEWEST = 50
"""Clicks in window 2 below which nothing is fitted."""
MOST = {2: 6_000, 3: 2_000, 4: 3_000}
"""Pages replayed from each window."""


@dataclass(frozen=True)
class ClickResult:
    """The stack with its click model, the figures on window 4 and 3, and the classification report of the kept model on window 4."""

    stack: Stack
    test: TaskSummary
    dev: TaskSummary
    report: ClassReport


@dataclass(frozen=True)
class Pages:
    """A frame of shown pages with its labels."""

    frame: Frame
    x: NDArray[np.float32]
    clicked: NDArray[np.float64]


def learn_clicks(job: Job, pipeline: Pipeline, stack: Stack) -> ClickResult | None:
    """Fit the click model of one task, None where the log shows too few clicks on what was shown."""
    searching = stack.task == "search"
    shown = {window: shown_pages(job.data, job.windows.event == window, searching) for window in (2, 3, 4)}
    if any(one.replay.truth.grade.sum() < (FEWEST if window == 2 else 10) for window, one in shown.items()):
        return None
    with job.tracker.part(f"{stack.task}: clicks on what was shown"):
        pages = {window: _pages(job, pipeline, stack, one, MOST[window]) for window, one in shown.items()}
        names = tuple(pages[2].frame.features)
        models = _fit(pages[2], names, job.settings.seed)
        curves = {name: Calibrator().fit(model.score(pages[3].x), pages[3].clicked) for name, model in models.items()}
        dev, test = (_measure(job, stack.task, models, curves, pages, window) for window in (3, 4))
        best = min(models, key=lambda name: dev.models[name]["logloss"].value)
        score = curves[best].apply(models[best].score(pages[4].x))
        guess = (score >= pages[2].clicked.mean()).astype(int)
        report = classification_report(pages[4].clicked.astype(int), guess, ["not clicked", "clicked"])
    learned = replace(stack, clicks=models[best], click_names=names, click_calibrator=curves[best], event="click")
    return ClickResult(learned, test, dev, report)


def _pages(job: Job, pipeline: Pipeline, stack: Stack, shown: Shown, most: int) -> Pages:
    """The features of what was shown, each item's rank beside them."""
    total = len(shown.replay)
    chosen = np.sort(np.random.default_rng(job.settings.seed).choice(total, min(most, total), replace=False))
    made = frame(pipeline, stack, shown.replay.pick(chosen), None)
    truth, span = shown.replay.truth, len(job.data.catalogue)
    place = np.searchsorted(truth.request * span + truth.item, chosen[made.request] * span + made.item)
    rank = np.log1p(np.nan_to_num(shown.rank[place])).astype(np.float32)
    made = replace(made, features={**made.features, POSITION: rank})
    return Pages(made, matrix(made.features, tuple(made.features)), (made.grade > 0).astype(float))


def _fit(pages: Pages, names: tuple[str, ...], seed: int) -> dict[str, Ranker]:
    groups = pages.frame.groups[pages.frame.groups > 0]
    boosted = Boosted("probability", leaves=15, seed=seed).fit(pages.x, pages.clicked, groups, list(names))
    return {"logistic": Logistic().fit(pages.x, pages.clicked), "boosted": boosted}


def _measure(
    job: Job, task: str, models: Mapping[str, Ranker], curves: Mapping[str, Calibrator], pages: Mapping[int, Pages], window: int
) -> TaskSummary:
    """The models beside what needs no model: one rate for all, each item's own rate in window 2, each rank's."""
    known, asked = pages[2], pages[window]
    scores = {
        "constant_rate": np.full(len(asked.clicked), known.clicked.mean()),
        "item_rate": _rate(known.frame.item, known.clicked, asked.frame.item),
        "position_rate": _rate(_position(known), known.clicked, _position(asked)),
    }
    scores |= {name: curves[name].apply(model.score(asked.x)) for name, model in models.items()}
    users = asked.frame.replay.users[asked.frame.request]
    runs = ClickRuns(f"{task}_clicks", asked.clicked, scores, tuple(scores), users, main="boosted")
    return summarise_clicks(runs, seed=job.settings.seed)


def _position(pages: Pages) -> NDArray[np.int64]:
    return np.round(np.expm1(pages.frame.features[POSITION])).astype(np.int64)


def _rate(
    known: NDArray[np.integer], clicked: NDArray[np.float64], asked: NDArray[np.integer], weight: float = 20.0
) -> NDArray[np.float64]:
    """Clicks per impression of each key, drawn to the overall rate by ``weight`` impressions."""
    size = int(max(known.max(initial=0), asked.max(initial=0))) + 1
    shown, hits = np.bincount(known, minlength=size), np.bincount(known, clicked, minlength=size)
    return ((hits + weight * clicked.mean()) / (shown + weight))[asked]
