"""The report of the windowed fit: every model on windows 3 and 4, the article's five parts, ablation, notes in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from aisle.evaluation import slices
from aisle.evaluation.calibration import Reliability, reliability
from aisle.evaluation.lists import Floats, Mask
from aisle.evaluation.metrics import ItemFacts
from aisle.evaluation.results import Ablation, Evaluation, Figure, Json, Models, Part, PlanRow
from aisle.evaluation.summary import Merged, TaskRuns, merge, summarise
from aisle.profile.fold import FOLDED
from aisle.training.clicks import ClickResult
from aisle.training.frames import Frame
from aisle.training.job import Job
from aisle.training.judge import ablation, lists
from aisle.training.tasks import TaskResult

FLOORS = ("popularity", "repeat", "item_knn", "lexical")
ABLATE_SECONDS = 20.0
"""Time that an ablation needs to be worth starting."""


def evaluation(job: Job, results: Mapping[str, TaskResult], clicks: Mapping[str, ClickResult], rows: Sequence[PlanRow]) -> Evaluation:
    """Measure every task's models and put the report together."""
    with job.tracker.part("measure on windows 3 and 4"):
        test, dev = (_merged(job, results, clicks, window) for window in ("test", "dev"))
    prefix = len(results) > 1
    lost = [
        replace(row, metric=f"{task}/{row.metric}" if prefix else row.metric) for task, r in results.items() for row in _ablated(job, r)
    ]
    return Evaluation(
        protocol=_protocol(job, results),
        data=_data(job),
        models=test.models,
        comparisons=test.comparisons,
        slices=test.slices,
        calibration={task: _calibration(result) for task, result in results.items() if result.learned.stack.ctr is not None},
        development=dev.models,
        parts=parts(test.models, dev.models, clicks),
        ablation=lost,
        plan=[*rows, *(row for result in results.values() for row in result.plan)],
        notes=[*verdicts(test), *(note for result in results.values() for note in result.learned.notes)],
    )


def _merged(job: Job, results: Mapping[str, TaskResult], clicks: Mapping[str, ClickResult], window: Literal["test", "dev"]) -> Merged:
    ranked = [summarise(_runs(job, one, getattr(one.windows, window)), seed=job.settings.seed) for one in results.values()]
    return merge([*ranked, *(getattr(one, window) for one in clicks.values())])


def _runs(job: Job, result: TaskResult, frame: Frame) -> TaskRuns:
    replay, events = frame.replay, job.data.events
    taken = events.item[(job.windows.event == 1) & (events.item >= 0)]
    seen = np.bincount(taken, minlength=len(job.data.catalogue)).astype(float)
    group = job.data.catalogue.labels("category").first if "category" in job.data.catalogue.texts else None
    runs = lists(result.learned, frame, result.sources)
    return TaskRuns(result.task, replay.truth, runs, replay.users, ItemFacts(seen, group), _slices(job, frame, seen))


def _slices(job: Job, frame: Frame, seen: Floats) -> dict[str, Mask]:
    """Users by what was known of them in window 1, items likewise, queries by script and frequency, categories."""
    replay, events, catalogue = frame.replay, job.data.events, job.data.catalogue
    masks = slices.items(replay.truth, seen) if len(events) else {}
    if (replay.users >= 0).any():
        before = events.user[(job.windows.event == 1) & np.isin(events.type, FOLDED) & (events.user >= 0)]
        counts = np.bincount(before, minlength=len(events.users))
        masks |= slices.users(np.where(replay.users >= 0, counts[replay.users], -1))
    if replay.task == "search":
        masks |= slices.languages([request.query for request in replay.requests])
        masks |= _by_frequency(job, frame)
    if "category" in catalogue.texts:
        labels = catalogue.labels("category")
        masks |= slices.categories(replay.truth, labels.first, labels.names)
    return masks


def _by_frequency(job: Job, frame: Frame) -> dict[str, Mask]:
    events = job.data.events
    typed = events.query[(job.windows.event == 1) & (events.query >= 0)]
    if not len(typed):
        return {}
    counts = np.bincount(typed, minlength=len(events.queries))
    number = {text: place for place, text in enumerate(events.queries)}
    asked = [int(counts[number[request.query]]) if request.query in number else 0 for request in frame.replay.requests]
    return slices.queries(np.array(asked), counts[counts > 0])


def _ablated(job: Job, result: TaskResult) -> list[Ablation]:
    if not result.learned.rankers or job.budget.left < ABLATE_SECONDS + 0.2 * job.tracker.elapsed:
        return []
    with job.tracker.part(f"{result.task}: ablation"):
        return ablation(result.learned, result.windows, job.settings.seed, job.budget)


def _calibration(result: TaskResult) -> Reliability:
    frame, stack = result.windows.test, result.learned.stack
    score = stack.rank_score(frame.features)
    return reliability(frame.relevant.astype(float), np.asarray(score, float), f"{result.task}: wanted")


def _protocol(job: Job, results: Mapping[str, TaskResult]) -> dict[str, Json]:
    sizes = {
        task: {"fit": len(r.windows.fit.replay), "development": len(r.windows.dev.replay), "test": len(r.windows.test.replay)}
        for task, r in results.items()
    }
    return {
        "windows": job.windows.describe(),
        "requests": {task: dict(counts) for task, counts in sizes.items()},
        "ranking": "whole catalogue, every item that passes the filters",
        "candidates_per_source": job.settings.ranking.candidates,
        "intervals": "bootstrap over users, 95 %",
        "seed": job.settings.seed,
    }


def _data(job: Job) -> dict[str, Json]:
    data = job.data
    counts = {"items": len(data.catalogue), "events": len(data.events), "users": len(data.events.users)}
    if data.judgements is not None:
        counts |= {"judgements": len(data.judgements.query), "judged_queries": len(data.judgements.queries)}
    return {"fingerprint": data.fingerprint, "counts": dict(counts)}


def parts(test: Models, dev: Models, clicks: Mapping[str, ClickResult]) -> list[Part]:
    """The article's five headed parts, each with what of it this data can show."""
    return [
        _clicks(test, dev, clicks),
        _part(
            "Recall", "⟨θ, (x, y)⟩", test, dev, ("popularity", "item_knn", "markov", "als", "lexical", "dense", "recall_side"), "recall@100"
        ),
        _part("Fusion", "Z = α·CTR + (1-α)·RER", test, dev, ("rank_fusion", "recall_side", "lambdamart", "fused"), "ndcg@10"),
        _part("User profile", "⟨θ, x⟩ of a fold over events", test, dev, ("repeat", "content", "fused"), "hr@10"),
        _part("Language", "query to product", test, dev, ("lexical", "dense", "fused"), "search/ndcg@10"),
    ]


def _clicks(test: Models, dev: Models, clicks: Mapping[str, ClickResult]) -> Part:
    """Clicks on what was shown where the log says so, else how the same models order what was wanted."""
    title, formula = "Click-through rate", "σ⟨θ, x⟩, cross-entropy"
    models = ("constant_rate", "position_rate", "item_rate", "logistic", "boosted")
    if not clicks:
        found = _part(title, formula, test, dev, ("logistic", "boosted", "lambdamart"), "ndcg@10")
        return replace(found, text="The log does not say what was shown and left, so no click-through rate can be learned: order instead.")
    figures = [figure for metric in ("auc", "logloss", "ece") for figure in _part("", "", test, dev, models, metric).figures]
    return Part(title, formula, "", figures, {task: found.report for task, found in clicks.items()})


def _part(title: str, formula: str, test: Models, dev: Models, models: Sequence[str], metric: str) -> Part:
    figures = [
        Figure(model, name, dev.get(model, {}).get(name), test[model][name])
        for model in models
        for name in test.get(model, {})
        if name == metric or name.endswith(f"/{metric}")
    ]
    return Part(title, formula, "" if figures else "Nothing in this data can show it.", figures)


def verdicts(test: Merged) -> list[str]:
    """A sentence a task: which model wins, and whether fusion beats its best member for sure."""
    notes = []
    metrics = {c.metric for c in test.comparisons if c.metric.endswith("ndcg@10")}
    for metric in sorted(metrics):
        values = {model: numbers[metric].value for model, numbers in test.models.items() if metric in numbers}
        rivals = [c for c in test.comparisons if c.metric == metric]
        best = max((c for c in rivals), key=lambda c: values.get(c.b, 0.0))
        gain = f"{best.difference:+.4f} ({best.low:+.4f} to {best.high:+.4f}, p = {best.p:.3g})"
        said = {"better": "beats", "worse": "loses to", "undecided": "is level with"}[best.verdict]
        notes.append(
            f"{metric}: fused {values.get('fused', float('nan')):.4f} {said} its best rival, {best.b} {values[best.b]:.4f}: {gain}."
        )
    return notes
