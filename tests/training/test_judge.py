"""From a frame to figures: the fused list is what answers online, every score is made once, both windows are measured alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aisle.evaluation.lists import Ranked
from aisle.fusion.recall import Recall
from aisle.fusion.stack import Stack
from aisle.pipeline import Pipeline
from aisle.training.candidates import frame
from aisle.training.frames import Frame
from aisle.training.job import Job, plain_stacks
from aisle.training.judge import ctr, fused, measure, together
from aisle.training.learn import Learned, Recipe, learn
from aisle.training.tasks import replays
from tests.training.conftest import NAMES
from tests.training.shelves import shelf

STACK = Stack("home", ("s0", "s1"), Recall(("s0", "s1")))


@pytest.fixture(scope="module")
def learned() -> Learned:
    """A stack with a ranker."""
    return learn(STACK, shelf(120, 1), shelf(80, 2), Recipe(0.3, 7))


def test_the_fused_score_is_the_one_that_answers_online(learned: Learned) -> None:
    test = shelf(50, 3)
    online = learned.stack.fuse(test.features)
    assert np.allclose(fused(learned, test), online["score"], rtol=1e-6, atol=0)
    ranked = ctr(learned, test)
    assert ranked is not None and np.array_equal(ranked, online["ctr"])


def test_without_a_ranker_the_recall_side_decides() -> None:
    plain, test = Learned(STACK, {}, [], []), shelf(10, 3)
    assert ctr(plain, test) is None
    assert np.array_equal(fused(plain, test), STACK.fuse(test.features)["score"])


def test_a_model_scores_a_frame_once(learned: Learned) -> None:
    class Counting:
        name, calls = "logistic", 0

        def score(self, x: np.ndarray) -> np.ndarray:
            self.calls += 1
            return x[:, 0]

        def save(self, folder: Path) -> None:
            raise AssertionError

    model, other, test = Counting(), Counting(), shelf(10, 3)
    for _ in range(3):
        test.by(model, ("s0_share",))
    other_scores = test.by(other, ("noise",))
    assert (model.calls, other.calls) == (1, 1)
    assert not np.array_equal(other_scores, test.by(model, ("s0_share",)))
    assert test.head(5).by(model, ("s0_share",)).shape == (100,), "another frame is scored by itself"


def test_every_model_has_its_list(learned: Learned) -> None:
    runs = together(learned, shelf(50, 3))
    assert list(runs) == ["rank_fusion", "recall_side", "logistic", "lambdamart", "boosted", "blend", "fused"]
    assert all(len(lists.offsets) == 51 for lists in runs.values())


@pytest.fixture(scope="module")
def asked(job: Job, pipeline: Pipeline) -> Frame:
    """What home was asked in window 4."""
    stack = plain_stacks(NAMES)["home"]
    return frame(pipeline, stack, replays(job)["home"][4], stack.sources)


def test_test_has_slices_and_comparisons_and_development_the_same_metrics(job: Job, asked: Frame) -> None:
    runs = {**asked.alone, "fused": asked.alone["popularity"]}
    dev, test = (measure(job, asked, runs, which) for which in (False, True))
    assert {name: set(one) for name, one in dev.models.items()} == {name: set(one) for name, one in test.models.items()}
    for model in runs:
        for name, number in test.models[model].items():
            assert dev.models[model][name].value == pytest.approx(number.value, nan_ok=True), (model, name)
    assert not dev.slices and not dev.comparisons
    names = " ".join(test.slices)
    assert "users with" in names and "wanted item with" in names and "category" in names


def test_slices_of_users_go_by_what_their_profiles_knew_when_they_asked(job: Job, pipeline: Pipeline, asked: Frame) -> None:
    slices = measure(job, asked, {"fused": asked.alone["popularity"]}, True).slices
    groups = {name: slices[name].n for name in slices if name.startswith("users with")}
    known = pipeline.block(asked.replay.requests).profiles.events
    assert sum(groups.values()) == len(asked.replay), "each request belongs to one group"
    assert groups.get("users with over 20 events", 0) == int((known > 20).sum())
    assert groups.get("users with 1 to 5 events", 0) == int(((known >= 1) & (known <= 5)).sum())
    early = replace(asked.replay, requests=[replace(request, as_of=0.0) for request in asked.replay.requests])
    only = measure(job, replace(asked, replay=early), {"fused": asked.alone["popularity"]}, True).slices
    assert only["users with no events"].n == len(asked.replay)


def test_novelty_is_measured_by_what_was_common_in_window_1(job: Job, asked: Frame) -> None:
    events = job.data.events
    seen = np.bincount(events.item[(job.windows.event == 1) & (events.item >= 0)], minlength=len(job.data.catalogue))
    order = np.argsort(-seen, kind="stable").astype(np.int32)
    lists = {name: Ranked.of([rows] * len(asked.replay)) for name, rows in (("common", order[:10]), ("rare", order[-10:]))}
    models = measure(job, asked, {**lists, "fused": lists["rare"]}, False).models
    share = (seen[order[:10]] + 1) / (seen.sum() + len(seen))
    assert models["common"]["novelty@10"].value == pytest.approx(float(-np.log2(share).mean()))
    assert models["common"]["novelty@10"].value < models["rare"]["novelty@10"].value
