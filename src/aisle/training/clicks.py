"""Click-through rate, where the log says what was shown: models fitted on window 2, calibrated and chosen on 3, measured on 4."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aisle.evaluation.calibration import Reliability, reliability
from aisle.evaluation.classification import ClassReport, classification_report
from aisle.evaluation.impressions import Shown, shown_pages
from aisle.evaluation.probability import logloss
from aisle.evaluation.results import PlanRow
from aisle.evaluation.summary import ClickRuns, TaskSummary, summarise_clicks
from aisle.fusion.stack import ITEM, POSITION, Chance, Stack
from aisle.pipeline import Pipeline
from aisle.ranking.boosted import Boosted
from aisle.ranking.calibrate import Calibrator
from aisle.ranking.ctr.bert_score import ReadAlone
from aisle.ranking.ctr.matrix import OverFeatures
from aisle.ranking.ctr.net import Net
from aisle.ranking.ctr.settings import BERT_CTR, KINDS
from aisle.ranking.logistic import Logistic
from aisle.ranking.rankers import Lists, grown
from aisle.tracking.run import part
from aisle.training.budget import Left, part_of
from aisle.training.candidates import frame
from aisle.training.frames import Frame
from aisle.training.job import Job
from aisle.training.learn import Effort
from aisle.training.tasks import Planned

FEWEST = 50
"""Clicks in window 2 below which nothing is fitted."""
LEAST = 10
"""Clicks that windows 3 and 4 must have."""
MOST = {2: 6_000, 3: 2_000, 4: 3_000}
"""Pages replayed from each window."""


NETS = ("dcn", "wide_deep", "deepfm", "fm")
"""The nets that are tried where there is time, in order of what they gained on a simulated shop (`benchmarks.ctr`)."""
NET_SECONDS, NET_END = 4.0, 2.0
"""Seconds below which no net is begun, and what its export is left: each net may take half of what is left."""
NET_ROWS = 10_000
"""Shown items of window 2 below which no net is begun: with so few, nets were behind on every shop measured."""
SHARES = {2: 0.35, 3: 0.2, 4: 0.4}
"""How they divide the time for replaying; each share is of what the earlier ones left."""


@dataclass(frozen=True)
class ClickResult:
    """The stack with its click model; the figures on window 4 and 3; of the kept model the classification reports by window and the
    calibration on window 4; what a plan keeps: pages of each window, effort of each model; and a row a model for the report's plan."""

    stack: Stack
    test: TaskSummary
    dev: TaskSummary
    reports: Mapping[str, ClassReport]
    curve: Reliability
    sizes: Mapping[int, int]
    effort: Effort
    plan: Sequence[PlanRow]

    @property
    def kept(self) -> str:
        """The model whose probability is given."""
        return "" if self.stack.clicks is None else self.stack.clicks.name


@dataclass(frozen=True)
class Pages:
    """A frame of shown pages with its labels: ``clicked`` ``(n,) float64`` and the ``rank`` ``(n,) float64`` each was shown at."""

    frame: Frame
    clicked: NDArray[np.float64]
    rank: NDArray[np.float64]

    def table(self, names: Sequence[str]) -> NDArray[np.float32]:
        """``(n, len(names) + 2) float32``: the features, the position, the item."""
        return np.column_stack([self.frame.table(names), np.log1p(np.nan_to_num(self.rank)), self.frame.item]).astype(np.float32)

    def read(self) -> NDArray[np.float32]:
        """``(n, 2) float32``: bert_ctr's logit and the position, all that its model of clicks reads."""
        return self.table([BERT_CTR])[:, :-1]


def learn_clicks(job: Job, pipeline: Pipeline, stack: Stack, planned: Planned, left: Left) -> ClickResult | None:
    """Fit the click model of one task, None where the log shows too few clicks on what was shown."""
    searching = stack.task == "search"
    shown = {window: shown_pages(job.data, job.windows.event == window, searching) for window in (2, 3, 4)}
    if any(one.replay.truth.grade.sum() < (FEWEST if window == 2 else LEAST) for window, one in shown.items()):
        return None
    with job.tracker.part(f"{stack.task}: clicks on what was shown"), part(f"{stack.task} clicks"):
        pages: dict[int, Pages] = {}
        for window, one in shown.items():
            most = planned.requests.get(window, MOST[window])
            pages[window] = _pages(job, pipeline, stack, one, most, pages, part_of(left, SHARES[window]))
        read = [name for name in pages[2].frame.names if name != BERT_CTR or BERT_CTR in stack.names]
        names = (*read, POSITION, ITEM)
        tables = {window: one.table(read) for window, one in pages.items()}
        models, effort = _fit(pages[2], tables[2], names, job.settings.seed, planned, left)
        scores = {window: {name: _score(one, tables[window]) for name, one in models.items()} for window in (3, 4)}
        if BERT_CTR in pages[2].frame.names:
            models[BERT_CTR] = ReadAlone().fit(pages[2].read(), pages[2].clicked)
            scores = {window: {**held, BERT_CTR: models[BERT_CTR].score(pages[window].read())} for window, held in scores.items()}
        curves = {name: Calibrator().fit(score, pages[3].clicked) for name, score in scores[3].items()}
        said = {window: {name: curves[name].apply(score) for name, score in held.items()} for window, held in scores.items()}
        loss = {name: float(logloss(pages[3].clicked, score).mean()) for name, score in said[3].items()}
        best = min(loss, key=lambda name: loss[name])
        dev, test = (_measure(job, stack.task, said[window], pages, window, best) for window in (3, 4))
    rate = pages[2].clicked.mean()
    reports = {name: _classes(pages[window].clicked, said[window][best], rate) for name, window in (("development", 3), ("test", 4))}
    curve = reliability(pages[4].clicked, said[4][best], "click", pages[4].frame.replay.users[pages[4].frame.request])
    learned = replace(stack, clicks=models[best], click_names=_read(models[best], names), click_calibrator=curves[best], event="click")
    sizes = {window: len(one.frame.groups) for window, one in pages.items()}
    plan = [PlanRow(f"{stack.task} clicks: {name}", name == best, why=f"log loss {one:.4f} on window 3") for name, one in loss.items()]
    return ClickResult(learned, test, dev, reports, curve, sizes, effort, plan)


def _read(model: Chance, names: Sequence[str]) -> tuple[str, ...]:
    """The columns of a table that a model reads: only nets know items."""
    if model.name == BERT_CTR:
        return BERT_CTR, POSITION
    return tuple(names) if model.name in KINDS else tuple(names[:-1])


def _score(model: Chance, table: NDArray[np.float32]) -> NDArray[np.float32]:
    return model.score(table if model.name in KINDS else table[:, :-1])


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
    pages: Pages, table: NDArray[np.float32], names: Sequence[str], seed: int, planned: Planned, left: Left
) -> tuple[dict[str, Chance], Effort]:
    """A line, trees, and the nets that there is time for, or that the plan has."""
    groups, x = pages.frame.groups[pages.frame.groups > 0], table[:, :-1]
    model = Boosted("probability", leaves=15, seed=seed)
    lists = Lists(x, list(names[:-1]), groups, pages.clicked, pages.clicked)
    boosted, effort = grown(model, lists, planned.effort.get("boosted", {}), part_of(left, 0.5))
    models: dict[str, Chance] = {"logistic": Logistic().fit(x, pages.clicked), "boosted": boosted}
    efforts: dict[str, Mapping[str, int]] = {"boosted": effort}
    for name in NETS:
        if found := _net(name, table, pages.clicked, seed, planned, part_of(left, 0.5)):
            models[name], efforts[name] = OverFeatures(found), {"rounds": found.rounds_}
    return models, efforts


def _net(name: str, table: NDArray[np.float32], clicked: NDArray[np.float64], seed: int, planned: Planned, left: Left) -> Net | None:
    """The net fitted in the time ``left``, or with as many rounds as the plan says; None where neither lets it begin."""
    rounds = planned.effort.get(name, {}).get("rounds", 0)
    if not rounds and (planned.effort or len(table) < NET_ROWS or left() < NET_SECONDS):
        return None
    net = Net(name, replace(KINDS[name], seed=seed), stop=lambda made: made >= rounds if rounds else left() < NET_END)
    with part(name):
        OverFeatures(net).fit(table, clicked)
    return net


def _measure(
    job: Job, task: str, said: Mapping[str, NDArray[np.float64]], pages: Mapping[int, Pages], window: int, best: str
) -> TaskSummary:
    """The models beside what needs no model: one rate for all, each item's own rate in window 2, each rank's; the kept one against all."""
    known, asked = pages[2], pages[window]
    scores = {
        "constant_rate": np.full(len(asked.clicked), known.clicked.mean()),
        "item_rate": _rate(known.frame.item, known.clicked, asked.frame.item),
        "position_rate": _rate(_position(known), known.clicked, _position(asked)),
        **said,
    }
    users = asked.frame.replay.users[asked.frame.request]
    runs = ClickRuns(f"{task}_clicks", asked.clicked, scores, tuple(scores), users, main=best)
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
