"""Replay runs what answers online: the same candidates with the same features, in time, and never with what came later."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aisle.core.candidates import Candidates
from aisle.core.events import Dataset
from aisle.core.runner import Runner
from aisle.core.stage import Block
from aisle.data.windows import Windows, cut
from aisle.evaluation.replay import Replay, search_log
from aisle.fusion.pool import LISTED
from aisle.pipeline import Pipeline
from aisle.training import candidates as replaying
from aisle.training.candidates import frame, proposed
from aisle.training.frames import Frame
from aisle.training.job import Job, plain_stacks
from aisle.training.tasks import replays
from tests.training.clock import countdown
from tests.training.conftest import NAMES, job_of, pipeline_of

TASKS = ("home", "home_new", "search")


@pytest.fixture(scope="module")
def asked(job: Job) -> dict[str, dict[int, Replay]]:
    """What was asked in every window; searches with their moment, as the log has them."""
    searches = {window: search_log(job.data, job.windows.event == window) for window in (2, 3, 4)}
    return {**replays(job), "search": searches}


def kept_of(task: str) -> tuple[str, ...]:
    return plain_stacks(NAMES)[task].sources


def whole(pipeline: Pipeline, asked: Replay, task: str, **how: object) -> Frame:
    return frame(pipeline, plain_stacks(NAMES)[task], asked, kept_of(task), **how)  # type: ignore[arg-type]


def test_every_task_is_replayed(job: Job) -> None:
    assert set(replays(job)) == set(TASKS)


@pytest.mark.parametrize("task", TASKS)
def test_a_request_in_a_block_has_the_features_it_has_alone_online(
    pipeline: Pipeline, asked: dict[str, dict[int, Replay]], task: str
) -> None:
    """Online a request comes alone, through `answer`; replayed it stands in a block of hundreds: same candidates, same bits."""
    few = asked[task][2].sample(40, 1)
    together = whole(pipeline, few, task)
    seen: list[tuple[Block, Candidates, dict[str, np.ndarray]]] = []

    def remember(block: Block, found: Candidates) -> dict[str, np.ndarray]:
        seen.append((block, found, pipeline.features(block, found)))
        return seen[-1][2]

    online = replace(pipeline, stacks=plain_stacks(NAMES), features=remember)  # type: ignore[arg-type]
    for number, request in enumerate(few.requests):
        seen.clear()
        online.answer([request], Runner())
        _, found, features = seen[0]
        rows = slice(int(together.offsets[number]), int(together.offsets[number + 1]))
        assert together.item[rows].tolist() == found.item.tolist()
        for name in together.names:
            assert np.array_equal(together.features[name][rows], features[name], equal_nan=True), (name, number)


@pytest.mark.parametrize("task", TASKS)
def test_what_came_later_changes_no_feature_and_no_score_of_window_2(
    job: Job, pipeline: Pipeline, asked: dict[str, dict[int, Replay]], task: str, tmp_path: Path
) -> None:
    """All that happened after the last of these requests is taken away, the sources and counters are made anew, and every candidate,
    every source's score and every feature stays the same to the bit."""
    few = asked[task][2].sample(25, 0)
    stack = plain_stacks(NAMES)[task]
    moment = max(request.as_of for request in few.requests)
    seen = job.data.events.time <= moment
    assert 0.6 < seen.mean() < 0.95, "something must come later for this to say anything"
    early = Windows(job.windows.event[seen], job.windows.query, job.windows.by, job.windows.cuts)
    blind = pipeline_of(job_of(replace(job.data, events=job.data.events.where(seen)), early, tmp_path / "early"))
    knowing, less = (proposed(made, stack, few) for made in (pipeline, blind))
    assert np.array_equal(knowing.item, less.item)
    for name in knowing.names:
        assert np.array_equal(knowing.features[name], less.features[name], equal_nan=True), name
    knowing = whole(pipeline, few, task)
    less = whole(blind, few, task, names=knowing.names)
    assert len(knowing.names) > 15
    for name in knowing.names:
        if name != "popularity_ever":  # its scale is the whole log's mean, one constant for all
            assert np.array_equal(knowing.features[name], less.features[name], equal_nan=True), name
    if "popularity_ever" in knowing.names:
        apart = knowing.features["popularity_ever"] - less.features["popularity_ever"]
        assert np.ptp(apart) < 1e-4


def test_scores_of_sources_are_of_their_moment_too(job: Job, pipeline: Pipeline, asked: dict[str, dict[int, Replay]]) -> None:
    """The claim above can fail: asked after everything known, popularity scores otherwise."""
    few = asked["home"][2].sample(25, 0)
    late = replace(few, requests=[replace(request, as_of=float("nan")) for request in few.requests])
    then, now = (proposed(pipeline, plain_stacks(NAMES)["home"], one) for one in (few, late))
    assert not np.array_equal(then.item, now.item) or any(
        not np.array_equal(then.features[name], now.features[name], equal_nan=True) for name in then.names
    )


def test_what_sources_alone_propose_is_what_the_frame_would_be_without_the_others(
    pipeline: Pipeline, asked: dict[str, dict[int, Replay]]
) -> None:
    few, kept = asked["home"][3].sample(30, 2), ("popularity", "item_knn")
    stack = plain_stacks(NAMES)["home"]
    narrow = frame(pipeline, stack, few, kept)
    alone = frame(pipeline, replace(stack, sources=kept), few, kept, names=narrow.names)
    assert np.array_equal(narrow.item, alone.item)
    assert np.array_equal(narrow.x, alone.x, equal_nan=True)
    assert set(narrow.alone) == set(stack.sources) > set(alone.alone), "a source that was not kept has its list in the report all the same"


def test_each_source_has_its_own_list_in_its_own_order(pipeline: Pipeline, asked: dict[str, dict[int, Replay]]) -> None:
    few = asked["home"][3].sample(12, 2)
    made = frame(pipeline, plain_stacks(NAMES)["home"], few, ("popularity",))
    block = pipeline.block(few.requests)
    for name in kept_of("home"):
        found = pipeline.sources[name].retrieve(block, pipeline.allowed(block), pipeline.limit)
        assert made.alone[name].offsets.tolist() == found.offsets.tolist(), name
        assert made.alone[name].item.tolist() == found.item.tolist(), name


def test_no_more_than_is_ranked_online_and_fewer_when_asked(
    pipeline: Pipeline, asked: dict[str, dict[int, Replay]], monkeypatch: pytest.MonkeyPatch
) -> None:
    few = asked["home"][3].sample(12, 2)
    monkeypatch.setattr("aisle.fusion.pool.LISTED", 120)
    made = whole(pipeline, few, "home")
    assert made.groups.max() == 120 < LISTED
    fewer = whole(pipeline, few, "home", most=20)
    assert fewer.groups.max() == 20
    for number in range(12):
        rows = [set(one.item[one.offsets[number] : one.offsets[number + 1]].tolist()) for one in (fewer, made)]
        assert rows[0] <= rows[1]


def test_features_that_tell_nothing_apart_are_left_out_and_later_windows_follow(
    pipeline: Pipeline, asked: dict[str, dict[int, Replay]]
) -> None:
    first = whole(pipeline, asked["home"][2].sample(30, 0), "home")
    assert not any(name.startswith("title_") for name in first.names), "without a query no title matches"
    for name, values in first.features.items():
        if not name.endswith(("_rank", "_share")):
            assert len(np.unique(values)) > 1, name
    later = whole(pipeline, asked["home"][3].sample(5, 0), "home", names=(*first.names, "unheard_of"))
    assert later.names == (*first.names, "unheard_of")
    assert np.isnan(later.features["unheard_of"]).all()


@pytest.mark.parametrize(("looks", "requests"), [(0, 4), (1, 12), (2, 20), (50, 20)])
def test_replaying_ends_when_the_time_is_over_but_not_before_the_first_block(
    pipeline: Pipeline, asked: dict[str, dict[int, Replay]], looks: int, requests: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replaying, "SMALLEST", 4)
    few = asked["home"][2].sample(20, 0)
    left: Callable[[], float] = countdown(looks)  # type: ignore[assignment]
    made = whole(pipeline, few, "home", left=left)
    assert len(made.replay) == len(made.groups) == requests
    assert len(made.alone["popularity"].offsets) == requests + 1
    full = whole(pipeline, few, "home")
    end = int(full.offsets[requests])
    assert made.item.tolist() == full.item[:end].tolist()
    assert made.grade.tolist() == full.grade[:end].tolist()


def test_sources_on_window_1_do_not_know_later_events(data: Dataset, tmp_path: Path) -> None:
    windows = cut(data.events, data.judgements)
    first = job_of(data.known(windows.event == 1), Windows(windows.event[windows.event == 1], windows.query, "time"), tmp_path / "a")
    fitted, alone = (one.fit("markov", False) for one in (job_of(data, windows, tmp_path / "b"), first))
    assert (fitted.neighbours_.weight == alone.neighbours_.weight).all()  # type: ignore[attr-defined]
