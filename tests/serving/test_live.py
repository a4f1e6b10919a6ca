"""Lines measured in time, deadlines that hold whatever the engine does, and bundles that change between two requests."""

from __future__ import annotations

import asyncio
import io
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest
from starlette.testclient import TestClient

from aisle.core.answer import Answer
from aisle.core.errors import BundleError
from aisle.core.request import Request
from aisle.core.trace import Step, Trace
from aisle.serving.app import create_app
from aisle.serving.lane import Lane
from aisle.serving.live import Live, opened, warm
from aisle.serving.noted import Noted, note
from aisle.serving.problems import OverloadError, TooLateError
from aisle.serving.telemetry import Telemetry
from tests.serving.conftest import HOST, NOW
from tests.serving.fakes import FakeEngine, FakeStore
from tests.serving.test_api import refused


class Hanging(FakeEngine):
    """Hangs on the first so many calls, longer than any deadline; answers the ones after."""

    def __init__(self, calls: int) -> None:
        super().__init__()
        self.calls, self.freed = calls, threading.Event()

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        self.calls -= 1
        if self.calls >= 0:
            self.freed.wait(20)
        return super().answer(requests)


def play(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    return asyncio.run(work())


def ask(deadline_ms: float | None = None) -> list[Request]:
    return [Request("r", "search", query="red", deadline_ms=deadline_ms)]


def test_what_answers_left_free_is_handed_back_to_the_system_again_and_again(monkeypatch: pytest.MonkeyPatch):
    trimmed = threading.Semaphore(0)
    monkeypatch.setattr("aisle.serving.live.TIDY_SECONDS", 0.001)
    monkeypatch.setattr("aisle.serving.live.give_back", trimmed.release)

    async def run() -> bool:
        tidying = asyncio.create_task(Live(FakeEngine(), lambda: NOW).tidy())
        found = await asyncio.to_thread(lambda: all(trimmed.acquire(timeout=10) for _ in range(2)))
        tidying.cancel()
        return found

    assert play(run)


def test_a_lane_sends_away_who_would_wait_too_long_and_takes_the_next_when_it_is_free():
    async def run() -> tuple[int, int, str]:
        lane, gate = Lane("test", 1, patience=0.05), threading.Event()
        lane._typical = 0.015
        taken = [asyncio.create_task(lane.run(gate.wait)) for _ in range(4)]
        await asyncio.sleep(0.02)
        refusals = 0
        for _ in range(5):
            try:
                lane.submit(gate.wait)
            except OverloadError:
                refusals += 1
        waiting = lane.running
        gate.set()
        await asyncio.gather(*taken)
        answer = await lane.run(lambda: "free")
        lane.close()
        return refusals, waiting, answer

    assert play(run) == (5, 4, "free")


def test_who_waited_far_longer_than_was_guessed_is_not_served_late():
    async def run() -> list[object]:
        lane = Lane("test", 1, patience=0.05)
        lane._typical = 0.001
        slow = asyncio.create_task(lane.run(lambda: time.sleep(0.4)))
        await asyncio.sleep(0.01)
        late = [asyncio.create_task(lane.run(lambda: "late")) for _ in range(3)]
        found = await asyncio.gather(slow, *late, return_exceptions=True)
        lane.close()
        return found

    assert [type(one) for one in play(run)[1:]] == [OverloadError] * 3


def test_a_loop_that_is_late_sends_questions_away_unless_a_thread_is_free():
    async def run() -> list[bool]:
        live, gate = Live(FakeEngine(), lambda: NOW), threading.Event()
        held = [live.reads.submit(gate.wait) for _ in range(2)]
        seen = [live.busy]
        ticking = asyncio.create_task(live.tick())
        await asyncio.sleep(0.03)
        seen.append(live.busy)
        time.sleep(0.2)
        seen.append(live.busy)
        gate.set()
        await asyncio.gather(*map(asyncio.wrap_future, held))
        time.sleep(0.2)
        seen.append(live.busy)
        ticking.cancel()
        live.close()
        return seen

    assert play(run) == [False, False, True, False]


def test_calls_that_hang_for_ever_do_not_take_the_lane_with_them():
    async def run() -> str:
        lane, gate = Lane("test", 2, patience=1.0), threading.Event()
        hung = [lane.submit(gate.wait) for _ in range(2)]
        await asyncio.sleep(0.02)
        for one in hung:
            lane.give_up(one)
        answer = await asyncio.wait_for(lane.run(lambda: "answered"), 1)
        gate.set()
        lane.close()
        return answer

    assert play(run) == "answered"


def test_a_call_given_up_in_line_is_never_begun():
    async def run() -> list[str]:
        lane, gate, begun = Lane("test", 1, patience=1.0), threading.Event(), list[str]()
        lane.submit(gate.wait)
        waiting = lane.submit(lambda: begun.append("begun"))
        lane.give_up(waiting)
        gate.set()
        await lane.run(lambda: None)
        lane.close()
        return begun

    assert play(run) == []


@pytest.mark.parametrize("deadline", [60.0, 250.0])
def test_an_engine_that_hangs_is_left_behind_and_the_answer_comes_within_the_deadline(deadline: float):
    async def run() -> tuple[list[Answer], float, list[Request]]:
        engine = Hanging(1)
        live = Live(engine, lambda: NOW)
        started = time.perf_counter()
        answers = await live.answer(ask(deadline))
        took = (time.perf_counter() - started) * 1000
        engine.freed.set()
        live.close()
        return answers, took, engine.asked

    answers, took, asked = play(run)
    assert answers[0].items and took < deadline + 2_000  # the machine that tests may be busy
    assert (asked[0].deadline_ms or 0) < 1, "the second time there is no time for anything but the last resort"


def test_where_even_the_last_resort_hangs_the_edge_says_so_in_time():
    async def run() -> float:
        engine = Hanging(9)
        live = Live(engine, lambda: NOW)
        started = time.perf_counter()
        for _ in range(3):
            with pytest.raises(TooLateError):
                await live.answer(ask(80.0))
        took = time.perf_counter() - started
        engine.freed.set()
        live.close()
        return took

    assert play(run) < 5


def test_pages_that_hang_do_not_take_the_server_with_them(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("aisle.serving.live.HUNG_SECONDS", 0.1)

    async def run() -> int:
        engine = Hanging(2)
        live = Live(engine, lambda: NOW)
        pages = [live.run(lambda engine: engine.answer(ask())) for _ in range(2)]
        late = await asyncio.gather(*pages, return_exceptions=True)
        assert [type(one) for one in late] == [TooLateError] * 2
        answers = await live.answer(ask(2_000.0))
        engine.freed.set()
        live.close()
        return len(answers[0].items)

    assert play(run) > 0


def test_a_deadline_of_no_length_and_one_without_end_are_both_answered(monkeypatch):
    monkeypatch.setattr("aisle.serving.live.DEADLINE_MS", 1_000.0)

    async def run() -> list[float | None]:
        engine = FakeEngine()
        live = Live(engine, lambda: NOW)
        for deadline in (None, 1e300, 30.0):
            await live.answer(ask(deadline))
        live.close()
        return [request.deadline_ms for request in engine.asked]

    told = play(run)
    assert 300 < told[0] <= 800 and 40_000 < told[1] <= 48_000 and told[2] <= 24


def test_an_engine_that_fails_fails_at_once_and_not_at_the_deadline():
    async def run() -> float:
        engine = FakeEngine()
        engine.error = ValueError("x")
        live = Live(engine, lambda: NOW)
        started = time.perf_counter()
        with pytest.raises(ValueError, match="x"):
            await live.answer(ask())
        live.close()
        return time.perf_counter() - started

    assert play(run) < 0.7


def test_too_late_is_a_problem_that_says_come_again():
    engine = Hanging(9)
    live = Live(engine, lambda: NOW, FakeStore())
    with TestClient(create_app(live, Telemetry(io.StringIO(), b"salt")), base_url=HOST) as client:
        response = client.post("/v1/search", json={"query": "x", "deadline_ms": 50})
        engine.freed.set()
    refused(response, 503, "too_late")
    assert response.headers["retry-after"] == "1"


def test_a_bundle_that_another_process_activated_answers_here_soon():
    async def run() -> tuple[list[str], list[dict[str, object]]]:
        store, said, seen = FakeStore(), list[dict[str, object]](), list[str]()
        live = Live(FakeEngine("toy-1"), lambda: NOW, store)
        following = asyncio.create_task(live.follow(lambda event, **facts: said.append({"event": event, **facts}), every=0.01))
        for wanted in ("toy-2", "torn", "empty", "toy-1"):
            store.active = wanted
            for _ in range(200):
                await asyncio.sleep(0.01)
                if live.engine.bundle_id == wanted or (said and said[-1].get("bundle") == wanted):
                    break
            seen.append(live.engine.bundle_id)
        following.cancel()
        live.close()
        return seen, said

    seen, said = play(run)
    assert seen == ["toy-2", "toy-2", "toy-2", "toy-1"]
    assert [one["event"] for one in said] == ["bundle", "bundle_refused", "bundle_refused", "bundle"]
    assert "ids.blob.npy" in str(said[1]["reason"]) and "nothing to show" in str(said[2]["reason"])


def test_a_store_that_cannot_be_read_for_a_while_changes_nothing():
    class Away(FakeStore):
        def current(self) -> str | None:
            raise PermissionError(13, "no")

    async def run() -> str:
        live = Live(FakeEngine("toy-1"), lambda: NOW, Away())
        following = asyncio.create_task(live.follow(lambda *_, **__: None, every=0.005))
        await asyncio.sleep(0.05)
        alive = not following.done()
        following.cancel()
        live.close()
        return live.engine.bundle_id if alive else "ended"

    assert play(run) == "toy-1"


def test_a_bundle_that_fails_on_a_golden_request_is_refused_before_it_is_made_the_active_one():
    class Broken(FakeStore):
        def open(self, bundle_id: str) -> FakeEngine:
            engine = FakeEngine(bundle_id)
            engine.error = KeyError("weights")
            return engine

    async def run() -> tuple[str, str]:
        store = Broken()
        live = Live(FakeEngine("toy-1"), lambda: NOW, store)
        with pytest.raises(BundleError, match="fails on a search request: KeyError"):
            await live.activate("toy-2")
        live.close()
        return live.engine.bundle_id, store.active

    assert play(run) == ("toy-1", "toy-1")
    assert opened(FakeStore(), "toy-2", FakeEngine()).bundle_id == "toy-2"


def test_every_answer_is_noted_but_those_that_only_warm():
    notes: list[dict[str, Any]] = []

    class Kept:
        def note(self, entry: Any) -> None:
            notes.append(entry)

    engine = Noted(FakeEngine(), Kept(), lambda: 5.0)
    warm(engine)
    assert notes == []
    engine.answer([Request("r1", "search", query="red lamp", user_id="42", session_id="s"), Request("r2", "rank", items=("A1", "nope"))])
    first, second = notes
    told = {name: first[name] for name in ("request_id", "time", "surface", "query", "user_id")}
    assert told == {"request_id": "r1", "time": 5.0, "surface": "search", "query": "red lamp", "user_id": "42"}
    assert first["items"][0]["item_id"] == "A0" and first["total"] == 1 and first["bundle"] == "toy-1"
    assert [one["item_id"] for one in second["items"]] == ["A1", "nope"]
    assert engine.record([{"type": "click"}], 1.0)["stored"] == 1
    assert engine.put_items([{"item_id": "n"}], False, 1.0)["stored"] == 1
    assert engine.delete_item("n", 1.0) and engine.item("n") is None
    assert engine.users(1) == ["42"] and engine.export("42") and engine.forget("42", 1.0) and engine.profile("42") is None


def test_a_note_tells_the_stages_of_a_request_that_asked_for_no_explanation():
    trace = Trace([Step("lexical", 1.23456, 73), Step("rank", 3.0, 24)], {"dense": "too slow"}, removed=5, requests=2)
    told = note(Request("r1", "search", query="lamp"), Answer("r1", "toy-1", skipped=("dense",), run=trace), 5.0)
    assert told["trace"] == [{"stage": "lexical", "took_ms": 1.235, "gave": 73}, {"stage": "rank", "took_ms": 3.0, "gave": 24}]
    assert (told["skipped"], told["because"], told["removed"], told["together"]) == (["dense"], {"dense": "too slow"}, 5, 2)


def test_what_happens_in_a_shop_without_a_clock_happens_now() -> None:
    live = Live(FakeEngine(), lambda: float("nan"))
    assert abs(live.moment() - time.time()) < 60
    assert Live(FakeEngine(), lambda: 7.0).moment() == 7.0
