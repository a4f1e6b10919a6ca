"""From frames to a stack: rankers fitted on window 2, chosen and calibrated on window 3, α set there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.evaluation.results import PlanRow
from aisle.fusion.fuser import CTR, RER
from aisle.fusion.methods import FUSERS, WEIGHTED
from aisle.fusion.recall import Recall
from aisle.fusion.segments import ALPHAS, mixed
from aisle.fusion.stack import Ranker, Stack
from aisle.ranking.boosted import Boosted
from aisle.ranking.calibrate import Calibrator
from aisle.ranking.logistic import Logistic
from aisle.training.budget import Left, part_of
from aisle.training.choose import mean, quality
from aisle.training.frames import Column, Frame
from aisle.training.fusers import Contest, compete

CONTEST = "fusion"
RANKERS = ("logistic", "lambdamart", "boosted")
RANKING = 0.85
"""Of the time so much may go into the rankers; the ways to fuse have the rest."""
LINEAR_ROWS = 300_000
"""Rows that a linear model needs at most: more cost time and change nothing."""
LINEAR_SPEED = 30_000
"""Rows that a linear model is given for each second it has."""
WANTED_PER_LEAF = 100
"""Wanted candidates for each leaf of a tree: small logs get small trees."""
FEWEST = 30
"""Requests with something wanted below which nothing is fitted: the sources then weigh the same."""

Rows = tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.int64], list[str]]
"""Features, gains, rows of each request, names of the features."""
Effort = Mapping[str, Mapping[str, int]]
"""Ranker to what it was fitted with where time may limit it: every how manieth row, how many requests, at most how many trees; under
`CONTEST` the ways to fuse for which there was time."""


@dataclass(frozen=True)
class Recipe:
    """How to learn: α by setting or None, the rankers to fit, the time for it, the effort of an earlier run's plan, which then counts.

    ``trees``: the numbers of ``[tuned.trees]``. ``fusion``: the way to fuse by setting or None; the ways compete where ``compete``.
    """

    alpha: float | None
    seed: int
    only: Sequence[str] = RANKERS
    left: Left = lambda: inf
    effort: Effort = field(default_factory=dict)
    trees: Mapping[str, float] = field(default_factory=dict)
    fusion: str | None = None
    compete: bool = True


@dataclass(frozen=True)
class Learned:
    """A stack, every model that stood beside it, what was decided on window 3 in words, and the effort that went into each ranker."""

    stack: Stack
    rankers: Mapping[str, Ranker]
    plan: Sequence[PlanRow]
    notes: Sequence[str]
    effort: Effort = field(default_factory=dict)
    contest: Contest = field(default_factory=Contest)


def learn(stack: Stack, fit: Frame, dev: Frame, recipe: Recipe) -> Learned:
    """Fit the rankers and the recall side on ``fit`` (window 2), choose, calibrate and set α on ``dev`` (window 3)."""
    names = fit.names
    wanted = int(np.unique(fit.request[fit.grade > 0]).size)
    if wanted < FEWEST:
        note = f"{stack.task}: only {wanted} requests of window 2 wanted something that was proposed; the sources weigh the same."
        return Learned(stack, {}, [], [note])
    recall = _recall_side(stack.sources, fit, dev)
    rankers, effort = fit_rankers(fit, replace(recipe, left=part_of(recipe.left, RANKING)) if recipe.compete else recipe)
    scores = {name: dev.by(model, names) for name, model in rankers.items()}
    values = {name: mean(quality(dev, score)) for name, score in scores.items()}
    best = max(values, key=lambda name: values[name])
    relevant, summed = dev.relevant.astype(float), dev.scored(recall.score)
    ctr, rer = Calibrator().fit(scores[best], relevant), Calibrator().fit(summed, relevant)
    sides = np.asarray(ctr.apply(scores[best]), np.float32), np.asarray(rer.apply(summed), np.float32)
    alpha, why = _alpha(dev, *sides, recipe.alpha)
    learned = replace(stack, recall=recall, names=names, ranker=rankers[best], ctr=ctr, rer=rer, alpha=alpha)
    note = f"{stack.task}: α = {alpha:g}{why}."
    rows = [PlanRow(name, name == best, gain=values[name], why="NDCG@10 on window 3 is its gain column") for name in rankers]
    found = _contest(learned, dev, {CTR: sides[0], RER: sides[1]}, recipe)
    learned = replace(learned, fuser=found.served, heads=learned.heads if found.served else frozenset())
    effort = {**effort, CONTEST: dict.fromkeys(found.contenders, 1)} if recipe.compete else effort
    notes = [note] if found.served is None else [note, f"{stack.task}: fused by {found.name}, {found.why}."]
    return Learned(learned, rankers, rows, notes, effort, found)


def _contest(stack: Stack, dev: Frame, sides: Mapping[str, Column], recipe: Recipe) -> Contest:
    """The ways to fuse on window 3; where they do not compete, the one by setting. A plan's ways compete, no others."""
    if not recipe.compete and recipe.fusion in (None, WEIGHTED):
        return Contest()
    names = recipe.effort.get(CONTEST, dict.fromkeys(FUSERS, 1)) if recipe.compete else {}
    wanted = recipe.fusion if recipe.fusion or recipe.alpha is None else WEIGHTED
    return compete(stack, dev, sides, wanted, list(names), recipe.left)


def _recall_side(sources: Sequence[str], fit: Frame, dev: Frame) -> Recall:
    """The loss that ranks window 3 better."""
    few = fit.rows(LINEAR_ROWS)
    models = [Recall(sources, loss).fit(few.features, few.grade, few.offsets) for loss in ("squared", "softmax")]
    return max(models, key=lambda model: mean(quality(dev, dev.scored(model.score))))


def fit_rankers(fit: Frame, recipe: Recipe) -> tuple[dict[str, Ranker], Effort]:
    """The rankers, on the requests that wanted something proposed, each in its share of the time; and what went into each."""
    names = list(fit.names)
    used = np.bincount(fit.request[fit.grade > 0], minlength=len(fit.groups)) > 0
    rows = used[fit.request]
    x, groups, relevant, grade = fit.table(names, rows), fit.groups[used], fit.relevant[rows].astype(float), levels(fit)[rows]
    size: dict[str, Any] = {"leaves": int(np.clip(relevant.sum() / WANTED_PER_LEAF, 4, 15)), "seed": recipe.seed, **recipe.trees}
    made: dict[str, Ranker] = {}
    effort: dict[str, Mapping[str, int]] = {}
    makers: dict[str, Callable[[Mapping[str, int], Left], tuple[Ranker, dict[str, int]]]] = {
        "logistic": lambda given, left: _logistic(x, relevant, given, left),
        "lambdamart": lambda given, left: trees(Boosted("order", **size), (x, grade, groups, names), given, left),
        "boosted": lambda given, left: trees(Boosted("probability", **size), (x, relevant, groups, names), given, left),
    }
    asked = [name for name in makers if name in recipe.only]
    for place, name in enumerate(asked):
        made[name], effort[name] = makers[name](recipe.effort.get(name, {}), part_of(recipe.left, 1 / (len(asked) - place)))
    return made, effort


def _logistic(x: NDArray[np.float32], y: NDArray[np.float64], given: Mapping[str, int], left: Left) -> tuple[Ranker, dict[str, int]]:
    most = min(LINEAR_ROWS, max(1_000, LINEAR_SPEED * min(left(), 1e6)))
    every = given.get("every", max(1, int(len(x) / most)))
    return Logistic().fit(x[::every], y[::every]), {"every": every}


def trees(model: Boosted, data: Rows, given: Mapping[str, int], left: Left) -> tuple[Ranker, dict[str, int]]:
    """The model fitted in the time ``left``, or with the effort ``given`` by a plan; and the effort that it took."""
    x, gain, groups, names = data
    most = given.get("requests", len(groups))
    model.epochs = given.get("trees", model.epochs)
    model.fit(x[: int(groups[:most].sum())], gain[: int(groups[:most].sum())], groups[:most], names, left)
    return model, {"requests": model.groups_, "trees": model.epochs}


def levels(frame: Frame) -> NDArray[np.float64]:
    """``(n,) float64``: grades of relevant rows as 1 to 4 in equal parts of the scale above the relevant mark, others 0."""
    graded = frame.grade[frame.relevant]
    result = np.zeros(len(frame.grade))
    if not len(graded):
        return result
    low, high = float(graded.min()), float(graded.max())
    step = (high - low) / 3
    result[frame.relevant] = 1 + (np.round((graded - low) / step) if step > 0 else 0)
    return result


def _alpha(dev: Frame, ctr: Column, rer: Column, given: float | None) -> tuple[float, str]:
    """α from the settings, else .5 unless another is better on window 3 by more than a standard error of the difference; and why."""
    if given is not None:
        return given, " by setting"
    values = {a: quality(dev, mixed(a, ctr, rer)) for a in ALPHAS}
    best = max(values, key=lambda a: mean(values[a]))
    difference = values[best] - values[0.5]
    known = difference[np.isfinite(difference)]
    error = float(known.std() / np.sqrt(max(1, len(known))))
    if mean(difference) > error:
        return float(best), f": gains {mean(difference):.4f} NDCG@10 over .5 on window 3"
    return 0.5, ": no other gains more than a standard error on window 3"
