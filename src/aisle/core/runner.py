"""Runs stages: owns time, failure, counting and parallelism, so that a stage owns only its idea."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition, get_ident
from time import perf_counter
from typing import Generic, TypeVar

from aisle.core.errors import AisleError, RequestError
from aisle.core.trace import Step, Trace

Result = TypeVar("Result")
log = logging.getLogger("aisle.runner")
SHARE = 0.35
"""Of the time left this much is given to several stages before one that holds them up is left behind."""


@dataclass(frozen=True)
class Outcome(Generic[Result]):
    """What one job gave, or how it failed."""

    took_ms: float
    result: Result | None = None
    error: Exception | None = None


class Trust:
    """Whether stages may run in the answering thread itself, which saves the hand-over: as long as none of them was slow lately and none
    hangs now. Shared by all runs of one shop. The first answer that a stage spoils is the edge's to save; those after it are isolated."""

    LATE, DOUBTED, LONGEST = 0.2, 1.0, 60.0
    """Seconds that the stages of one answer may take together; for how long they are isolated after that; and at most, since each time
    that follows within so long lasts twice as long: what was read from the disk once is no reason for a slow minute."""

    def __init__(self) -> None:
        self._running: dict[int, float] = {}
        self._until, self._doubt = -self.LONGEST, self.DOUBTED

    def given(self, now: float) -> bool:
        """Whether the next stages need not be isolated."""
        return now >= self._until and all(now - begun < self.LATE for begun in list(self._running.values()))

    @contextmanager
    def watched(self) -> Iterator[None]:
        """While the stages of one answer run in this thread."""
        me, begun = get_ident(), perf_counter()
        self._running[me] = begun
        try:
            yield
        finally:
            self._running.pop(me, None)
            if (now := perf_counter()) - begun > self.LATE:
                self._doubt = min(2 * self._doubt, self.LONGEST) if now - self._until < self.LONGEST else self.DOUBTED
                self._until = now + self._doubt


class Chain(Generic[Result]):
    """Jobs done in order by one thread at a time. A job that was given up on may still end, but its outcome is not taken any more."""

    def __init__(self, jobs: Mapping[str, Callable[[], Result]]) -> None:
        self.jobs = list(jobs.items())
        self.outcomes: dict[str, Outcome[Result]] = {}
        self._next, self._ended = 0, Condition()

    def work(self, start: int) -> None:
        """Do the jobs from ``start`` on, until another thread was sent to go on behind one of them."""
        for place in range(start, len(self.jobs)):
            outcome = _run(self.jobs[place][1])
            with self._ended:
                if self._next != place:
                    return
                self.outcomes[self.jobs[place][0]] = outcome
                self._next = place + 1
                if self._next == len(self.jobs):
                    self._ended.notify_all()

    def reached(self, seconds: float) -> int:
        """The first job that has not ended, when all have or after ``seconds``. Who waits is woken once: every time that one thread hands
        over to another costs as much as a stage."""
        with self._ended:
            self._ended.wait_for(lambda: self._next == len(self.jobs), max(0.0, seconds))
            return self._next

    def give_up(self, place: int) -> bool:
        """Go on without the job at ``place``, unless it has just ended."""
        with self._ended:
            held = self._next == place
            self._next += held
            return held


def _run(job: Callable[[], Result]) -> Outcome[Result]:
    begun = perf_counter()
    try:
        result = job()
        return Outcome((perf_counter() - begun) * 1000, result)
    except Exception as error:  # a stage may fail in any way; the answer must not
        return Outcome((perf_counter() - begun) * 1000, error=error)


class Runner:
    """One block's run. ``deadline_ms`` counts from construction; None: as long as it takes, stages one after another in this thread.

    With a deadline independent stages run in ``pool``, and one that is late or raises is left out and named in the trace; while ``trust``
    is given they run in this thread.
    """

    def __init__(self, deadline_ms: float | None = None, pool: ThreadPoolExecutor | None = None, trust: Trust | None = None) -> None:
        self.trace = Trace()
        self.start = perf_counter()
        self.deadline_ms, self.pool, self.trust = deadline_ms, pool, trust

    @property
    def took_ms(self) -> float:
        """Milliseconds since the start."""
        return (perf_counter() - self.start) * 1000

    @property
    def left_ms(self) -> float:
        """Milliseconds until the deadline, infinite without one."""
        return float("inf") if self.deadline_ms is None else self.deadline_ms - self.took_ms

    def step(self, name: str, work: Callable[[], Result], needs_ms: float = 0.0) -> Result | None:
        """The result of an optional stage; None, and the reason in the trace, when it failed or when ``needs_ms`` are not left."""
        if self.left_ms < needs_ms:
            self.trace.skipped[name] = "no time left"
            return None
        begun = perf_counter()
        try:
            result = work()
        except RequestError:
            raise
        except Exception as error:  # a stage may fail in any way; the answer must not
            self._failed(name, error)
            return None
        self._count(name, begun, result)
        return result

    def must(self, name: str, work: Callable[[], Result]) -> Result:
        """The result of a required stage; what it raises goes to the caller, who falls back."""
        begun = perf_counter()
        result = work()
        self._count(name, begun, result)
        return result

    def together(self, jobs: Mapping[str, Callable[[], Result]]) -> dict[str, Result]:
        """The results of independent optional stages, in the order of ``jobs``; the late and the failed are left out.

        One thread of the pool does them one after another, which costs one hand-over a block; a job that alone takes a share of the time
        left is left behind with its thread, and another thread goes on with the next.
        """
        if self.pool is None or self.deadline_ms is None:
            return self._here(jobs)
        if self.trust is not None and self.trust.given(perf_counter()):
            with self.trust.watched():
                return self._here(jobs)
        chain, names, before = Chain(jobs), list(jobs), 0
        self.pool.submit(chain.work, 0)
        while (place := chain.reached(self.left_ms * SHARE / 1000)) < len(names):
            if place == before and chain.give_up(place):
                self.trace.skipped[names[place]] = "too slow"
                self.pool.submit(chain.work, place + 1)
                place += 1
            before = place
        return {name: result for name, outcome in chain.outcomes.items() if (result := self._taken(name, outcome)) is not None}

    def _here(self, jobs: Mapping[str, Callable[[], Result]]) -> dict[str, Result]:
        done = {name: self.step(name, work) for name, work in jobs.items()}
        return {name: result for name, result in done.items() if result is not None}

    def _taken(self, name: str, outcome: Outcome[Result]) -> Result | None:
        if isinstance(outcome.error, RequestError):
            raise outcome.error
        if outcome.error is not None:
            self._failed(name, outcome.error)
        elif outcome.result is not None:
            size = len(outcome.result) if hasattr(outcome.result, "__len__") else 0
            self.trace.steps.append(Step(name, outcome.took_ms, size))
        return outcome.result

    def _count(self, name: str, begun: float, result: object) -> None:
        size = len(result) if hasattr(result, "__len__") else 0
        self.trace.steps.append(Step(name, (perf_counter() - begun) * 1000, size))

    def _failed(self, name: str, error: Exception) -> None:
        self.trace.skipped[name] = error.what if isinstance(error, AisleError) else type(error).__name__
        log.warning("stage %s failed: %s", name, type(error).__name__, exc_info=log.isEnabledFor(logging.DEBUG))
