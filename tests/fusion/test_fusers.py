"""Each way to fuse gives the answer that was worked out by hand, and keeps what every fuser promises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import exp
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from aisle.core.errors import SettingsError
from aisle.core.request import Request
from aisle.fusion import methods
from aisle.fusion.best_source import BestSource
from aisle.fusion.fuser import CTR, HEAD, KNOWN, RER, Lesson, asked
from aisle.fusion.gate import Gate
from aisle.fusion.majority_vote import Majority
from aisle.fusion.methods import FUSERS, unfitted
from aisle.fusion.segments import SEGMENTS, Segments, heads
from aisle.fusion.softmax_vote import SoftmaxVote
from aisle.settings import load
from aisle.testing.scorer import Fuser, FuserSuite
from tests.fusion.lessons import NAN, WIDE, first, lesson, some

NEW, HEAVY = np.zeros(300), np.full(300, 9.0)
ALWAYS, NEVER = np.ones(300, bool), np.zeros(300, bool)


def split(alpha: float = 0.5) -> Lesson:
    """Of 300 strangers only the recall side knows what they take, of 300 others only the ranker."""
    known = np.concatenate([NEW, HEAVY])
    return lesson({CTR: np.concatenate([NEVER, ALWAYS]), RER: np.concatenate([ALWAYS, NEVER]), "one": known > 0}, known, alpha=alpha)


class Fits(FuserSuite):
    """A fuser fitted on the lesson in two halves."""

    name = ""

    def columns(self) -> Mapping[str, NDArray[np.float32]]:
        return some()

    def fitted(self) -> Fuser:
        known = np.concatenate([NEW, HEAVY])
        sure = np.concatenate([ALWAYS, ALWAYS])
        return unfitted(self.name, ("one", "two")).fit(lesson({CTR: sure, RER: sure, "one": sure, "two": known > 0}, known))

    def test_its_parts_sum_to_its_score(self) -> None:
        fuser = self.fitted()
        assert isinstance(fuser, Segments | Majority | SoftmaxVote | Gate | BestSource)
        total = np.sum(list(fuser.parts(self.columns()).values()), axis=0)
        np.testing.assert_allclose(total, fuser.score(self.columns()), rtol=1e-5)


class TestSegmentsFuse(Fits):
    name = "segments"


class TestMajorityFuses(Fits):
    name = "majority_vote"


class TestSoftmaxVoteFuses(Fits):
    name = "softmax_vote"


class TestGateFuses(Fits):
    name = "gate"


class TestBestSourceFuses(Fits):
    name = "best_source"


def test_every_way_is_under_test() -> None:
    assert set(FUSERS) == {one.name for one in Fits.__subclasses__()}


def test_a_way_that_is_registered_and_no_more_can_be_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Own(Majority):
        name = "own"

    (tmp_path / "aisle.toml").write_text('[ranking]\nfusion = "own"\n')
    wanted = load(tmp_path).ranking.fusion
    assert wanted is not None
    with pytest.raises(SettingsError, match=r"names no way to fuse: `own`"):
        unfitted(wanted, ("one",))
    monkeypatch.setattr(methods, "MADE", {**methods.MADE, Own: Own})
    monkeypatch.setattr(methods, "FUSERS", {**FUSERS, "own": Own})
    assert isinstance(unfitted(wanted, ("one",)), Own)


def test_a_way_that_is_none_is_named_and_the_nearest_proposed() -> None:
    for name in (None, methods.WEIGHTED, *FUSERS):
        methods.known_way(name)
    with pytest.raises(SettingsError) as refused:
        methods.known_way("majority")
    assert "`majority`" in str(refused.value) and "`majority_vote`" in refused.value.mend


def test_alpha_by_segment_leans_on_the_global_one_the_more_the_fewer_it_saw() -> None:
    """Any α above .5 ranks the 300 heavy requests alike, and the nearest to .5 is .6: (300·.6 + 100·.5) / 400 = .575."""
    model = Segments(shrink=100).fit(split())
    weights = dict(zip(SEGMENTS, model.alpha_, strict=True))
    assert weights["heavy users, without query"] == pytest.approx(0.5), "nobody is above the median"
    assert weights["light users, without query"] == pytest.approx(0.575)
    assert weights["new users, without query"] == pytest.approx(0.425)
    assert weights["new users, head"] == 0.5, "none was seen"
    assert model.score(split().columns).reshape(-1, WIDE)[0].argmax() == 0
    assert first(model.score(split().columns)).all(), "each half is fused by the side that knows it"


def test_only_the_requests_that_may_be_used_are_learned_from() -> None:
    held = split()
    model = Segments(shrink=100).fit(replace(held, use=np.concatenate([ALWAYS, NEVER])))
    assert dict(zip(SEGMENTS, model.alpha_, strict=True))["light users, without query"] == 0.5


def test_head_and_tail_queries_have_an_alpha_of_their_own() -> None:
    head = np.concatenate([np.ones(300), np.zeros(300)])
    model = Segments(shrink=0).fit(lesson({CTR: head > 0, RER: head == 0}, np.zeros(600), head))
    weights = dict(zip(SEGMENTS, model.alpha_, strict=True))
    assert weights["new users, head"] == pytest.approx(0.6)
    assert weights["new users, tail"] == pytest.approx(0.4)


def test_half_of_the_searches_are_head_queries_that_came_twice() -> None:
    assert heads(["a", "b", "c", "d"], np.array([5, 3, 1, 1])) == {"a"}
    assert heads(["a", "b"], np.array([1, 1])) == frozenset()
    assert heads([], np.zeros(0, int)) == frozenset()


def test_a_majority_counts_members_and_borda_breaks_ties() -> None:
    """First 2, both sides silent, three members and two sides: a third of a sixth each for places. `a` 0 and 1 in two lists, `b` 1 and 0 in
    two, `c` 0 in one: 2 + (1 + .5)/5, 2 + (.5 + 1)/5, 1 + 1/5."""
    ranks = {"one": [0, 1, NAN], "two": [1, 0, NAN], "three": [NAN, NAN, 0]}
    columns = {f"{name}_rank": np.log1p(np.array(places, np.float32)) for name, places in ranks.items()}
    score = Majority(("one", "two", "three"), depth=2).score(columns)
    share = 1 / 6
    assert score == pytest.approx([2 + 1.5 * share, 2 + 1.5 * share, 1 + share])


def test_borda_never_outweighs_a_vote() -> None:
    """One member has `a` first; two have `b` at the last place that counts."""
    ranks = {"one": [0, 9], "two": [30, 9]}
    columns = {f"{name}_rank": np.log1p(np.array(places, np.float32)) for name, places in ranks.items()}
    a, b = Majority(("one", "two"), depth=10).score(columns)
    assert b > a


def test_a_side_votes_for_what_reaches_the_chance_that_its_k_th_usually_has() -> None:
    held = lesson({CTR: ALWAYS, RER: ALWAYS}, NEW)
    model = Majority(())
    model._at(2, held)
    assert model.mark_[CTR] == pytest.approx(0.4), "chances are .8, .4, .2, .1"
    votes = np.floor(model.score(held.columns)).reshape(-1, WIDE)
    assert (votes == [2, 2, 0, 0]).all()


def test_the_depth_of_a_vote_is_the_one_that_ranks_best() -> None:
    """Two of three sources have it at the fourth place, one has another first: only a vote of 5 brings it up."""
    places = {"one": [3, 9, 9, 9], "two": [3, 8, 8, 8], "three": [60, 0, 60, 60]}
    columns = {f"{name}_rank": np.tile(np.log1p(np.array(one, np.float32)), 50) for name, one in places.items()}
    flat = {CTR: np.zeros(200, np.float32), RER: np.zeros(200, np.float32)}
    held = replace(lesson({}, np.zeros(50)), columns={**columns, **flat})
    assert Majority(tuple(places)).fit(held).weights == {"first": 5.0}


def test_a_softmax_vote_sums_the_members_exponentials_over_what_a_request_usually_has() -> None:
    """Shares 1, ½, ⅓, ¼ with mean .52 and spread .29 in every request: at T = 1 the votes of a request sum to 1 a member."""
    held = lesson({"one": ALWAYS, CTR: ALWAYS, RER: ALWAYS}, NEW)
    model = SoftmaxVote(("one",)).fit(held)
    given = model.parts(held.columns)
    assert {name: float(part.sum()) for name, part in given.items()} == dict.fromkeys(given, pytest.approx(300, rel=1e-4))
    z = (np.array([1, 1 / 2, 1 / 3, 1 / 4]) - 25 / 48) / np.std([1, 1 / 2, 1 / 3, 1 / 4]) / model.temperature
    by_hand = [exp(one) / sum(map(exp, z)) for one in z]
    assert given["one"][:WIDE] == pytest.approx(by_hand, rel=1e-4)


def test_a_silent_member_votes_for_nobody() -> None:
    given = SoftmaxVote(("one",)).parts({"one_share": np.array([NAN, 1], np.float32)})
    assert given["one"][0] == 0 and given["one"][1] > 0
    assert (given[CTR] == 0).all()


def test_the_best_source_is_the_one_that_ranks_most_requests_well() -> None:
    half = np.concatenate([ALWAYS, NEVER])
    held = lesson({CTR: ALWAYS.repeat(2), RER: ALWAYS.repeat(2), "one": half, "two": ALWAYS.repeat(2)}, np.zeros(600))
    model = BestSource(("one", "two")).fit(held)
    assert model.weights == {"two": 1.0}
    assert first(model.score(held.columns)).all()
    few = BestSource(("one", "two")).fit(replace(held, use=half))
    assert few.weights == {"one": 1.0}, "equals: the first"


def test_what_the_best_source_does_not_name_follows_in_the_recall_sides_order() -> None:
    """`one` names three of four: 1, 1/(1 + 1/5), 1/(1 + 2/5); the last has RER - 1."""
    score = BestSource(("one",)).score(some())
    assert score == pytest.approx([1, 5 / 6, 5 / 7, some()[RER][3] - 1])
    unknown = BestSource(("three",)).score(some())
    assert unknown == pytest.approx(some()[RER] - 1), "silent about all: the recall side's order"


def test_the_gate_gives_each_user_the_member_that_knows_him() -> None:
    held = split()
    model = Gate(("one",), regularization=1e-4).fit(held)
    parts = model.parts(held.columns)
    ratio = (parts[CTR] / (parts[CTR] + parts[RER])).reshape(-1, WIDE)
    assert ratio[:300, 0].max() < 0.2, "strangers: the recall side"
    assert ratio[300:, 0].min() > 0.8, "the others: the ranker"
    assert first(model.score(held.columns)).all()


def test_the_gate_starts_and_without_a_lesson_stays_at_the_global_alpha() -> None:
    held = replace(split(0.7), use=np.zeros(600, bool))
    model = Gate(("one",)).fit(held)
    weights = model.weights
    assert weights[CTR] / (weights[CTR] + weights[RER]) == pytest.approx(0.7)
    assert weights["one"] < 0.03


def test_the_gates_slope_is_its_losss() -> None:
    held = split()
    model = Gate(("one",)).fit(held)
    arguments = (*model._requests(held), np.zeros_like(model.theta_))
    theta = np.random.default_rng(0).normal(size=model.theta_.size)
    _, slope = model._loss(theta, *arguments)
    for place in range(theta.size):
        step = np.zeros_like(theta)
        step[place] = 1e-5
        numeric = (model._loss(theta + step, *arguments)[0] - model._loss(theta - step, *arguments)[0]) / 2e-5
        assert slope[place] == pytest.approx(numeric, abs=1e-6)


def test_what_a_request_is_like_stands_beside_each_of_its_candidates() -> None:
    requests = [Request("a", "search", query="ab"), Request("b", "rank", items=("x",)), Request("c", "search", query="z")]
    columns = asked(requests, np.array([0, 0, 1, 2]), frozenset(["ab"]))
    assert columns["asked_length"] == pytest.approx(np.log1p([2, 2, 0, 1]))
    assert np.array_equal(columns[HEAD], [1, 1, NAN, 0], equal_nan=True)
    assert columns["asked_rank"].tolist() == [0, 0, 1, 0]
    assert KNOWN not in columns
