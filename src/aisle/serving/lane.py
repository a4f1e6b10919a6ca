"""Threads for one kind of work and the line before them. The line is measured in time: who would wait too long is sent away at once."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from time import perf_counter
from typing import Any, TypeVar

from aisle.serving.problems import OverloadError

T = TypeVar("T")
FIRST_GUESS, MEMORY = 0.005, 0.05
"""Seconds that a call takes before one was seen, and the weight of the newest call in the running mean."""
CALM, MANY, PART, SHORTER = 0.25, 8, 0.5, 12.0
"""Where more than so many were sent away lately (a quarter of a second ago counts half), and more than half of those taken, the line bears
so many times less: where far more come than can be answered, a longer line answers nobody more, it makes everybody late. After Nichols and
Jacobson, "Controlling queue delay" (2012). A burst is no reason: a short line sends away who would be answered soon."""
FAR, SLACK = 5, 0.02
"""A call that stood in line for so many times the patience, and a little, is dropped when its turn comes."""
MOST_POOLS = 5


class _Lately:
    """How many there were, the longer ago the less: a quarter of a second ago counts half."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._count, self._counted = clock, 0.0, -math.inf

    def add(self) -> None:
        """One more."""
        self._count, self._counted = self.count + 1, self._clock()

    @property
    def count(self) -> float:
        """So many are they worth now."""
        return float(self._count * 0.5 ** ((self._clock() - self._counted) / CALM))


class Lane:
    """At most ``threads`` calls at once; one that would stand in line for longer than ``patience`` seconds raises `OverloadError`.
    ``clock`` counts seconds.

    A call that its client gave up on while it ran may hang for ever: when such calls hold every thread, new threads are made for the
    next ones, `MOST_POOLS` times at most.
    """

    def __init__(self, name: str, threads: int, patience: float, clock: Callable[[], float] = perf_counter) -> None:
        self.name, self.threads, self.patience, self.clock = name, threads, patience, clock
        self._longer, self._until = 0.0, -math.inf
        self._sent_away, self._taken = _Lately(clock), _Lately(clock)
        self._pools = [self._pool()]
        self._open: set[Future[Any]] = set()
        self._lost: set[Future[Any]] = set()
        self._typical = FIRST_GUESS

    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.threads, thread_name_prefix=self.name)

    @property
    def running(self) -> int:
        """How many calls run or wait, those included whose client has gone."""
        return len(self._open) + len(self._lost)

    def wait(self) -> float:
        """Seconds that one more call would stand in line, by what calls took lately; 0 while as many wait as can run, for a line so short
        is no sign of overload, or while one does where it is crowded: with none at all threads would idle between two calls."""
        before = len(self._open) - self.threads + 1
        return 0.0 if before <= (1 if self.crowded else self.threads) else before * self._typical / self.threads

    @property
    def free(self) -> bool:
        """Whether a call would begin at once."""
        return len(self._open) < self.threads

    @property
    def bears(self) -> float:
        """Seconds that a call may stand in line now."""
        if self._disturbed:
            return max(self.patience, self._longer)
        return self.patience / SHORTER if self.crowded else self.patience

    @property
    def crowded(self) -> bool:
        """Whether many were sent away just now, and not few beside those taken."""
        return self._sent_away.count > max(MANY, PART * self._taken.count)

    def refuses(self, wait: float, patience: float) -> bool:
        """Whether a call that would stand in line for ``wait`` seconds is sent away, since it bears ``patience`` only; it is counted."""
        if wait <= patience:
            return False
        self._sent_away.add()
        return True

    @property
    def _disturbed(self) -> bool:
        return self.clock() < self._until

    @contextmanager
    def disturbed(self, patience: float) -> Iterator[None]:
        """While other work takes the processor the line bears ``patience`` seconds: it is long because of that work, not because too many
        came; and as long again after, until it is worked off. How long calls take meanwhile says nothing of later ones."""
        self._longer, self._until = patience, math.inf
        try:
            yield
        finally:
            self._until = self.clock() + patience

    def submit(self, work: Callable[[], T], late: Callable[[], None] = lambda: None, patience: float | None = None) -> Future[T]:
        """Start a call, or put it in line. ``late`` is called in its place where its turn comes far too late; ``patience`` is its own,
        where it bears a longer wait than the lane's."""
        borne = self.bears if patience is None else max(patience, self.bears)
        if self.refuses(self.wait(), borne):
            raise OverloadError
        self._taken.add()
        asked = self.clock()

        def timed() -> T:
            begun = self.clock()
            if begun - asked > FAR * max(borne, self.bears) + SLACK:
                late()
                raise OverloadError  # the guess was wrong, and working off a long line would only make all of it late
            quiet = not self._disturbed
            try:
                return work()
            finally:
                if quiet and not self._disturbed:
                    self._typical += MEMORY * (self.clock() - begun - self._typical)

        future = self._pools[-1].submit(timed)
        self._open.add(future)
        future.add_done_callback(self._ended)
        return future

    async def run(self, work: Callable[[], T]) -> T:
        """The result of a call."""
        return await asyncio.wrap_future(self.submit(work))

    def give_up(self, future: Future[Any]) -> None:
        """Nobody waits for this call any more: take it out of the line, or count its thread as lost for as long as it runs."""
        if future.cancel() or future.done():
            return
        self._open.discard(future)
        self._lost.add(future)
        if future.done():  # it ended in between
            self._lost.discard(future)
        if len(self._lost) >= self.threads * len(self._pools) and len(self._pools) < MOST_POOLS:
            self._pools.append(self._pool())

    def _ended(self, future: Future[Any]) -> None:
        self._open.discard(future)
        self._lost.discard(future)

    def close(self) -> None:
        """Let go of the threads; work that has not begun is dropped."""
        for pool in self._pools:
            pool.shutdown(wait=False, cancel_futures=True)
