"""From frames to a stack: sources chosen, rankers fitted on window 2, calibration and α on window 3."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aisle.evaluation.lists import judge
from aisle.evaluation.metrics import per_request
from aisle.evaluation.results import PlanRow
from aisle.fusion.recall import Recall
from aisle.fusion.stack import Ranker, Stack
from aisle.ranking.boosted import Boosted
from aisle.ranking.calibrate import Calibrator
from aisle.ranking.features import matrix
from aisle.ranking.logistic import Logistic
from aisle.training.frames import Frame

METRIC = "ndcg@10"
RANKERS = ("logistic", "lambdamart", "boosted")
ALPHAS = tuple(np.linspace(0, 1, 11).round(1).tolist())
MOST_CHOOSING = 1_500
"""Requests of each window that the choice of sources looks at."""
LINEAR_ROWS = 300_000
"""Rows that a linear model needs at most: more cost time and change nothing."""
WANTED_PER_LEAF = 100
"""Wanted candidates for each leaf of a tree: small logs get small trees."""
FEWEST = 30
"""Requests with something wanted below which nothing is fitted: the sources then weigh the same."""

Column = NDArray[np.float32]


@dataclass(frozen=True)
class Learned:
    """A stack, every model that stood beside it, and what was decided on window 3, in words."""

    stack: Stack
    rankers: Mapping[str, Ranker]
    plan: Sequence[PlanRow]
    notes: Sequence[str]


def quality(frame: Frame, score: NDArray[np.floating]) -> NDArray[np.float64]:
    """``(requests,) float64``: NDCG@10 of each request's list, NaN where nothing was wanted."""
    return per_request(judge(lists := frame.ranked(score, 10), frame.replay.truth), lists, METRIC)


def mean(values: NDArray[np.float64]) -> float:
    """Mean over the requests that wanted something, 0 when none did."""
    return float(np.nanmean(values)) if np.isfinite(values).any() else 0.0


def choose(sources: Sequence[str], floor: Sequence[str], fit: Frame, dev: Frame) -> tuple[tuple[str, ...], list[PlanRow]]:
    """Greedy forward selection on window 3: a source stays when the weighted sum of those chosen before gains from it.

    ``floor`` sources stay whatever they add: the fallback and the report's baselines need them.
    """
    fit, dev = (frame.head(MOST_CHOOSING) for frame in (fit, dev))
    present = [name for name in sources if f"{name}_rank" in fit.features]
    chosen: list[str] = []
    rows: list[PlanRow] = []
    best = -1.0
    left = list(present)
    while left:
        gains = {name: _together([*chosen, name], fit, dev) for name in left}
        name = max(gains, key=lambda key: gains[key])
        if chosen and gains[name] <= best + 1e-5:
            break
        rows.append(PlanRow(name, True, gain=gains[name] - max(best, 0.0), why="raises NDCG@10 on window 3"))
        best = gains[name]
        chosen.append(name)
        left.remove(name)
    for name in left:
        kept = name in floor
        why = "stays as a baseline and for the fallback" if kept else "adds nothing on window 3 to those chosen before it"
        rows.append(PlanRow(name, kept, gain=0.0, why=why))
    return tuple(name for name in present if name in chosen or name in floor), rows


def _together(sources: Sequence[str], fit: Frame, dev: Frame) -> float:
    model = Recall(sources, "squared").fit(fit.features, fit.grade, fit.offsets)
    return mean(quality(dev, _listed(model.score(dev.features), sources, dev)))


def _listed(score: Column, sources: Sequence[str], frame: Frame) -> Column:
    """``score`` where one of ``sources`` proposed the item, NaN elsewhere."""
    proposed = np.zeros(len(score), bool)
    for name in sources:
        proposed |= np.isfinite(frame.features[f"{name}_rank"])
    return np.where(proposed, score, np.nan).astype(np.float32)


def learn(stack: Stack, fit: Frame, dev: Frame, alpha: float | None, seed: int, only: Sequence[str] = RANKERS) -> Learned:
    """Fit the rankers ``only`` and the recall side on ``fit`` (window 2), choose, calibrate and set α on ``dev`` (window 3)."""
    names = tuple(fit.features)
    wanted = int(np.unique(fit.request[fit.grade > 0]).size)
    if wanted < FEWEST:
        note = f"{stack.task}: only {wanted} requests of window 2 wanted something that was proposed; the sources weigh the same."
        return Learned(stack, {}, [], [note])
    recall = _recall_side(stack.sources, fit, dev)
    rankers = _rankers(fit, names, seed, only)
    x = matrix(dev.features, names)
    values = {name: quality(dev, model.score(x)) for name, model in rankers.items()}
    best = max(values, key=lambda name: mean(values[name]))
    ranker = rankers[best]
    learned = replace(
        stack,
        recall=recall,
        names=names,
        ranker=ranker,
        ctr=Calibrator().fit(ranker.score(x), dev.relevant.astype(float)),
        rer=Calibrator().fit(recall.score(dev.features), dev.relevant.astype(float)),
    )
    learned, note = _set_alpha(learned, dev, alpha)
    rows = [PlanRow(name, name == best, gain=mean(values[name]), why="NDCG@10 on window 3 is its gain column") for name in rankers]
    return Learned(learned, rankers, rows, [note])


def _recall_side(sources: Sequence[str], fit: Frame, dev: Frame) -> Recall:
    """The loss that ranks window 3 better."""
    models = [Recall(sources, loss).fit(fit.features, fit.grade, fit.offsets) for loss in ("squared", "softmax")]
    return max(models, key=lambda model: mean(quality(dev, model.score(dev.features))))


def _rankers(fit: Frame, names: Sequence[str], seed: int, only: Sequence[str]) -> dict[str, Ranker]:
    x = matrix(fit.features, names)
    used = np.flatnonzero(np.bincount(fit.request[fit.grade > 0], minlength=len(fit.groups)) > 0)
    rows = np.isin(fit.request, used)
    x, groups = x[rows], fit.groups[used]
    relevant = fit.relevant[rows].astype(float)
    every = max(1, len(x) // LINEAR_ROWS)
    leaves = int(np.clip(relevant.sum() / WANTED_PER_LEAF, 4, 15))
    made: dict[str, Callable[[], Ranker]] = {
        "logistic": lambda: Logistic().fit(x[::every], relevant[::every]),
        "lambdamart": lambda: Boosted("order", leaves=leaves, seed=seed).fit(x, levels(fit)[rows], groups, list(names)),
        "boosted": lambda: Boosted("probability", leaves=leaves, seed=seed).fit(x, relevant, groups, list(names)),
    }
    return {name: make() for name, make in made.items() if name in only}


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


def _set_alpha(stack: Stack, dev: Frame, alpha: float | None) -> tuple[Stack, str]:
    """α from the settings, else .5 unless another is better on window 3 by more than a standard error of the difference."""
    if alpha is not None:
        return replace(stack, alpha=alpha), f"{stack.task}: α = {alpha:g} by setting."
    sides = stack.fuse(dev.features)
    values = {a: quality(dev, a * sides["ctr"] + (1 - a) * sides["rer"]) for a in ALPHAS}
    best = max(values, key=lambda a: mean(values[a]))
    difference = values[best] - values[0.5]
    known = difference[np.isfinite(difference)]
    error = float(known.std() / np.sqrt(max(1, len(known))))
    chosen = best if mean(difference) > error else 0.5
    why = (
        f"gains {mean(difference):.4f} NDCG@10 over .5 on window 3"
        if chosen != 0.5
        else "no other gains more than a standard error on window 3"
    )
    return replace(stack, alpha=float(chosen)), f"{stack.task}: α = {chosen:g}: {why}."
