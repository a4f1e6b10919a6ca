"""Measures the fusion page: on the first requests of window 4, by weights from window 2; costs by one request at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

import numpy as np

from aisle.core.stage import Source
from aisle.evaluation.lists import Floats, judge
from aisle.evaluation.members import NAN, Fusion, Member, Pair, Value, advice, correlations, values
from aisle.evaluation.metrics import per_request
from aisle.evaluation.results import Ablation
from aisle.pipeline import Pipeline
from aisle.training.ablation import Windows
from aisle.training.budget import FLOOR, Left
from aisle.training.choose import METRIC, Trials, quality
from aisle.training.frames import Frame
from aisle.training.job import Job
from aisle.training.judge import ctr, fused
from aisle.training.learn import Learned
from aisle.training.ways import RECALL, ways

MOST = 1_000
"""Requests of windows 2 and 4 that are looked at."""
TIMED = 16
"""Requests that every member answers alone, one after the other."""


def members(job: Job, pipeline: Pipeline, learned: Learned, windows: Windows, left: Left) -> Fusion:
    """One task's page, without advice; pairs for which no time is ``left`` have only the correlation of their errors."""
    stack, test = learned.stack, windows.test.head(MOST)
    users = test.replay.users
    columns = _alone(learned, windows.test, test)
    whole = quality(test, fused(learned, test))
    together: dict[tuple[str, str], Floats] = {}
    proposing = [name for name in stack.sources if f"{name}_rank" in windows.fit.features and f"{name}_rank" in test.features]
    trials = Trials(proposing, windows.fit.head(MOST), test)
    for pair in combinations(proposing, 2):
        if left() > 0:
            together[pair] = trials.values(pair)
    if stack.ranker is not None:
        together[RECALL, stack.ranker.name] = whole
    found = values({**columns, **{"+".join(pair): one for pair, one in together.items()}, "whole": whole}, users, job.settings.seed)
    weights = {**stack.recall.weights, RECALL: 1 - stack.alpha if stack.ranker else 1.0}
    if stack.ranker is not None:
        weights[stack.ranker.name] = stack.alpha
    took = costs(job, pipeline, learned, test)
    listed = [Member(name, found[name], weights.get(name, NAN), took.get(name, NAN)) for name in columns]
    pairs = [Pair(a, b, r, found.get(f"{a}+{b}", Value())) for (a, b), r in correlations(columns).items()]
    return Fusion(METRIC, len(test.replay), found["whole"], listed, pairs, methods=ways(job, learned, windows.dev.replay, test))


def _alone(learned: Learned, whole: Frame, test: Frame) -> dict[str, Floats]:
    """Per-request quality of every source's own list, of the recall side and of the ranker."""
    few, truth = len(test.replay), whole.replay.truth
    lists = {name: whole.alone[name] for name in learned.stack.sources if name in whole.alone}
    columns = {name: per_request(judge(one, truth), one, METRIC)[:few] for name, one in lists.items()}
    columns[RECALL] = quality(test, test.scored(learned.stack.recall_score))
    ranked = ctr(learned, test)
    if ranked is not None and learned.stack.ranker is not None:
        columns[learned.stack.ranker.name] = quality(test, ranked)
    return columns


def costs(job: Job, pipeline: Pipeline, learned: Learned, test: Frame) -> dict[str, float]:
    """Member to the median milliseconds of one request: a source's retrieving and scoring, a side's scoring of the candidates."""
    stack, took = learned.stack, {}
    sources = {name: pipeline.sources[name] for name in stack.sources if name in pipeline.sources}
    for name, source in sources.items():
        took[name] = _median(job, [_asks(pipeline, source, test, number) for number in range(min(TIMED, len(test.replay)))])
    one = [test.keep(test.request == number, test.names) for number in range(min(TIMED, len(test.replay)))]
    took[RECALL] = _median(job, [lambda frame=frame: frame.scored(stack.recall_score) for frame in one if len(frame.item)])  # type: ignore[misc]
    if stack.ranker is not None:
        took[stack.ranker.name] = _median(job, [lambda frame=frame: ctr(learned, frame) for frame in one if len(frame.item)])  # type: ignore[misc]
    return took


def _asks(pipeline: Pipeline, source: Source, test: Frame, number: int) -> Callable[[], object]:
    """One request answered by one source; the profile and the filters, which all share, are read before."""
    block = pipeline.block(test.replay.requests[number : number + 1])
    allowed = pipeline.allowed(block)
    return lambda: source.score(block, source.retrieve(block, allowed, pipeline.limit))


def _median(job: Job, tasks: Sequence[Callable[[], object]]) -> float:
    took = []
    for task in tasks:
        begun = job.budget.clock()
        task()
        took.append(1_000 * (job.budget.clock() - begun))
    return float(np.median(took)) if took else NAN


def advised(page: Fusion, learned: Learned, n: int, lost: Sequence[Ablation], late: Sequence[str]) -> Fusion:
    """The page with what the ablation over ``n`` requests says of each source; losses are of the whole that it fitted itself."""
    if not learned.rankers:
        return page.advised(["Nothing was fitted, the sources weigh the same: which member may go was not tried."])
    losses: Mapping[str, tuple[float, float]] = {row.part: (row.difference, row.high) for row in lost if row.part in learned.stack.sources}
    whole = next((row.without + row.difference for row in lost), page.whole.value)
    return page.advised(advice(n, whole, losses, FLOOR, [name for name in late if name in learned.stack.sources]))
