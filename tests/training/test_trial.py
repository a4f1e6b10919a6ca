"""The comparison behind an update: where it cuts, that equals are equal, and that what forgot how to recommend is found out."""

from __future__ import annotations

from copy import copy
from dataclasses import replace

import numpy as np
import pytest

from aisle.core.events import Dataset
from aisle.evaluation import replay
from aisle.evaluation.replay import Replay
from aisle.pipeline import Pipeline
from aisle.retrieval.neighbours import Neighbours
from aisle.testing import toys
from aisle.training.job import Job
from aisle.training.trial import Compared, compare, half_way

CHANGED = ("item_knn", "markov")


@pytest.fixture(scope="module")
def asked(job: Job) -> list[Replay]:
    data: Dataset = job.data
    targets = replay.success_type(data.events)
    return [replay.home(data, job.windows.event >= 2, targets, new_only=True)]


def forgetful(pipeline: Pipeline) -> Pipeline:
    """The same shop whose neighbours are all forgotten, and each item's best is said to be what is the first item's."""
    sources = dict(pipeline.sources)
    for name in CHANGED:
        sources[name] = copy(sources[name])
        sources[name].neighbours_ = Neighbours.none(len(pipeline.catalogue))  # type: ignore[attr-defined]
    return replace(pipeline, sources=sources)


def test_a_pipeline_is_not_worse_than_itself(pipeline: Pipeline, asked: list[Replay]) -> None:
    (found,) = compare(pipeline, pipeline, CHANGED, asked, 7)
    assert found.difference == 0 and found.p == 1 and not found.worse
    assert found.before == found.after > 0


def test_one_that_forgot_what_goes_together_is_worse(pipeline: Pipeline, asked: list[Replay]) -> None:
    (found,) = compare(pipeline, forgetful(pipeline), CHANGED, asked, 7)
    assert found.after < found.before and found.low < found.difference < 0
    (turned,) = compare(forgetful(pipeline), pipeline, CHANGED, asked, 7)
    assert turned.difference == pytest.approx(-found.difference) and not turned.worse


def test_too_few_requests_say_nothing(pipeline: Pipeline, asked: list[Replay]) -> None:
    assert compare(pipeline, pipeline, CHANGED, [asked[0].first(29)], 7) == []


def test_only_what_is_surely_below_is_worse() -> None:
    one = Compared("home", 100, 0.4, 0.3, -0.1, -0.15, -0.05, 0.01, 0.1)
    assert one.worse and not replace(one, p=0.06).worse and not replace(one, difference=0.1).worse


def test_the_cut_halves_what_is_of_interest_since() -> None:
    items = toys.catalogue({"a": {"title": "a"}})
    days = [
        (1.0, "purchase"),
        (10.0, "click"),
        (11.0, "purchase"),
        (12.0, "impression"),
        (13.0, "impression"),
        (14.0, "click"),
        (20.0, "cart"),
    ]
    events = toys.log(items, [("u", "a", day, kind) for day, kind in days])
    assert half_way(events, toys.START + 5 * toys.DAY) == toys.START + 11 * toys.DAY
    assert half_way(events, toys.START + 30 * toys.DAY) == toys.START + 30 * toys.DAY
    assert np.isfinite(half_way(events, -np.inf))
