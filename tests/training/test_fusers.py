"""Ways to fuse compete on window 3; what does not surely gain is not served, and what is served is served everywhere alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aisle.core.request import Request
from aisle.evaluation.members import Fusion
from aisle.fusion.fuser import CTR, KNOWN, RER
from aisle.fusion.methods import FUSERS, WEIGHTED
from aisle.fusion.recall import Recall
from aisle.fusion.segments import Segments
from aisle.fusion.stack import Stack
from aisle.pipeline import Pipeline
from aisle.training.ablation import again
from aisle.training.choose import mean, quality
from aisle.training.frames import Column, Frame
from aisle.training.fusers import FOLDS, compete, folds
from aisle.training.job import Job
from aisle.training.judge import ctr, fused
from aisle.training.learn import CONTEST, Learned, Recipe, learn
from aisle.training.members import members
from aisle.training.ways import ways
from tests.training.shelves import WIDE, shelf
from tests.training.test_members import ALWAYS, with_lists
from tests.training.test_members import asked as page_of

STACK = Stack("home", ("s0", "s1"), Recall(("s0", "s1")), alpha=0.5)
PLAIN = Recipe(None, 7)
NAMES = tuple(FUSERS)


def two_kinds(requests: int = 400, seed: int = 1) -> tuple[Frame, dict[str, Column]]:
    """Strangers, whom only the recall side serves, and others whom only the ranker does; neither side is right about everybody."""
    frame = shelf(requests, seed)
    stranger = np.arange(requests) % 2 == 0
    known = np.repeat(np.where(stranger, 0.0, 2.0), WIDE)
    noise = np.random.default_rng(seed).random((2, len(frame.item)))
    right = 0.3 * frame.relevant
    sides = {CTR: np.where(known > 0, right + 0.1 * noise[0], noise[0]), RER: np.where(known > 0, noise[1], right + 0.1 * noise[1])}
    sides = {name: (values / 2).astype(np.float32) for name, values in sides.items()}
    return replace(frame, names=(*frame.names, KNOWN), x=np.vstack([frame.x, known[None]]).astype(np.float32)), sides


def test_what_surely_gains_is_served_and_the_others_stand_beside_it() -> None:
    dev, sides = two_kinds()
    contest = compete(STACK, dev, sides, None, NAMES, ALWAYS)
    assert set(contest.contenders) == set(FUSERS)
    assert contest.name == "gate"
    assert contest.contenders["gate"].gain > 0.2
    rows = {row.part: row for row in contest.plan}
    assert [name for name, row in rows.items() if row.kept] == ["fusion: gate"]
    assert rows[f"fusion: {WEIGHTED}"].gain == pytest.approx(mean(contest.weighted))


def test_where_nobody_surely_gains_the_global_alpha_stays() -> None:
    dev = shelf(200, 3)
    sure = {side: (0.9 * dev.relevant + 0.01).astype(np.float32) for side in (CTR, RER)}
    contest = compete(STACK, dev, sure, None, NAMES, ALWAYS)
    assert contest.served is None and contest.name == WEIGHTED
    assert [row.part for row in contest.plan if row.kept] == [f"fusion: {WEIGHTED}"]
    assert contest.why == "no other way gains 2 standard errors on window 3"


def test_a_source_that_surely_ranks_better_than_the_whole_is_served_alone() -> None:
    """Both sides guess, and one source puts what is wanted first in four of five requests."""
    dev, dice = shelf(300, 5, hint=0.0), np.random.default_rng(5)
    sides = {side: (0.1 * dice.random(len(dev.item))).astype(np.float32) for side in (CTR, RER)}
    contest = compete(STACK, dev, sides, None, ("segments", "best_source"), ALWAYS)
    assert contest.served is not None and contest.name == "best_source"
    assert contest.served.weights == {"s0": 1.0}


def test_a_silent_source_is_not_the_best_because_the_recall_side_fills_its_list() -> None:
    dev = shelf(100, 5)
    silent = np.full((1, len(dev.item)), np.nan, np.float32)
    dev = replace(dev, names=(*dev.names, "s2_rank"), x=np.vstack([dev.x, silent]))
    sides = {side: (0.9 * dev.relevant + 0.01).astype(np.float32) for side in (CTR, RER)}
    stack = replace(STACK, sources=("s2", "s0", "s1"))
    assert compete(stack, dev, sides, "best_source", ("best_source",), ALWAYS).served.weights == {"s0": 1.0}  # type: ignore[union-attr]


def test_a_way_is_judged_on_requests_that_it_did_not_learn_from() -> None:
    """Noise on both sides and in what is taken: learned and judged on the same requests, some α by segment would seem to gain."""
    dev, dice = shelf(300, 5, knowing=(0.0, 0.0), hint=0.0), np.random.default_rng(5)
    sides = {side: dice.random(len(dev.item)).astype(np.float32) for side in (CTR, RER)}
    one = compete(STACK, dev, sides, None, ("segments",), ALWAYS).contenders["segments"]
    again = quality(dev, one.fuser.score({**dev.features, **sides}))
    assert mean(one.quality) < mean(again), "what it learned from flatters it"


def test_all_requests_of_a_user_are_judged_together() -> None:
    users = np.array([0, 0, 0, 5, 5, -1, -1, -1, -1, -1, -1, -1, -1, -1], np.int32)
    part = folds(users)
    assert len(set(part[:3])) == 1 and len(set(part[3:5])) == 1
    assert len(set(part[5:])) > 1, "requests of nobody are spread"
    assert part.min() >= 0 and part.max() < FOLDS


def test_without_time_none_competes_and_a_plan_brings_the_same_ones_back() -> None:
    fit, dev = shelf(200, 1), shelf(100, 2)
    short = learn(STACK, fit, dev, replace(PLAIN, left=lambda: 0.0))
    assert short.contest.contenders == {} and short.contest.plan == [] and short.effort[CONTEST] == {}
    assert learn(STACK, fit, dev, replace(PLAIN, effort=short.effort)).contest.contenders == {}
    whole = learn(STACK, fit, dev, PLAIN)
    assert set(whole.effort[CONTEST]) == set(FUSERS)


def learned(fusion: str | None, alpha: float | None = None) -> tuple[Learned, Frame]:
    dev = shelf(100, 2, hint=3.0)
    return learn(STACK, shelf(200, 1, hint=3.0), dev, replace(PLAIN, fusion=fusion, alpha=alpha)), dev


@pytest.mark.parametrize("name", NAMES)
def test_a_way_by_setting_is_served_kept_and_the_same_in_a_bundle(name: str, tmp_path: Path) -> None:
    whole, dev = learned(name)
    assert whole.stack.fuser is not None and whole.stack.fuser.name == name
    score = fused(whole, dev)
    whole.stack.save(tmp_path)
    opened = Stack.load(tmp_path)
    online = opened.fuse({**dev.features, **opened.asked(dev.replay.requests, dev.request)})
    np.testing.assert_allclose(online["score"], score, rtol=1e-5)
    assert f"fused by {name}, by setting" in whole.notes[1]


def test_an_alpha_by_setting_is_served_whatever_competes() -> None:
    whole, dev = learned(None, alpha=0.2)
    assert whole.stack.fuser is None and whole.contest.contenders
    sides = ctr(whole, dev), dev.scored(whole.stack.recall_score)
    assert sides[0] is not None
    np.testing.assert_allclose(fused(whole, dev), 0.2 * sides[0] + 0.8 * sides[1], rtol=1e-5)


def test_a_stack_without_another_way_reads_no_context() -> None:
    request = np.zeros(3, np.int64)
    assert STACK.asked([Request("a", "home")], request) == {}
    assert set(replace(STACK, fuser=Segments()).asked([Request("a", "home")], request)) == {"asked_length", "asked_head", "asked_rank"}


def test_the_ablation_fuses_as_the_whole_does() -> None:
    whole, windows = page_of()
    gated = learn(whole.stack, windows.fit, windows.dev, replace(PLAIN, fusion="gate"))
    less, _ = again(gated, windows, "s1", PLAIN)
    assert less.stack.fuser is not None and less.stack.fuser.name == "gate"
    assert less.contest.contenders == {}


def test_the_page_lists_every_way_with_interval_weights_and_cost(job: Job, pipeline: Pipeline) -> None:
    whole, windows = page_of()
    page: Fusion = members(job, pipeline, whole, windows, ALWAYS)
    rows = {one.name: one for one in page.methods}
    assert set(rows) == {"rank_fusion", "recall_side", "logistic", WEIGHTED, *FUSERS}
    assert [name for name, one in rows.items() if one.served] == [whole.contest.name]
    assert all(one.milliseconds >= 0 and one.test.low <= one.test.value <= one.test.high for one in rows.values())
    assert rows[WEIGHTED].weights == {CTR: whole.stack.alpha, RER: 1 - whole.stack.alpha}
    assert rows[WEIGHTED].test.value == page.whole.value
    assert rows["logistic"].weights == {} and set(rows["recall_side"].weights) == {"s0", "s1"}


def test_window_4_is_read_by_no_way(job: Job) -> None:
    """Another window 4 changes no choice, no weight and no figure of window 3."""
    whole, windows = page_of()
    other = replace(windows, test=with_lists(shelf(60, 99)))
    one, two = (ways(job, whole, each.dev.replay, each.test) for each in (windows, other))
    assert [(row.name, row.development, row.weights, row.served) for row in one] == [
        (row.name, row.development, row.weights, row.served) for row in two
    ]
