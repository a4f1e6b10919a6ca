"""How far the shop and the models' scores moved from window to window, and how the models of window 1 age over the later ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from aisle.core.catalogue import Catalogue
from aisle.core.events import Events
from aisle.evaluation.drift import Drift, Point, Shift, aging, binned, compare, corrected
from aisle.evaluation.lists import Floats, Lists, judge
from aisle.evaluation.metrics import per_request
from aisle.training.ablation import Windows
from aisle.training.choose import METRIC
from aisle.training.frames import Column, Frame
from aisle.training.job import Job
from aisle.training.judge import fused
from aisle.training.learn import Learned

ROWS = 300_000
"""Events, drawn from all, that columns are compared on."""
LATER = (2, 3, 4)
DRAWN = 4
"""Models whose ageing is drawn."""
DAY = 86_400.0
Codes = Mapping[str, tuple[NDArray[np.int64], NDArray[np.bool_]]]
"""Column to the codes of all events, -1 for missing, and which events have such a column at all."""


def drift(job: Job, scores: Sequence[Shift], ages: Mapping[str, Sequence[Point]]) -> Drift:
    """The section; ``scores`` and ``ages`` are what each task found (`score_shifts`, `model_aging`)."""
    clock = job.data.events.clock and job.windows.by == "time"
    said = (
        "Windows follow each other in time." if clock else "No clock: window 4 is each user's last event, 3 the one before, 2 before that."
    )
    if not len(job.data.events):
        return Drift(text="No events: nothing can have moved.", unit="days")
    shifts = corrected([*column_shifts(job), *scores])
    return Drift(shifts, {task: found for task, found in ages.items() if found}, "days" if clock else "events of the user", said)


def column_shifts(job: Job) -> list[Shift]:
    """Each column of the data in windows 2, 3 and 4 beside window 1."""
    data, drawn = job.data, np.ones(len(job.data.events), bool)
    if len(drawn) > ROWS:
        drawn[np.random.default_rng(job.settings.seed).permutation(len(drawn))[ROWS:]] = False
    events, window = data.events.where(drawn), job.windows.event[drawn]
    found = []
    for name, (codes, there) in _columns(events, data.catalogue, window == 1).items():
        first = there & (window == 1)
        found += [compare(name, codes, events.user, first, there & (window == later), (1, later)) for later in LATER]
    return found


def _columns(events: Events, catalogue: Catalogue, first: NDArray[np.bool_]) -> Codes:
    whole, items, typed = np.ones(len(events), bool), events.item >= 0, events.query >= 0
    found = {"event type": (events.type.astype(np.int64), whole)}
    for name in ("category", "brand", "language"):
        codes = _of_items(catalogue.labels(name).first.astype(np.int64), events)
        if (codes >= 0).any():
            found[name] = codes, items
    if "price" in catalogue.numbers:
        price = np.append(catalogue.number("price"), np.nan)[events.item]
        found["price band"] = binned(price, first & items), items
    if typed.any():
        length = np.append([float(len(text)) for text in events.queries], np.nan)[events.query]
        found["query length"] = binned(length, first & typed), typed
    if events.clock:
        found["hour of the day, UTC"] = (events.time // 3_600 % 24).astype(np.int64), whole
    return found


def _of_items(codes: NDArray[np.int64], events: Events) -> NDArray[np.int64]:
    return np.append(codes, -1)[events.item]


def score_shifts(learned: Learned, windows: Windows) -> list[Shift]:
    """The best score of each request in window 4 beside window 3: rankers and weights were fitted on 2, so that is no fair beginning."""
    both = (windows.dev, windows.test)
    users = np.concatenate([frame.replay.users for frame in both])
    before = np.arange(len(users)) < len(windows.dev.replay)
    models = {
        "fused score": [fused(learned, frame) for frame in both],
        "recall side score": [frame.scored(learned.stack.recall.score) for frame in both],
    }
    found = []
    for name, scores in models.items():
        top = np.concatenate([_top(frame, score) for frame, score in zip(both, scores, strict=True)])
        found.append(compare(f"{learned.stack.task}: {name}", binned(top, before), users, before, ~before, (3, 4)))
    return found


def _top(frame: Frame, score: Column) -> Floats:
    """``(requests,)``: the best finite score of each, NaN where there is none."""
    best = np.full(len(frame.groups), -np.inf)
    np.maximum.at(best, frame.request, np.where(np.isfinite(score), score, -np.inf).astype(float))
    return np.where(np.isfinite(best), best, np.nan)


def model_aging(job: Job, windows: Windows, fused_lists: Lists) -> list[Point]:
    """NDCG@10 of the sources that window 1 taught over windows 2 to 4, and of the fused ranking, decided on window 3, over 4 alone.

    The age is counted from the end of window 1. None where the requests have no time, as judged queries have not.
    """
    frames = {2: windows.fit, 3: windows.dev, 4: windows.test}
    age = np.concatenate([_age(job, window, frame) for window, frame in frames.items()])
    users = np.concatenate([frame.replay.users for frame in frames.values()])
    sizes = [len(frame.replay) for frame in frames.values()]
    names = [name for name in windows.test.alone if all(name in frame.alone for frame in frames.values())]
    each = {name: np.concatenate([_quality(frame, frame.alone[name]) for frame in frames.values()]) for name in names}
    middle = slice(sizes[0], sizes[0] + sizes[1])
    order = sorted(names, key=lambda name: (name != "popularity", -float(np.nan_to_num(each[name][middle]).mean())))
    quality = {name: each[name] for name in order[: DRAWN - 1]}
    quality["fused"] = np.concatenate([np.full(sizes[0] + sizes[1], np.nan), _quality(windows.test, fused_lists)])
    return aging(age, quality, users, seed=job.settings.seed)


def _age(job: Job, window: int, frame: Frame) -> Floats:
    asked = np.array([request.as_of for request in frame.replay.requests], float)
    if job.windows.by == "time" and job.data.events.clock:
        return (asked - job.windows.cuts[0]) / DAY
    return np.where(np.isfinite(asked), float(window - 1), np.nan)


def _quality(frame: Frame, lists: Lists) -> Floats:
    return per_request(judge(lists, frame.replay.truth), lists, METRIC)
