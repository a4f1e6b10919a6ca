"""The runner: what independent stages give, in order, whatever some of them do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event, current_thread
from time import perf_counter, sleep

import numpy as np
import pytest

from aisle.core.errors import RequestError
from aisle.core.runner import Runner, Trust


@pytest.fixture
def release() -> Iterator[Event]:
    event = Event()
    yield event
    event.set()


@pytest.fixture
def pool(release: Event) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as threads:
        yield threads
        release.set()


def fails() -> list[int]:
    raise ValueError("a secret")


@pytest.mark.parametrize("deadline", [None, 1_000.0])
def test_results_come_in_the_order_of_the_jobs_with_and_without_a_deadline(deadline: float | None, pool: ThreadPoolExecutor) -> None:
    runner = Runner(deadline, pool)
    assert list(runner.together({"b": lambda: [1], "a": lambda: [2, 3]}).items()) == [("b", [1]), ("a", [2, 3])]
    assert [(step.name, step.gave) for step in runner.trace.steps] == [("b", 1), ("a", 2)]


@pytest.mark.parametrize("deadline", [None, 1_000.0])
def test_a_job_that_raises_is_named_without_its_message_and_the_others_go_on(deadline: float | None, pool: ThreadPoolExecutor) -> None:
    runner = Runner(deadline, pool)
    assert runner.together({"bad": fails, "good": lambda: [1]}) == {"good": [1]}
    assert runner.trace.skipped == {"bad": "ValueError"}


def test_a_job_that_hangs_is_left_behind_and_those_after_it_still_answer_in_time(pool: ThreadPoolExecutor, release: Event) -> None:
    def hangs() -> list[int]:
        release.wait(30)
        return [0]

    runner, begun = Runner(2_000.0, pool), perf_counter()
    assert runner.together({"a": lambda: [1], "hung": hangs, "z": lambda: [2]}) == {"a": [1], "z": [2]}
    assert runner.trace.skipped == {"hung": "too slow"}
    assert perf_counter() - begun < 15  # and not the thirty seconds of the hang


def test_what_a_left_behind_job_gives_later_is_not_taken(pool: ThreadPoolExecutor, release: Event) -> None:
    ran: list[str] = []

    def noted(name: str, wait: bool = False) -> Callable[[], list[str]]:
        def job() -> list[str]:
            if wait:
                release.wait(30)
            ran.append(name)
            return [name]

        return job

    found = Runner(1_000.0, pool).together({"late": noted("late", wait=True), "next": noted("next")})
    release.set()
    pool.shutdown(wait=True)
    assert found == {"next": ["next"]}
    assert sorted(ran) == ["late", "next"]  # the late one ended, and went on with nothing


def test_jobs_share_one_thread_of_the_pool(pool: ThreadPoolExecutor) -> None:
    names = Runner(1_000.0, pool).together({str(n): lambda: [current_thread().name] for n in range(5)})
    assert len({name for (name,) in names.values()}) == 1


def test_a_wrong_request_ends_the_run(pool: ThreadPoolExecutor) -> None:
    def wrong() -> list[int]:
        raise RequestError("filters.size: no item has this attribute.", "")

    with pytest.raises(RequestError):
        Runner(1_000.0, pool).together({"a": wrong})


def test_stages_that_are_trusted_run_in_the_answering_thread(pool: ThreadPoolExecutor) -> None:
    ran = Runner(1_000.0, pool, Trust()).together({"a": lambda: [current_thread().name]})
    assert ran == {"a": [current_thread().name]}


def test_a_slow_stage_costs_the_trust_of_all_for_a_while(pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Trust, "LATE", 0.01)
    trust = Trust()

    def slow() -> list[int]:
        sleep(0.03)
        return [1]

    assert Runner(10_000.0, pool, trust).together({"slow": slow}) == {"slow": [1]}
    assert not trust.given(perf_counter())
    assert trust.given(perf_counter() + Trust.DOUBTED)
    later = Runner(10_000.0, pool, trust).together({"a": lambda: [current_thread().name]})
    assert later["a"] != [current_thread().name]


def test_who_is_slow_again_is_doubted_for_twice_as_long_up_to_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("aisle.core.runner.perf_counter", lambda: clock[0])
    trust, waited = Trust(), []

    def spoil() -> None:
        with trust.watched():
            clock[0] += Trust.LATE + 0.1
        begun = clock[0]
        while not trust.given(clock[0]):
            clock[0] += 0.5
        waited.append(clock[0] - begun)

    for _ in range(8):
        spoil()
    assert np.allclose(waited, [1, 2, 4, 8, 16, 32, 60, 60])
    clock[0] += Trust.LONGEST
    spoil()
    assert np.isclose(waited[-1], 1)


def test_while_a_stage_hangs_the_next_answers_isolate_theirs(pool: ThreadPoolExecutor, release: Event) -> None:
    trust, entered = Trust(), Event()

    def hangs() -> list[int]:
        entered.set()
        release.wait(30)
        return [0]

    with ThreadPoolExecutor(1) as other:
        other.submit(Runner(10_000.0, pool, trust).together, {"hung": hangs})
        assert entered.wait(10)
        assert trust.given(perf_counter())
        assert not trust.given(perf_counter() + Trust.LATE)
        release.set()
