"""What a profile tells of the user's next step, σ⟨θ, x⟩ over the fold, over the encoder's vector of the past, over both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from aisle.core.catalogue import Catalogue
from aisle.data.windows import Windows
from aisle.evaluation import replay
from aisle.evaluation.intervals import bootstrap, few
from aisle.evaluation.results import Comparison, Figure, Measured
from aisle.evaluation.significance import paired
from aisle.evaluation.summary import corrected
from aisle.pipeline import Pipeline
from aisle.profile.history import STAMPED
from aisle.retrieval.dense import Content
from aisle.retrieval.vectors import ItemVectors
from aisle.training.described import Described, described
from aisle.training.job import Job
from aisle.training.linear_head import chances, constant
from aisle.training.moments import Moments, Numbers, buying, leaving

Floats = NDArray[np.float64]
SHARE = 0.03
"""Of the time left so much may go into the heads."""
SPEED = 300.0
"""Moments that are read and learned from in a second on an idle core."""
MOST = {2: 4_000, 3: 1_500, 4: 3_000}
"""Moments drawn: from windows 1 and 2, which teach, from 3 and from 4."""
FEWEST = {2: 100, 3: 40, 4: 40}
"""Moments of each below which a head is left out."""
CLASSES = 30
"""Most frequent categories that are told apart; all others are one class."""
LEVELS = 3
READ: Mapping[str, Callable[[Described], NDArray[np.float32]]] = {
    "profile_fold": lambda one: one.fold,
    "profile_encoder": lambda one: one.encoder,
    "profile_both": lambda one: np.concatenate([one.fold, one.encoder], axis=1),
}
"""Row of the report to what it reads."""
USUAL, CONSTANT = "profile_usual", "constant_rate"


@dataclass(frozen=True)
class Heads:
    """Lines for the report's part on the profile: figures on windows 3 and 4, comparisons on 4, and what to say about them."""

    figures: Sequence[Figure] = ()
    comparisons: Sequence[Comparison] = ()
    text: str = ""


@dataclass(frozen=True)
class Head:
    """One question with its moments by window (2 stands for 1 and 2, which teach), their labels classes out of ``size``. ``usual`` answers
    it without a model: a class for each user, -1 for unknown; None where there is no such answer."""

    name: str
    moments: Mapping[int, Moments]
    size: int
    usual: Callable[[Described], Numbers] | None = None


@dataclass(frozen=True)
class Answers:
    """A window's ``n`` answers: ``truth``, ``chance`` ``(n, classes)`` of each model, ``usual`` as `Head` has it, ``users`` ``(n,)``."""

    truth: Numbers
    users: NDArray[np.int32]
    chance: Mapping[str, Floats]
    usual: Numbers | None = None

    def columns(self) -> dict[tuple[str, str], Floats]:
        """Model and metric to a value for each moment."""
        rows, found = np.arange(len(self.truth)), {}
        if self.usual is not None:
            found[USUAL, "accuracy"] = (self.usual == self.truth).astype(float)
        for model, chance in self.chance.items():
            found[model, "accuracy"] = (chance.argmax(axis=1) == self.truth).astype(float)
            found[model, "logloss"] = -np.log(chance[rows, self.truth])
        return found


@dataclass
class _Found:
    figures: list[Figure] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


def learn_heads(job: Job, pipeline: Pipeline, vectors: ItemVectors | None) -> Heads:
    """Learn on windows 1 and 2, choose on 3, score once on 4, in `SHARE` of the time left; what is left out is said in words."""
    clock = job.budget.clock
    begun, seconds = clock(), SHARE * job.budget.left
    if vectors is None:
        return Heads(text="No encoder: what a history's titles tell of the next step was not measured.")
    room = min(1.0, SPEED * seconds / job.budget.slowness / sum(MOST.values()))
    if room * MOST[2] < FEWEST[2]:
        return Heads(text=f"{seconds:.1f} s were left for it: what a profile tells of the next step was not measured.")
    found = _Found()
    content = job.text.get("content")
    reading = content.on(vectors) if isinstance(content, Content) else Content(vectors=vectors)
    with job.tracker.part("what profiles tell of the next step"):
        wide = _wide(job)
        for name, head in _heads(job, room):
            if isinstance(head, str):
                found.said.append(f"{name}: {head}.")
            elif any(len(head.moments[window]) < least for window, least in FEWEST.items()):
                found.said.append(f"{name}: too few visits of known users to learn from.")
            elif clock() - begun > seconds:
                found.said.append(f"{name}: left out, the time for it was over.")
            else:
                _add(
                    found, job, head, {w: described(pipeline, job.data.events.users, one, reading, wide) for w, one in head.moments.items()}
                )
    return Heads(found.figures, found.comparisons, " ".join(found.said))


def _wide(job: Job) -> dict[str, Numbers]:
    """The most frequent values of window 1 that have a column each."""
    taken = job.data.events.item[job.windows.event == 1]
    return {name: _frequent(job.data.catalogue, name, taken[taken >= 0]) for name in STAMPED if name in job.data.catalogue.texts}


def _frequent(catalogue: Catalogue, name: str, items: NDArray[np.int32]) -> Numbers:
    codes = catalogue.labels(name).first[items]
    times = np.bincount(codes[codes >= 0])
    return np.argsort(-times, kind="stable")[: min(CLASSES, int((times > 0).sum()))].astype(np.int64)


def _heads(job: Job, room: float) -> Iterator[tuple[str, Head | str]]:
    """The questions that this data can be asked; in words, why it cannot be asked one."""
    data, windows, seed = job.data, job.windows, job.settings.seed
    targets = replay.success_type(data.events, job.settings.evaluation.targets)
    most = {window: int(room * size) for window, size in MOST.items()}
    bought = {window: buying(data, _inside(windows, window), targets).sample(size, seed) for window, size in most.items()}
    yield "next_category", _category(job, bought)
    yield "next_price", _price(job, bought)
    if windows.by == "time" and data.events.clock:
        yield (
            "comes_back",
            Head("comes_back", {w: leaving(data, windows, 1 if w == 2 else w, w).sample(size, seed) for w, size in most.items()}, 2),
        )
    else:
        yield "comes_back", "the log has no clock"


def _inside(windows: Windows, window: int) -> NDArray[np.bool_]:
    return windows.of(1, 2) if window == 2 else windows.of(window)


def _category(job: Job, bought: Mapping[int, Moments]) -> Head | str:
    """Which category the next purchase begins with."""
    code_of, rows = job.data.catalogue.labels("category").first.astype(np.int64), job.data.events.item
    codes = _frequent(job.data.catalogue, "category", rows[bought[2].label])
    if len(codes) < 2:
        return "no two categories are known"
    place = np.full(len(job.data.catalogue.labels("category").names) + 1, len(codes), np.int64)
    place[codes], place[-1] = np.arange(len(codes)), -1
    labelled = {window: one.labelled(place[code_of[rows[one.label]]]) for window, one in bought.items()}
    known = {window: one.pick(one.label >= 0) for window, one in labelled.items()}
    return Head("next_category", known, len(codes) + 1, lambda one: place[one.usual])


def _price(job: Job, bought: Mapping[int, Moments]) -> Head | str:
    """In which third of the prices known from windows 1 and 2 the next purchase begins."""
    events, listed = job.data.events, job.data.catalogue.number("price")
    paid = {w: np.where(events.price[one.label] > 0, events.price[one.label], listed[events.item[one.label]]) for w, one in bought.items()}
    known = {window: price > 0 for window, price in paid.items()}
    edges = np.quantile(paid[2][known[2]], [1 / LEVELS, 2 / LEVELS]) if known[2].any() else np.zeros(2)
    if edges[0] == edges[1]:
        return "no two prices are known"
    level = {window: np.searchsorted(edges, paid[window][known[window]], side="right").astype(np.int64) for window in bought}
    moments = {window: one.pick(known[window]).labelled(level[window]) for window, one in bought.items()}

    def last(one: Described) -> Numbers:
        price = np.append(listed, np.nan)[one.last]
        return np.where(price > 0, np.searchsorted(edges, price, side="right"), -1).astype(np.int64)

    return Head("next_price", moments, LEVELS, last)


def _add(found: _Found, job: Job, head: Head, seen: Mapping[int, Described]) -> None:
    """Measure one head and say what came out."""
    truth = {window: one.label for window, one in head.moments.items()}
    said: dict[str, tuple[Floats, Floats]] = {
        name: chances({window: read(one) for window, one in seen.items()}, truth, head.size) for name, read in READ.items()
    }
    rate = constant(truth[2], head.size)
    said[CONSTANT] = rate.repeat(len(truth[3]), axis=0), rate.repeat(len(truth[4]), axis=0)
    dev, test = (
        Answers(
            truth[window],
            head.moments[window].user,
            {name: both[place] for name, both in said.items()},
            None if head.usual is None else _usual(head.usual(seen[window]), rate),
        )
        for place, window in enumerate((3, 4))
    )
    seed = job.settings.seed
    before, after = (_measured(one, seed) for one in (dev, test))
    found.figures += [Figure(model, f"{head.name}/{metric}", before[model, metric], value) for (model, metric), value in after.items()]
    best = min(READ, key=lambda name: before[name, "logloss"].value)
    made = _compared(head.name, test, best, seed)
    found.comparisons += made
    found.said.append(_words(head.name, best, after, made))


def _usual(answer: Numbers, rate: Floats) -> Numbers:
    """Where a user gave no hint, the most frequent class."""
    return np.where(answer < 0, rate.argmax(), answer)


def _measured(one: Answers, seed: int) -> dict[tuple[str, str], Measured]:
    columns = one.columns()
    found = bootstrap(np.stack(list(columns.values()), axis=1), one.users, seed=seed)
    ends = zip(found.value.tolist(), found.low.tolist(), found.high.tolist(), found.n.tolist(), strict=True)
    return {key: Measured(value, low, high, n, few(n, "moments")) for key, (value, low, high, n) in zip(columns, ends, strict=True)}


def _compared(head: str, test: Answers, best: str, seed: int) -> list[Comparison]:
    """The head chosen on window 3 against every other row, paired by user, p corrected over the rows."""
    columns = test.columns()
    rivals = [key for key in columns if key[0] != best]
    found = paired(np.stack([columns[best, metric] - columns[model, metric] for model, metric in rivals], axis=1), test.users, seed=seed)
    ends = (found.difference.value, found.difference.low, found.difference.high, found.p, found.difference.n, found.detectable)
    rows = zip(rivals, *(part.tolist() for part in ends), strict=True)
    return corrected(
        [
            Comparison(best, model, f"{head}/{metric}", value, low, high, p, n=n, detectable=least)
            for (model, metric), value, low, high, p, n, least in rows
        ]
    )


def _words(head: str, best: str, test: Mapping[tuple[str, str], Measured], made: Sequence[Comparison]) -> str:
    """One sentence: the row chosen on window 3 and its distance from the fold, or from the encoder where the fold was chosen."""
    rival = "profile_encoder" if best == "profile_fold" else "profile_fold"
    gain = next(one for one in made if one.b == rival and one.metric == f"{head}/logloss")
    usual = test[USUAL if (USUAL, "accuracy") in test else CONSTANT, "accuracy"].value
    return (
        f"{head}: {best} chosen on window 3, right for {test[best, 'accuracy'].value:.1%} (plainest answer {usual:.1%}), log loss "
        f"{test[best, 'logloss'].value:.4f} against {test[rival, 'logloss'].value:.4f} of {rival} ({gain.low:+.4f} to {gain.high:+.4f}, "
        f"p = {gain.p_holm:.3g})."
    )
