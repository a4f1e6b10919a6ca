"""Questions in line are answered together, and none suffers for another."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import pytest

from aisle.core.answer import Answer
from aisle.core.errors import RequestError
from aisle.core.request import Request
from aisle.serving.blocks import MOST, Blocks, Ticket
from aisle.serving.lane import Lane
from aisle.serving.problems import OverloadError
from tests.serving.fakes import FakeEngine


class Counting(FakeEngine):
    """Notes which queries came together; fails on those that are named."""

    def __init__(self, wrong: str = "", broken: str = "") -> None:
        super().__init__()
        self.calls: list[list[str]] = []
        self.wrong, self.broken = wrong, broken

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        self.calls.append([str(request.query) for request in requests])
        if self.wrong in self.calls[-1]:
            raise RequestError("filters.size: no item has this attribute.", "")
        if self.broken in self.calls[-1]:
            raise ZeroDivisionError
        return super().answer(requests)


class Held:
    """One thread, busy until `free` is called."""

    def __init__(self, patience: float = 60.0) -> None:
        self.lane, self.gate = Lane("test", 1, patience), threading.Event()
        self.blocks = Blocks(self.lane, lambda request, waited: request)
        self.lane.submit(self.gate.wait)

    def ask(self, engine: FakeEngine, *queries: str, deadline_ms: float | None = None) -> Ticket:
        return self.blocks.submit(engine, [Request("r", "search", query=query, deadline_ms=deadline_ms) for query in queries])

    def free(self) -> None:
        self.gate.set()


@pytest.fixture
def held() -> Iterator[Held]:
    found = Held()
    yield found
    found.free()
    found.lane.close()


def titles(ticket: Ticket) -> list[str]:
    return [str(answer.items[0].attributes["title"]) for answer in ticket.answers.result(10)]


def test_who_waits_is_answered_with_the_others_and_gets_his_own_answers(held: Held) -> None:
    engine = Counting()
    lamp, two, kettle = held.ask(engine, "brass"), held.ask(engine, "flask", "carafe"), held.ask(engine, "kettle")
    held.free()
    assert titles(lamp) == ["Brass reading lamp"]
    assert titles(two) == ["Double-wall steel flask 500 ml", "Glass carafe with cork lid"]
    assert titles(kettle) == ["Red enamel kettle"]
    assert engine.calls == [["brass", "flask", "carafe", "kettle"]]


def test_a_block_is_never_so_long_that_the_first_waits_for_many(held: Held) -> None:
    engine = Counting()
    tickets = [held.ask(engine, "lamp") for _ in range(2 * MOST + 1)]
    held.free()
    assert all(titles(ticket) for ticket in tickets)
    assert [len(call) for call in engine.calls] == [MOST, MOST, 1]


@pytest.mark.parametrize(("wrong", "broken", "error"), [("bad", "", RequestError), ("", "bad", ZeroDivisionError)])
def test_what_one_fails_for_is_not_the_fault_of_the_others(held: Held, wrong: str, broken: str, error: type[Exception]) -> None:
    engine = Counting(wrong or "-", broken or "-")
    good, bad, other = held.ask(engine, "brass"), held.ask(engine, "bad"), held.ask(engine, "kettle")
    held.free()
    assert titles(good) == ["Brass reading lamp"]
    assert titles(other) == ["Red enamel kettle"]
    with pytest.raises(error):
        bad.answers.result(10)


def test_who_is_in_a_hurry_and_who_asks_another_bundle_is_answered_apart(held: Held) -> None:
    engine, newer = Counting(), Counting()
    tickets = [held.ask(engine, "lamp"), held.ask(engine, "mug", deadline_ms=30.0), held.ask(engine, "kettle"), held.ask(newer, "socks")]
    held.free()
    assert all(titles(ticket) for ticket in tickets)
    assert engine.calls == [["lamp"], ["mug"], ["kettle"]]
    assert newer.calls == [["socks"]]


def test_whom_nobody_waits_for_any_more_is_passed_over(held: Held) -> None:
    engine = Counting()
    gone, stays = held.ask(engine, "brass"), held.ask(engine, "kettle")
    held.blocks.give_up(gone)
    held.free()
    assert titles(stays) == ["Red enamel kettle"]
    assert engine.calls == [["kettle"]]


def test_who_waited_far_longer_than_was_guessed_is_sent_away_and_no_one_is_forgotten() -> None:
    held, engine = Held(patience=0.001), Counting()
    held.lane._typical = 1e-9
    tickets = [held.ask(engine, "lamp") for _ in range(3)]
    threading.Event().wait(0.1)
    held.free()
    for ticket in tickets:
        with pytest.raises(OverloadError):
            ticket.answers.result(10)
    assert engine.calls == []
    held.lane.close()
