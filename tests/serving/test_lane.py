"""A line that is long because a bundle is being opened bears more, and still sends away who is too many."""

from __future__ import annotations

import asyncio
import threading

import pytest

from aisle.serving.lane import MANY, Lane
from aisle.serving.live import Live
from aisle.serving.problems import OverloadError
from tests.serving.conftest import NOW
from tests.serving.fakes import FakeEngine, FakeStore
from tests.serving.test_live import ask, play


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def refusals(lane: Lane, patience: float | None = None) -> int:
    """Whether one more call is sent away now: 1, else 0."""
    try:
        lane.submit(lambda: None, patience=patience)
    except OverloadError:
        return 1
    return 0


def test_a_line_beside_other_work_bears_more_and_soon_no_longer():
    clock, gate = Clock(), threading.Event()
    lane = Lane("test", 1, 0.03, clock)
    lane._typical = 0.05
    held = [lane.submit(gate.wait) for _ in range(2)]
    seen = [refusals(lane)]
    with lane.disturbed(0.5):
        seen.append(refusals(lane))
        clock.now = 60.0
        seen.append(refusals(lane))
        lane._typical = 1.0
        seen.append(refusals(lane))
        lane._typical = 0.05
    seen.append(refusals(lane))
    clock.now += 0.6
    seen.append(refusals(lane))
    gate.set()
    for one in held[:1]:
        one.result(10)
    lane.close()
    assert seen == [1, 0, 0, 1, 0, 1], "too many are sent away all the same"


def test_where_many_were_sent_away_the_line_is_short_for_a_moment():
    clock, gate = Clock(), threading.Event()
    lane = Lane("test", 1, 0.03, clock)
    lane._typical = 0.012
    held = [lane.submit(gate.wait)]
    seen = [refusals(lane) for _ in range(2 + MANY)]
    assert seen == [0, 0, *[1] * MANY] and not lane.crowded, "two in line are borne, and a burst is no reason for less"
    assert refusals(lane) and lane.crowded
    gate.set()
    held[0].result(10)
    lane._pools[-1].submit(int).result(10)
    gate.clear()
    lane._typical, held = 0.012, [lane.submit(gate.wait)]
    seen = [refusals(lane) for _ in range(2)]
    clock.now = 1.0
    seen += [refusals(lane) for _ in range(2)]
    gate.set()
    lane.close()
    assert seen == [0, 1, 0, 1], "one in line is borne where many were sent away just now"


def test_whose_turn_comes_late_for_other_works_sake_is_answered_and_the_time_is_not_learnt():
    clock, gate = Clock(), threading.Event()
    lane = Lane("test", 1, 0.03, clock)

    def slow() -> str:
        clock.now += 0.9
        return "answered"

    first, second = lane.submit(gate.wait), lane.submit(slow)
    with lane.disturbed(0.5):
        clock.now = 0.6
        gate.set()
        assert [first.result(10), second.result(10)] == [True, "answered"]
        lane.close()
    assert lane._typical == Lane("test", 1, 0.03)._typical


class Opening(FakeStore):
    """Opens a bundle for as long as a test wants."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go = threading.Event(), threading.Event()

    def open(self, bundle_id: str) -> FakeEngine:
        self.begun.set()
        self.go.wait(20)
        return super().open(bundle_id)


@pytest.mark.parametrize("change", ["activate", "rollback", "follow"])
def test_nobody_is_refused_for_a_bundle_that_is_being_opened(change: str):
    async def run() -> list[object]:
        store, clock = Opening(), Clock()
        live = Live(FakeEngine("toy-1"), lambda: NOW, store)
        live.reads.clock, live.reads.wait = clock, lambda: 0.2  # as long a line as a busy machine makes
        asked = [await said(live)]
        if change == "follow":
            store.active = "toy-2"
        changing = {"activate": lambda: live.activate("toy-2"), "rollback": live.rollback, "follow": lambda: live._catch_up("toy-2")}[
            change
        ]
        task = asyncio.ensure_future(changing())
        await asyncio.to_thread(store.begun.wait, 20)
        asked += [await said(live), live.busy]
        live.reads.wait = lambda: 0.8
        asked += [await said(live)]
        live.reads.wait = lambda: 0.2
        store.go.set()
        await task
        asked += [await said(live)]
        clock.now += 1.0
        asked += [await said(live)]
        live.close()
        return asked

    async def said(live: Live) -> str:
        try:
            return (await live.answer(ask()))[0].bundle
        except OverloadError:
            return "refused"

    changed_to = "toy-1" if change == "rollback" else "toy-2"
    assert play(run) == ["refused", "toy-1", False, "refused", changed_to, "refused"]


def test_where_few_are_sent_away_beside_those_taken_the_line_stays_long():
    clock = Clock()
    lane = Lane("test", 1, 0.03, clock)
    for _ in range(4 * MANY):
        lane.submit(int).result(10)
    assert all(lane.refuses(1.0, 0.03) for _ in range(2 * MANY)) and not lane.crowded, "a burst beside what is answered"
    assert lane.refuses(1.0, 0.03) and lane.crowded
    lane.close()
