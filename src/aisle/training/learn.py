"""From frames to a stack: rankers fitted on window 2, chosen and calibrated on window 3, α set there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf

import numpy as np
from numpy.typing import NDArray

from aisle.evaluation.results import PlanRow
from aisle.fusion.fuser import CTR, RER
from aisle.fusion.methods import FUSERS, WEIGHTED
from aisle.fusion.recall import Recall
from aisle.fusion.segments import ALPHAS, mixed
from aisle.fusion.stack import Stack
from aisle.ranking.calibrate import Calibrator
from aisle.ranking.rankers import BLENDS, CHALLENGERS, KINDS, LINEAR_ROWS, RANKERS, Given, Lists, Ranker, blended
from aisle.training.budget import Left, part_of
from aisle.training.choose import gain_of, mean, quality, weighed
from aisle.training.clicked import Often, on_rows
from aisle.training.frames import Column, Frame
from aisle.training.fusers import SURE, Contest, compete

CONTEST = "fusion"
SLOWER = 1.5
"""Times what LambdaMART took, that must be left before one is begun."""
RANKING = 0.85
"""Of the time so much may go into the rankers; the ways to fuse have the rest."""
LIKELY = 1.0
"""Standard errors that a blend has to gain: two models seldom do worse together, and the second costs a fraction of a millisecond."""
FEWEST = 30
"""Requests with something wanted below which nothing is fitted: the sources then weigh the same."""

Effort = Mapping[str, Given]
"""Ranker to what it was fitted with; under `CONTEST` the ways to fuse for which there was time."""


@dataclass(frozen=True)
class Recipe:
    """How to learn: α by setting or None, the rankers to fit, the time for it, the effort of an earlier run's plan, which then counts.

    ``trees``: the numbers of ``[tuned.trees]``. ``fusion``: the way to fuse by setting or None; the ways, and those of `CHALLENGERS` that
    are named, compete where ``compete``. ``ranker``: the one by setting or None. ``often``: how often each click counts, None where the log
    does not say.
    """

    alpha: float | None
    seed: int
    only: Sequence[str] = (*RANKERS, *BLENDS)
    left: Left = lambda: inf
    effort: Effort = field(default_factory=dict)
    trees: Mapping[str, float] = field(default_factory=dict)
    fusion: str | None = None
    compete: bool = True
    ranker: str | None = None
    challengers: Sequence[str] = ()
    often: Often | None = None

    @property
    def further(self) -> list[str]:
        """The challengers that are asked for and have something to learn from."""
        asked = [name for name in CHALLENGERS if name in self.challengers or name == self.ranker]
        return [name for name in asked if not KINDS[name].weighs or self.often is not None]


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
    wanted = int(fit.wanting.sum())
    if wanted < FEWEST:
        note = f"{stack.task}: only {wanted} requests of window 2 wanted something that was proposed; the sources weigh the same."
        return Learned(stack, {}, [], [note])
    recall = _recall_side(stack.sources, fit, dev)
    rankers, effort = fit_rankers(fit, replace(recipe, left=part_of(recipe.left, RANKING)) if recipe.compete else recipe)
    scores = {name: dev.by(model, names) for name, model in rankers.items()}
    best, rows, said = best_ranker(dev, scores, recipe)
    relevant, summed = dev.relevant.astype(float), dev.scored(recall.score)
    ctr, rer = Calibrator().fit(scores[best], relevant), Calibrator().fit(summed, relevant)
    sides = np.asarray(ctr.apply(scores[best]), np.float32), np.asarray(rer.apply(summed), np.float32)
    alpha, why = _alpha(dev, *sides, recipe.alpha)
    learned = replace(stack, recall=recall, names=names, ranker=rankers[best], ctr=ctr, rer=rer, alpha=alpha)
    alone = {1.0: f", {best} alone", 0.0: ", the recall side alone"}.get(alpha, "")
    notes = [*(f"{stack.task}: {one}" for one in said), f"{stack.task}: α = {alpha:g}{alone}{why}."]
    found = _contest(learned, dev, {CTR: sides[0], RER: sides[1]}, recipe)
    learned = replace(learned, fuser=found.served, heads=learned.heads if found.served else frozenset())
    effort = {**effort, CONTEST: dict.fromkeys(found.contenders, 1)} if recipe.compete else effort
    notes += [] if found.served is None else [f"{stack.task}: fused by {found.name}, {found.why}."]
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


def best_ranker(dev: Frame, scores: Mapping[str, Column], recipe: Recipe) -> tuple[str, list[PlanRow], list[str]]:
    """The one to serve by what each says of ``dev`` (window 3): the best of `RANKERS`, unless a blend gains `LIKELY` standard errors over
    it, a challenger `SURE`; with a plan row for each, and notes. Clicks as they are favour who learned from clicks as they are, so that
    the LambdaMART that weighs them is judged by weighed ones."""
    values = {name: quality(dev, score) for name, score in scores.items()}
    plain = [name for name in scores if name in RANKERS] or list(scores)
    best = max(plain, key=lambda name: mean(values[name]))
    whys, said = dict.fromkeys(plain, "NDCG@10 on window 3 is its gain column"), list[str]()
    for name in (name for name in scores if name not in whys):
        sides = values
        if name in KINDS and KINDS[name].weighs and recipe.often is not None:
            often = recipe.often(dev.replay)
            sides = {one: weighed(dev, scores[one], often) for one in (name, best)}
        gained, error = gain_of(sides[name] - sides[best])
        by = "" if sides is values else " by clicks weighed by their places"
        sure = LIKELY if name in BLENDS else SURE
        whys[name] = f"gains {gained:+.4f} over {best} on window 3{by}, standard error {error:.4f} (wanted: {sure:g} of them)"
        best = name if gained > sure * error else best
    if recipe.ranker is not None and recipe.ranker not in scores:
        said = [f"nothing teaches {recipe.ranker} here; {best} ranks."]
    elif recipe.ranker is not None:
        best, said = recipe.ranker, [f"ranked by {recipe.ranker} by setting."]
    rows = [PlanRow(name, name == best, gain=mean(values[name]), why=whys[name]) for name in scores]
    return best, [*rows, *(_apart(scores, recipe) if recipe.compete else ())], said


def _apart(made: Mapping[str, Column], recipe: Recipe) -> list[PlanRow]:
    """A row for each challenger that was not fitted, with the reason."""
    late, silent = "not tried: the time for the rankers was used up", "not tried: the log does not say where clicks on searches stood"
    whys = {name: late if name in recipe.further else silent if name in recipe.challengers else KINDS[name].apart for name in CHALLENGERS}
    return [PlanRow(name, False, why=why) for name, why in whys.items() if name not in made]


def fit_rankers(fit: Frame, recipe: Recipe) -> tuple[dict[str, Ranker], Effort]:
    """The rankers, on the requests that wanted something proposed, each in its share of the time; and what went into each. Challengers
    come last, with LambdaMART's effort, where enough time is left."""
    lists, numbers = _lists(fit, recipe), {"seed": recipe.seed, **recipe.trees}
    made: dict[str, Ranker] = {}
    effort: dict[str, Given] = {}
    wanted = {*recipe.only, recipe.ranker}
    parts = {part for name in wanted.intersection(BLENDS) for part in BLENDS[str(name)]}
    asked = [name for name in RANKERS if name in wanted | parts]
    asked += [name for name in recipe.further if name == recipe.ranker]
    took = 0.0
    for place, name in enumerate(asked):
        begun = recipe.left()
        share = part_of(recipe.left, 1 / (len(asked) - place))
        made[name], effort[name] = KINDS[name].learn(lists, numbers, recipe.effort.get(name, {}), share)
        took = begun - recipe.left() if name == "lambdamart" and begun < inf else took
    for name in recipe.further if recipe.compete and "lambdamart" in made else ():
        turn = name in recipe.effort if recipe.effort else recipe.left() > SLOWER * took
        if name not in made and turn:
            given = recipe.effort.get(name, effort.get("lambdamart", {}))
            made[name], effort[name] = KINDS[name].learn(lists, numbers, given, recipe.left)
    made |= blended(made, lists.x) if wanted.intersection(BLENDS) else {}
    return {name: model for name, model in made.items() if name not in parts or name in wanted}, effort


def _lists(fit: Frame, recipe: Recipe) -> Lists:
    """The requests that wanted something, as rankers read them."""
    names, used = list(fit.names), fit.wanting
    rows = used[fit.request]
    often = None if recipe.often is None else on_rows(fit, recipe.often(fit.replay))[rows]
    return Lists(fit.table(names, rows), names, fit.groups[used], fit.relevant[rows].astype(float), levels(fit)[rows], often)


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
    gained, error = gain_of(values[best] - values[0.5])
    if gained > error:
        return float(best), f": gains {gained:.4f} NDCG@10 over .5 on window 3"
    return 0.5, ": no other gains more than a standard error on window 3"
