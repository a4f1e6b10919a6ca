"""What the fused ranking would have got in clicks on the pages that the log shows: window 4's pages dealt out anew by its score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.evaluation import off_policy as estimators
from aisle.evaluation import places
from aisle.evaluation.impressions import Shown, shown_pages
from aisle.evaluation.lists import Floats
from aisle.evaluation.off_policy import Estimate, OffPolicy, Pages
from aisle.evaluation.places import Past
from aisle.evaluation.propensity import examination, resampled, shares
from aisle.fusion.stack import POSITION, Stack
from aisle.pipeline import Pipeline
from aisle.ranking.features import matrix
from aisle.training.budget import Left
from aisle.training.candidates import frame
from aisle.training.frames import Frame
from aisle.training.job import Job

MOST = 1_500
"""Pages of window 4 that are asked again."""
FEWEST = 20
"""Clicks on the pages below which nothing is said."""
PREFERRED = ("item_position_dr", "position_based_dr", "position_based_ips")
"""Whose number is the answer, the first that is not refused."""
ASSUMES = (
    "assumes that a click is a product looked at and liked; where shoppers trust the top of a page, gains and losses come out too large"
)


def off_policy(job: Job, pipeline: Pipeline, stack: Stack, left: Left) -> OffPolicy:
    """One task's answer, or why there is none."""
    shown = shown_pages(job.data, job.windows.event == 4, stack.task == "search")
    if reason := _lacking(shown):
        return OffPolicy(text=reason)
    chosen = np.random.default_rng(job.settings.seed).permutation(len(shown.replay))[:MOST]
    names = list(dict.fromkeys([*stack.names, *(name for name in stack.click_names if name != POSITION)])) or None
    made = frame(pipeline, stack, shown.replay.pick(chosen), stack.sources, names=names, left=left)
    asked = _ask(job, stack, shown, made, chosen)
    if asked.pages.clicked.sum() < FEWEST:
        return OffPolicy(
            text=f"only {asked.pages.clicked.sum():.0f} clicks on pages whose products may still be shown, {FEWEST} are needed"
        )
    return _answer(job, stack, asked)


def _lacking(shown: Shown) -> str:
    if not len(shown.replay):
        return "the log does not say what was shown in its last window: log impressions"
    if not np.isfinite(shown.rank).any():
        return "the impressions of the log's last window carry no rank: log the place of each product"
    return ""


@dataclass(frozen=True)
class Asked:
    """The pages under the new order; of each shown item its catalogue row, query, propensity, and what the click model says of it at the
    logged rank, the new one and the first."""

    pages: Pages
    item: NDArray[np.int32]
    query: NDArray[np.int64]
    propensity: Floats
    said: tuple[Floats, Floats, Floats] | None

    def same(self, searching: bool) -> NDArray[np.int64]:
        """``(m,)``: the number of what is the same thing: a product for a query, elsewhere a product for a shopper."""
        for_whom = self.query if searching else self.pages.users[self.pages.page]
        return np.unique(np.stack([for_whom, self.item]), axis=1, return_inverse=True)[1].ravel()


def _ask(job: Job, stack: Stack, shown: Shown, made: Frame, chosen: NDArray[np.int64]) -> Asked:
    """What may not be shown any more is left out of both orders; so is what was shown at no known rank."""
    truth, span = shown.replay.truth, len(job.data.catalogue)
    place = np.searchsorted(truth.request * span + truth.item, chosen[made.request] * span + made.item)
    kept = np.isfinite(shown.rank[place])
    named, page = np.unique(made.request[kept], return_inverse=True)
    rank = shown.rank[place][kept].astype(np.int64)
    score = made.scored(lambda features: stack.fuse(features)["score"], stack.asked(made.replay.requests, made.request))[kept]
    pages = Pages(page, rank, estimators.reordered(page, rank, score), (made.grade[kept] > 0).astype(float), made.replay.users[named])
    number = {text: code for code, text in enumerate(job.data.events.queries)}
    queries = np.array([number.get(request.query or "", -1) for request in made.replay.requests], np.int64)
    said = None
    if stack.clicks is not None:
        logged, new, top = (_clicks(stack, made, kept, one) for one in (pages.rank, pages.new, np.zeros_like(rank)))
        said = logged, new, top
    return Asked(pages, made.item[kept], queries[made.request[kept]], shown.propensity[place][kept], said)


def _clicks(stack: Stack, made: Frame, kept: NDArray[np.bool_], rank: NDArray[np.int64]) -> Floats:
    """``(m,)``: the click model's probability for each shown item at these ranks."""
    assert stack.clicks is not None and stack.click_calibrator is not None  # the caller looked
    position = np.full(len(kept), np.nan, np.float32)
    position[kept] = np.log1p(rank)
    x = matrix({**made.features, POSITION: position}, stack.click_names)[kept]
    return np.asarray(stack.click_calibrator.apply(stack.clicks.score(x)), np.float64)


def past(job: Job, searching: bool, window: int = 4) -> Past:
    """What was shown before ``window`` (`places.past`)."""
    return places.past(job.data, job.windows.event < window, searching)


def _answer(job: Job, stack: Stack, asked: Asked) -> OffPolicy:
    pages, before = asked.pages, past(job, stack.task == "search")
    curve = examination(before.group, before.rank, before.clicked)
    estimates, source = _by_place(asked, before, stack.task == "search")
    if len(curve):
        curves = resampled(before.group, before.rank, before.clicked, before.user, seed=job.settings.seed)
        again = [estimators.looked(pages, one) * pages.clicked for one in curves]
        estimates["position_based_ips"] = estimators.ips(pages, estimators.looked(pages, curve), estimators.spread(pages, again))
        if asked.said is not None:
            group = asked.same(stack.task == "search")
            estimates["position_based_dr"] = estimators.doubly_robust_by_look(pages, curve, asked.said[2], group, curves)
    else:
        estimates["position_based_ips"] = Estimate(refused="too few clicks before the last window to see how much each rank is looked at")
    logged = pages.logged
    text = _words(logged, estimates)
    return OffPolicy(len(pages.users), (logged.value, logged.low, logged.high), estimates, source, curve.tolist(), text)


def _by_place(asked: Asked, before: Past, searching: bool) -> tuple[dict[str, Estimate], str]:
    """The item-position estimates: by the probabilities that the log states, else by how often it put the product there for the query."""
    pages, propensity, untried = asked.pages, asked.propensity, 0.0
    source = "stated by the log"
    if not np.isfinite(propensity).any():
        source = "estimated: how often the log put a product at a rank for the same query" if searching else "unknown: the log states none"
        if searching:
            propensity, untried = _estimated(asked, before)
    weights = estimators.matched(pages, propensity)
    found = {
        "item_position_ips": estimators.ips(pages, weights, 0.0, untried),
        "item_position_snips": estimators.snips(pages, weights, untried),
    }
    if asked.said is not None:
        found["item_position_dr"] = estimators.doubly_robust(pages, weights, asked.said[:2], untried)
    return found, source


def _estimated(asked: Asked, before: Past) -> tuple[Floats, float]:
    """Shares over all pages up to now, and the share of the new order's places that were never tried."""
    query, item = (np.concatenate(pair) for pair in ((before.query, asked.query), (before.item, asked.item)))
    group = np.unique(np.stack([query, item]), axis=1, return_inverse=True)[1].ravel()
    rank, new = (np.concatenate([before.rank, one]) for one in (asked.pages.rank, asked.pages.new))
    now = slice(len(before.rank), None)
    return shares(group, rank, rank)[now], float(np.mean(shares(group, rank, new)[now] == 0))


def _words(logged: Estimate, estimates: dict[str, Estimate]) -> str:
    best = next((name for name in PREFERRED if name in estimates and not estimates[name].refused), None)
    if best is None:
        return "no estimate stands: " + "; ".join(f"{name}: {one.refused}" for name, one in estimates.items())
    found = estimates[best]
    sure = "better" if found.difference_low > 0 else "worse" if found.difference_high < 0 else "not told apart"
    said = f"as shown {logged.value:.3f} clicks a page, in the fused order {found.value:.3f} ({found.low:.3f} to {found.high:.3f}), {sure}"
    return f"{said}; by {best}" + (f", which {ASSUMES}" if best.startswith("position") else "")
