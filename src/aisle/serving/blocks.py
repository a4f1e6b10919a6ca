"""Questions that stand in line are answered as one block: what an answer costs besides its own work is paid once for all of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Semaphore
from time import perf_counter

from aisle.core.answer import Answer
from aisle.core.request import Request
from aisle.serving.engine import Engine
from aisle.serving.lane import Lane
from aisle.serving.problems import OverloadError

MOST = 8
"""Questions in a block: more would make the first of them wait for the last."""
HURRIED_MS = 250.0
"""With a deadline shorter than this a question is answered alone: a block keeps to the shortest, which would spoil the other answers."""
SLOW = 0.05
"""Seconds that a turn lets the one before it have the processor to itself: two that compute at once only take turns at the interpreter, and
both come late. After that it goes on beside what is slow or hangs."""
Within = Callable[[Request, float], Request]
"""From a request and the seconds that it waited to the request with the deadline that is left."""


@dataclass(eq=False)
class Ticket:
    """One client's requests in line. ``turn`` is the lane's call that answers them, None while they wait."""

    engine: Engine
    requests: list[Request]
    answers: Future[list[Answer]] = field(default_factory=Future)
    arrived: float = field(default_factory=perf_counter)
    turn: Future[None] | None = None

    @property
    def hurried(self) -> bool:
        """Whether it has too little time to share a block."""
        return any(request.deadline_ms is not None and request.deadline_ms < HURRIED_MS for request in self.requests)

    def beside(self, other: Ticket) -> bool:
        """Whether both may be answered as one block."""
        return self.engine is other.engine and not (self.hurried or other.hurried)


class Blocks:
    """The line before a lane's threads: each takes up to `MOST` tickets of one engine when the turn before it has ended."""

    def __init__(self, lane: Lane, within: Within) -> None:
        self.lane, self.within = lane, within
        self._line: deque[Ticket] = deque()
        self._computing = Semaphore()

    def submit(self, engine: Engine, requests: list[Request]) -> Ticket:
        """Stand in line. Raises `OverloadError` where that would take too long."""
        ticket, turn = Ticket(engine, requests), list[Future[None]]()
        self._line.append(ticket)
        try:
            turn.append(self.lane.submit(lambda: self._take(turn), self._refuse))
        except OverloadError:
            self._line.remove(ticket)
            raise
        return ticket

    def give_up(self, ticket: Ticket) -> None:
        """Nobody waits for this ticket any more: one in line is passed over, the thread of one that is being answered counts as lost."""
        if not ticket.answers.cancel() and ticket.turn is not None:
            self.lane.give_up(ticket.turn)

    def _take(self, turn: list[Future[None]]) -> None:
        """Answer those who stand first; nobody may be left, since an earlier turn took several."""
        alone = self._computing.acquire(timeout=SLOW)
        try:
            block = self._first()
            for ticket in block:
                ticket.turn = turn[0] if turn else None
            if block:
                _answer(block, self.within)
        finally:
            if alone:
                self._computing.release()

    def _refuse(self) -> None:
        """The turn came far too late: whoever stands first is sent away in its place."""
        for ticket in self._first(most=1):
            ticket.answers.set_exception(OverloadError())

    def _first(self, most: int = MOST) -> list[Ticket]:
        found: list[Ticket] = []
        while self._line and len(found) < most:
            try:
                ticket = self._line.popleft()
            except IndexError:  # another thread took it
                break
            if found and not ticket.beside(found[0]):
                self._line.appendleft(ticket)
                break
            if ticket.answers.set_running_or_notify_cancel():
                found.append(ticket)
        return found


def _answer(block: list[Ticket], within: Within) -> None:
    """Give every ticket its answers. What one of them fails for is not the others' fault: then each is asked alone."""
    now = perf_counter()
    try:
        answers = block[0].engine.answer([within(request, now - ticket.arrived) for ticket in block for request in ticket.requests])
    except BaseException as error:
        if len(block) == 1:
            block[0].answers.set_exception(error)
            return
        for ticket in block:
            _answer([ticket], within)
        return
    start = 0
    for ticket in block:
        ticket.answers.set_result(answers[start : start + len(ticket.requests)])
        start += len(ticket.requests)
