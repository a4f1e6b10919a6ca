"""Click-through rate, where the log says what was shown: fitted on window 2, calibrated on 3, measured on 4; position is a feature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aisle.evaluation.calibration import Reliability, reliability
from aisle.evaluation.classification import ClassReport, classification_report
from aisle.evaluation.impressions import Shown, shown_pages
from aisle.evaluation.summary import ClickRuns, TaskSummary, summarise_clicks
from aisle.fusion.stack import POSITION, Ranker, Stack
from aisle.pipeline import Pipeline
from aisle.ranking.boosted import Boosted
from aisle.ranking.calibrate import Calibrator
from aisle.ranking.logistic import Logistic
from aisle.training.budget import Left, part_of
from aisle.training.candidates import frame
from aisle.training.frames import Frame
from aisle.training.job import Job
from aisle.training.learn import Effort, trees
from aisle.training.tasks import Planned

FEWEST = 50
"""Clicks in window 2 below which nothing is fitted."""
LEAST = 10
"""Clicks that windows 3 and 4 must have."""
MOST = {2: 6_000, 3: 2_000, 4: 3_000}
"""Pages replayed from each window."""


SHARES = {2: 0.35, 3: 0.2, 4: 0.4}
"""How they divide the time for replaying; each share is of what the earlier ones left."""


@dataclass(frozen=True)
class ClickResult:
    """The stack with its click model; the figures on window 4 and 3; of the kept model the classification reports by window and the
    calibration on window 4; and what a plan keeps: pages of each window, effort of each model."""

    stack: Stack
    test: TaskSummary
    dev: TaskSummary
    reports: Mapping[str, ClassReport]
    curve: Reliability
    sizes: Mapping[int, int]
    effort: Effort


@dataclass(frozen=True)
class Pages:
    """A frame of shown pages with its labels: ``clicked`` ``(n,) float64`` and the ``rank`` ``(n,) float64`` each was shown at."""

    frame: Frame
    clicked: NDArray[np.float64]
    rank: NDArray[np.float64]

    def table(self, names: Sequence[str]) -> NDArray[np.float32]:
        """``(n, len(names) + 1) float32``: the features and the position."""
        return np.column_stack([self.frame.table(names), np.log1p(np.nan_to_num(self.rank))]).astype(np.float32)


def learn_clicks(job: Job, pipeline: Pipeline, stack: Stack, planned: Planned, left: Left) -> ClickResult | None:
    """Fit the click model of one task, None where the log shows too few clicks on what was shown."""
    searching = stack.task == "search"
    shown = {window: shown_pages(job.data, job.windows.event == window, searching) for window in (2, 3, 4)}
    if any(one.replay.truth.grade.sum() < (FEWEST if window == 2 else LEAST) for window, one in shown.items()):
        return None
    with job.tracker.part(f"{stack.task}: clicks on what was shown"):
        pages: dict[int, Pages] = {}
        for window, one in shown.items():
            most = planned.requests.get(window, MOST[window])
            pages[window] = _pages(job, pipeline, stack, one, most, pages, part_of(left, SHARES[window]))
        names = pages[2].frame.names
        tables = {window: one.table(names) for window, one in pages.items()}
        models, effort = _fit(pages[2], tables[2], [*names, POSITION], job.settings.seed, planned, left)
        curves = {name: Calibrator().fit(model.score(tables[3]), pages[3].clicked) for name, model in models.items()}
        said = {window: {name: curves[name].apply(model.score(tables[window])) for name, model in models.items()} for window in (3, 4)}
        dev, test = (_measure(job, stack.task, said[window], pages, window) for window in (3, 4))
        best = min(models, key=lambda name: dev.models[name]["logloss"].value)
    rate = pages[2].clicked.mean()
    reports = {name: _classes(pages[window].clicked, said[window][best], rate) for name, window in (("development", 3), ("test", 4))}
    curve = reliability(pages[4].clicked, said[4][best], "click", pages[4].frame.replay.users[pages[4].frame.request])
    learned = replace(stack, clicks=models[best], click_names=(*names, POSITION), click_calibrator=curves[best], event="click")
    sizes = {window: len(one.frame.groups) for window, one in pages.items()}
    return ClickResult(learned, test, dev, reports, curve, sizes, effort)


def _classes(clicked: NDArray[np.float64], said: NDArray[np.float64], rate: float) -> ClassReport:
    """A click is guessed where its probability is above the rate of window 2."""
    return classification_report(clicked.astype(int), (said >= rate).astype(int), ["not clicked", "clicked"])


def _pages(job: Job, pipeline: Pipeline, stack: Stack, shown: Shown, most: int, before: Mapping[int, Pages], left: Left) -> Pages:
    """The features of what was shown, each item's rank beside them."""
    total = len(shown.replay)
    chosen = np.random.default_rng(job.settings.seed).permutation(total)[:most]
    names = before[2].frame.names if before else None
    made = frame(pipeline, stack, shown.replay.pick(chosen), stack.sources, names=names, left=left)
    truth, span = shown.replay.truth, len(job.data.catalogue)
    place = np.searchsorted(truth.request * span + truth.item, chosen[made.request] * span + made.item)
    return Pages(made, (made.grade > 0).astype(float), shown.rank[place])


def _fit(
    pages: Pages, x: NDArray[np.float32], names: list[str], seed: int, planned: Planned, left: Left
) -> tuple[dict[str, Ranker], Effort]:
    groups = pages.frame.groups[pages.frame.groups > 0]
    linear, model = Logistic().fit(x, pages.clicked), Boosted("probability", leaves=15, seed=seed)
    boosted, effort = trees(model, (x, pages.clicked, groups, names), planned.effort.get("boosted", {}), left)
    return {"logistic": linear, "boosted": boosted}, {"boosted": effort}


def _measure(job: Job, task: str, said: Mapping[str, NDArray[np.float64]], pages: Mapping[int, Pages], window: int) -> TaskSummary:
    """The models beside what needs no model: one rate for all, each item's own rate in window 2, each rank's."""
    known, asked = pages[2], pages[window]
    scores = {
        "constant_rate": np.full(len(asked.clicked), known.clicked.mean()),
        "item_rate": _rate(known.frame.item, known.clicked, asked.frame.item),
        "position_rate": _rate(_position(known), known.clicked, _position(asked)),
        **said,
    }
    users = asked.frame.replay.users[asked.frame.request]
    runs = ClickRuns(f"{task}_clicks", asked.clicked, scores, tuple(scores), users, main="boosted")
    return summarise_clicks(runs, seed=job.settings.seed)


def _position(pages: Pages) -> NDArray[np.int64]:
    return np.nan_to_num(pages.rank).astype(np.int64)


def _rate(
    known: NDArray[np.integer], clicked: NDArray[np.float64], asked: NDArray[np.integer], weight: float = 20.0
) -> NDArray[np.float64]:
    """Clicks per impression of each key, drawn to the overall rate by ``weight`` impressions."""
    size = int(max(known.max(initial=0), asked.max(initial=0))) + 1
    shown, hits = np.bincount(known, minlength=size), np.bincount(known, clicked, minlength=size)
    return ((hits + weight * clicked.mean()) / (shown + weight))[asked]
