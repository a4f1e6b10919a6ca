"""The engine that answers now and the threads it answers on; a new bundle takes its place between two requests."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, replace
from time import perf_counter, time
from typing import TypeVar

from aisle.core.answer import Answer
from aisle.core.errors import AisleError, BundleError
from aisle.core.memory import give_back
from aisle.core.request import Request
from aisle.serving.blocks import Blocks
from aisle.serving.engine import BundleInfo, BundleStore, Engine
from aisle.serving.lane import Lane
from aisle.serving.problems import OverloadError, TooLateError

T = TypeVar("T")
DEADLINE_MS = 1_000.0
"""What a request is given when it names no deadline."""
LONGEST_MS, HUNG_SECONDS = 60_000.0, 10.0
ENGINE_SHARE, RESCUE_SHARE = 0.8, 0.9
"""Of the time left: what the engine is told to keep to, and when what is popular is asked for beside an engine that did not."""
WRITERS = 32
"""Threads that wait for the disk; what they wait for is written in groups."""
WRITE_PATIENCE = 0.25
TICK_SECONDS, TIDY_SECONDS = 0.01, 3.0
LOOK_SECONDS, AGAIN_SECONDS = 0.5, 30.0
"""How often another process's activation is looked for, and how soon a bundle that was refused is tried again."""
OPENING_PATIENCE = 0.7 * DEADLINE_MS / 1_000
"""Seconds that a question may stand in line while this process opens a bundle: the rest of what it is given is enough to answer in."""
PAGE_PATIENCE = 10.0
"""How many times the patience of one question a page has: it asks several, and a person does not come again in a second."""


@dataclass(slots=True)
class Turn:
    """A page's place in line: it stands there once, with its first question, and whoever let it in refuses none of those that follow."""

    admitted: bool = False


class Live:
    """Runs engine calls off the event loop. What would wait longer than ``patience_ms`` for one of ``threads`` raises `OverloadError`.

    ``clock`` gives the time that requests take as now, UTC seconds (NaN: after everything known).
    """

    def __init__(
        self,
        engine: Engine,
        clock: Callable[[], float],
        store: BundleStore | None = None,
        threads: int = 2,
        patience_ms: float = 60.0,
    ) -> None:
        self.engine, self.clock, self.store = engine, clock, store
        self.reads = Lane("engine", threads, patience_ms / 1000)
        self._blocks = Blocks(self.reads, _within)
        self.writes = Lane("writer", WRITERS, WRITE_PATIENCE)
        self._rescue = Lane("rescue", 1, 0.0)
        self._changing, self._due = asyncio.Lock(), math.inf

    @property
    def busy(self) -> bool:
        """Whether one more question would wait too long: in line, or because the event loop is late and the question is older than it
        seems. Never while a thread is free to take it."""
        if self.reads.free:
            return False
        late = asyncio.get_running_loop().time() - self._due
        return self.reads.refuses(self.reads.wait() + max(0.0, late), self.reads.bears)

    async def tick(self) -> None:
        """For ever: note when the event loop should be here again."""
        while True:
            self._due = asyncio.get_running_loop().time() + TICK_SECONDS
            await asyncio.sleep(TICK_SECONDS)

    async def tidy(self) -> None:
        """For ever: hand back to the system what answers took and left free; it takes half a millisecond."""
        while True:
            await asyncio.sleep(TIDY_SECONDS)
            await asyncio.to_thread(give_back)

    @property
    def running(self) -> int:
        """How many calls are being answered or wait, those included whose client has gone."""
        return self.reads.running + self.writes.running + self._rescue.running

    def moment(self) -> float:
        """The time of what happens now: the clock's, or the wall's where a log without a clock has no now."""
        now = self.clock()
        return time() if math.isnan(now) else now

    async def run(self, work: Callable[[Engine], T], turn: Turn | None = None) -> T:
        """``work`` on one engine, the same for the whole call even when a bundle is activated meanwhile; ``turn`` is that of the page it is
        for. Raises `TooLateError` for work that hangs."""
        engine = self.engine
        patience = None if turn is None else math.inf if turn.admitted else PAGE_PATIENCE * self.reads.patience
        future = self.reads.submit(lambda: work(engine), patience=patience)
        if turn is not None:
            turn.admitted = True
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), HUNG_SECONDS)
        except TimeoutError:
            self.reads.give_up(future)
            raise TooLateError from None

    async def write(self, work: Callable[[Engine], T]) -> T:
        """As `run`, for work that waits for the disk: no answer stands in line behind it."""
        engine = self.engine
        return await self.writes.run(lambda: work(engine))

    async def answer(self, requests: list[Request]) -> list[Answer]:
        """One answer per request, within the shortest of their deadlines; the time that they stand in line counts.

        An engine that does not keep to its time is left behind: what is popular answers instead, and if that is late too, `TooLateError`.
        """
        engine, arrived = self.engine, perf_counter()
        budget = min((_finite(request.deadline_ms) for request in requests), default=DEADLINE_MS) / 1000

        ticket = self._blocks.submit(engine, requests)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(ticket.answers), budget * RESCUE_SHARE)
        except TimeoutError:
            if ticket.answers.done() and not ticket.answers.cancelled():
                return ticket.answers.result()
            self._blocks.give_up(ticket)
            return await self._popular(engine, requests, budget - (perf_counter() - arrived))

    async def _popular(self, engine: Engine, requests: list[Request], left: float) -> list[Answer]:
        """The engine once more, without time for anything but the last resort."""
        last: Future[list[Answer]] | None = None
        try:
            last = self._rescue.submit(lambda: engine.answer([replace(request, deadline_ms=0.001) for request in requests]))
            return await asyncio.wait_for(asyncio.wrap_future(last), max(left, 0.001))
        except (TimeoutError, OverloadError):
            if last is not None:
                self._rescue.give_up(last)
            raise TooLateError from None

    def bundles(self) -> list[BundleInfo]:
        """The bundles of the store; the open one where there is no store."""
        return self.store.list() if self.store else [BundleInfo(self.engine.bundle_id, active=True)]

    async def activate(self, bundle_id: str) -> str:
        """Open a bundle while the running one answers on, make it the active one, let it answer. On any fault nothing changes.

        Raises `BundleError`; gives the id of the bundle that answers.
        """
        store = self._store()
        async with self._changing:
            with self._patient():
                engine = await asyncio.to_thread(opened, store, bundle_id, self.engine)
                await asyncio.to_thread(store.activate, bundle_id)
                self.engine = engine
        return bundle_id

    async def rollback(self) -> str:
        """Activate the bundle that was active before."""
        before = self._store().previous()
        if before is None:
            raise BundleError("There is no earlier bundle to roll back to.", "Activate one by name.")
        return await self.activate(before)

    async def follow(self, say: Callable[..., None], every: float = LOOK_SECONDS) -> None:
        """For ever: let the bundle answer that another process made the active one. One that is refused is named in the log."""
        refused, again = "", 0.0
        while self.store is not None:
            await asyncio.sleep(every)
            try:
                current = await asyncio.to_thread(self.store.current)
                if current in (None, self.engine.bundle_id) or (current == refused and perf_counter() < again):
                    continue
                refused, again = str(current), perf_counter() + AGAIN_SECONDS
                if await self._catch_up(refused):
                    say("bundle", bundle=refused)
            except (AisleError, OSError) as error:
                say("bundle_refused", bundle=refused, reason=getattr(error, "what", type(error).__name__))

    async def _catch_up(self, bundle_id: str) -> bool:
        store = self._store()
        async with self._changing:
            if self.engine.bundle_id == bundle_id:
                return False
            with self._patient():
                self.engine = await asyncio.to_thread(opened, store, bundle_id, self.engine)
        return True

    def _patient(self) -> ExitStack:
        """Opening a bundle takes the processor from those who answer: nobody is refused for that."""
        stack = ExitStack()
        for lane in (self.reads, self._rescue):
            stack.enter_context(lane.disturbed(OPENING_PATIENCE))
        return stack

    def _store(self) -> BundleStore:
        if self.store is None:
            raise BundleError("This server runs one bundle, not a store of them.", "Start it with the folder that holds the bundles.")
        return self.store

    def close(self) -> None:
        """Let go of the threads; work that has not begun is dropped."""
        for lane in (self.reads, self.writes, self._rescue):
            lane.close()


def golden(engine: Engine) -> list[Request]:
    """What the front page and the search box ask, with all the time that reading a bundle from the disk takes. Searched is for what stands
    first on the engine's front page: Chinese, whose dictionary is large, is read where the shop speaks it."""
    home = Request("warm", "home", session_id="warm", deadline_ms=LONGEST_MS)
    query = next((str(item.attributes.get("title", "")) for item in engine.answer([home])[0].items), "") or "a"
    asked = [
        Request("warm", "search", session_id="warm", query=query, facets=("category", "brand"), sort=sort, deadline_ms=LONGEST_MS)
        for sort in ("relevance", "popular", "newest")
    ]
    return [*asked, home]


def warm(engine: Engine) -> Engine:
    """Let an engine answer the golden requests, so that no visitor waits for what it reads on first use."""
    for request in golden(engine):
        engine.answer([request])
    engine.complete("a", 1)
    return engine


def opened(store: BundleStore, bundle_id: str, running: Engine) -> Engine:
    """A bundle opened, warmed and compared on golden requests with the one that runs.

    Raises `BundleError` when it fails on one of them, or has nothing to show where the running one has: a bundle may be whole and wrong.
    """
    engine = store.open(bundle_id)
    for request in golden(running):
        try:
            answer = engine.answer([request])[0]
        except Exception as error:  # a bundle may fail in any way; the server must not
            raise BundleError(f"{bundle_id} fails on a {request.surface} request: {type(error).__name__}.", "Train again.") from error
        if not answer.items and running.answer([request])[0].items:
            raise BundleError(f"{bundle_id} has nothing to show for a {request.surface} request.", "Look at its report, or train again.")
    engine.complete("a", 1)
    return engine


def _finite(deadline_ms: float | None) -> float:
    return min(deadline_ms, LONGEST_MS) if deadline_ms is not None and math.isfinite(deadline_ms) else DEADLINE_MS


def _within(request: Request, waited: float) -> Request:
    left = _finite(request.deadline_ms) - waited * 1000
    return replace(request, deadline_ms=max(1.0, left * ENGINE_SHARE))
