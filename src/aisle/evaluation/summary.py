"""From ranked lists and click scores to measured numbers: one call per task gives metrics with bounds, paired comparisons and slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from aisle.core.errors import StageError
from aisle.evaluation import probability
from aisle.evaluation.intervals import bootstrap, exact_bounds, few
from aisle.evaluation.lists import Floats, Lists, Mask, Truth, judge
from aisle.evaluation.metrics import ItemFacts, coverage, parse, per_request
from aisle.evaluation.results import Comparison, Measured, Models, Slice
from aisle.evaluation.significance import benjamini_hochberg, holm, paired

RANKING = ("ndcg@10", "recall@10", "recall@100", "hr@10", "mrr", "map", "precision@10", "coverage@10", "novelty@10", "diversity@10")
SELLING = ("conversion@10", "revenue@10")
SMALLER_IS_BETTER = frozenset({"logloss", "ne", "brier", "ece"})
UNIT = frozenset({"ndcg", "recall", "hr", "mrr", "map", "precision", "conversion"})
"""Kinds of metric between 0 and 1, for which all-0 or all-1 still leaves doubt."""


@dataclass(frozen=True)
class TaskRuns:
    """One task's test requests: what each wanted, each model's list, whose it was (``users`` ``(n,)``, -1 unknown; absent: all different).
    ``slices`` name masks ``(n,) bool``. ``main`` is the model set against every other."""

    task: str
    truth: Truth
    runs: Mapping[str, Lists]
    users: NDArray[np.int32] | None = None
    facts: ItemFacts | None = None
    slices: Mapping[str, Mask] = field(default_factory=dict)
    main: str = "fused"


@dataclass(frozen=True)
class ClickRuns:
    """One task of predicting a click: ``labels`` ``(n,)`` 0 or 1, each model's ``scores`` ``(n,)``; ``probabilities`` names the models
    whose scores are probabilities (only they have logloss, ne, brier and ece)."""

    task: str
    labels: Floats
    scores: Mapping[str, Floats]
    probabilities: Sequence[str] = ()
    users: NDArray[np.int32] | None = None
    slices: Mapping[str, Mask] = field(default_factory=dict)
    main: str = "ctr"


@dataclass(frozen=True)
class TaskSummary:
    """What `summarise` found for one task, metric names without the task."""

    task: str
    models: Models
    comparisons: Sequence[Comparison]
    slices: Mapping[str, Slice]


@dataclass(frozen=True)
class Merged:
    """Several tasks under one roof: names carry ``task/`` in front, p-values are corrected as `corrected` says."""

    models: Models
    comparisons: Sequence[Comparison]
    slices: Mapping[str, Slice]


Key = tuple[str, str, str]
"""Slice ("" for all), model, metric."""
Columns = dict[Key, Floats]


def summarise(
    runs: TaskRuns,
    metrics: Sequence[str] = RANKING,
    compared: Sequence[str] = ("ndcg@10", "hr@10", "recall@100"),
    sliced: Sequence[str] = ("ndcg@10",),
    seed: int = 7,
) -> TaskSummary:
    """Measure every model on ``metrics`` and, in each slice, on ``sliced``; test ``runs.main`` against each other model on ``compared``.

    `SELLING` metrics are added where anything was bought. Metrics of all lists together (coverage) have no interval.
    """
    whole = [*metrics, *(SELLING if runs.truth.bought.any() else ())]
    plain = [name for name in dict.fromkeys([*whole, *compared, *sliced]) if parse(name)[0] != "coverage"]
    columns: Columns = {}
    for model, lists in runs.runs.items():
        judged = judge(lists, runs.truth)
        columns |= {("", model, name): per_request(judged, lists, name, runs.facts) for name in plain}
    parts = {key: values for key, values in columns.items() if key[2] in whole}
    for label, mask in runs.slices.items():
        parts |= {(label, m, name): np.where(mask, v, np.nan) for (_, m, name), v in columns.items() if name in sliced}
    measured = _measure(parts, runs.users, seed)
    for (model, lists), name in product(runs.runs.items(), whole):
        if runs.facts is not None and parse(name)[0] == "coverage":
            measured["", model, name] = Measured(coverage(lists, runs.facts, parse(name)[1]), n=len(runs.truth))
    return TaskSummary(runs.task, _by_model(measured, ""), _compare(columns, runs, compared, seed), _slices(measured, runs.slices))


def summarise_clicks(runs: ClickRuns, compared: Sequence[str] = ("auc", "logloss"), seed: int = 7) -> TaskSummary:
    """Measure click models: ``auc``, ``gauc`` of all, ``logloss ne brier ece`` of those that give probabilities; ``auc`` in each slice."""
    columns: Columns = {}
    for model, scores in runs.scores.items():
        if scores.shape != runs.labels.shape:
            raise StageError(f"Model `{model}` has {len(scores)} scores for {len(runs.labels)} labels.")
        columns |= {("", model, name): values for name, values in _click_columns(runs, model).items()}
        for label, mask in runs.slices.items():  # an auc is no mean, so that of a slice is computed anew
            columns[label, model, "auc"] = probability.auc(np.where(mask, runs.labels, np.nan), scores)
    measured = _measure(columns, runs.users, seed)
    for model in runs.probabilities:
        low, high = probability.ece_bounds(runs.labels, runs.scores[model], runs.users, seed=seed)
        n = measured["", model, "logloss"].n
        measured["", model, "ece"] = Measured(probability.ece(runs.labels, runs.scores[model]), low, high, n, few(n, "cases"))
    whole = {key: values for key, values in columns.items() if not key[0]}
    return TaskSummary(runs.task, _by_model(measured, ""), _compare(whole, runs, compared, seed), _slices(measured, runs.slices))


def _click_columns(runs: ClickRuns, model: str) -> dict[str, Floats]:
    scores = runs.scores[model]
    found = {"auc": probability.auc(runs.labels, scores)}
    if runs.users is not None:
        found["gauc"] = probability.gauc(runs.labels, scores, runs.users)
    if model in runs.probabilities:
        found |= {"logloss": probability.logloss(runs.labels, scores), "ne": probability.ne(runs.labels, scores)}
        found["brier"] = probability.brier(runs.labels, scores)
    return found


def merge(summaries: Sequence[TaskSummary]) -> Merged:
    """Put tasks together; with one task names stay bare, with several they become ``task/name``."""
    several = len(summaries) > 1
    models: dict[str, dict[str, Measured]] = {}
    comparisons: list[Comparison] = []
    slices: dict[str, Slice] = {}
    for one in summaries:
        front = f"{one.task}/" if several else ""
        for model, numbers in one.models.items():
            models.setdefault(model, {}).update(_prefixed(numbers, front))
        comparisons += [replace(c, metric=front + c.metric) for c in one.comparisons]
        for name, part in one.slices.items():
            slices[front + name] = replace(part, models={model: _prefixed(numbers, front) for model, numbers in part.models.items()})
    return Merged(models, corrected(comparisons), slices)


def corrected(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The same comparisons with p-values corrected: by Holm over those of one task and metric, which a reader takes in as one table, and
    by Benjamini-Hochberg over all of them."""
    p = np.array([c.p for c in comparisons])
    table = np.array([c.metric for c in comparisons], object)
    family = np.full(len(p), np.nan)
    for metric in dict.fromkeys(table):
        family[table == metric] = holm(p[table == metric])
    both = zip(comparisons, family, benjamini_hochberg(p), strict=True)
    return [replace(c, p_holm=float(within), p_fdr=float(rate)) for c, within, rate in both]


def better(metric: str, a: float, b: float) -> bool:
    """Whether ``a`` is the better value of this metric."""
    smaller = metric.rpartition("/")[2].partition("@")[0] in SMALLER_IS_BETTER
    return a < b if smaller else a > b


def _measure(parts: Columns, users: NDArray[np.int32] | None, seed: int) -> dict[Key, Measured]:
    """Bounds for everything in one pass over the same resamples: a slice is the same column with the other requests NaN."""
    if not parts:
        return {}
    found = bootstrap(np.stack(list(parts.values()), axis=1), users, seed=seed)
    return {
        key: _measured(key[2], float(found.value[at]), (float(found.low[at]), float(found.high[at])), int(found.n[at]))
        for at, key in enumerate(parts)
    }


def _measured(metric: str, value: float, bounds: tuple[float, float], n: int) -> Measured:
    if parse(metric)[0] in UNIT and value in (0.0, 1.0):
        bounds = exact_bounds(value, n)
    return Measured(value, *bounds, n, few(n, _CASES.get(parse(metric)[0], "requests with a relevant item")))


_CASES = {
    "novelty": "requests with a list", "diversity": "requests with two items", "revenue": "requests with known prices",
    "conversion": "requests", "auc": "cases of both kinds", "gauc": "cases of users with both kinds",
    "logloss": "cases", "ne": "cases", "brier": "cases",
}  # fmt: skip


def _compare(columns: Columns, runs: TaskRuns | ClickRuns, metrics: Sequence[str], seed: int) -> list[Comparison]:
    main = {name: columns["", runs.main, name] for name in metrics if ("", runs.main, name) in columns}
    pairs = [(model, name) for _, model, name in columns if name in main and model != runs.main]
    if not pairs:
        return []
    test = paired(np.stack([main[name] - columns["", model, name] for model, name in pairs], axis=1), runs.users, seed=seed)
    of = test.difference
    return corrected([
        Comparison(
            runs.main, model, name, float(of.value[at]), float(of.low[at]), float(of.high[at]), float(test.p[at]),
            n=int(of.n[at]), detectable=float(test.detectable[at]),
        )
        for at, (model, name) in enumerate(pairs)
    ])  # fmt: skip


def _slices(measured: Mapping[Key, Measured], masks: Mapping[str, Mask]) -> dict[str, Slice]:
    return {name: Slice(int(mask.sum()), _by_model(measured, name), few(int(mask.sum()), "requests")) for name, mask in masks.items()}


def _by_model(measured: Mapping[Key, Measured], label: str) -> dict[str, dict[str, Measured]]:
    found: dict[str, dict[str, Measured]] = {}
    for (where, model, name), number in measured.items():
        if where == label:
            found.setdefault(model, {})[name] = number
    return found


def _prefixed(numbers: Mapping[str, Measured], front: str) -> dict[str, Measured]:
    return {front + name: number for name, number in numbers.items()}
