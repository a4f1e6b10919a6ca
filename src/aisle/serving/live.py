"""The engine that answers now and the threads it answers on; a new bundle takes its place between two requests."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from time import perf_counter
from typing import Any, TypeVar

from aisle.core.answer import Answer
from aisle.core.errors import BundleError
from aisle.core.request import Request
from aisle.serving.engine import BundleInfo, BundleStore, Engine

T = TypeVar("T")


class OverloadError(Exception):
    """More requests wait than can be answered soon: the client shall come again in a second."""


class Live:
    """Runs engine calls off the event loop, at most ``threads`` at once and ``waiting`` in line; one more raises `OverloadError`.

    ``clock`` gives the time that requests take as now, UTC seconds (NaN: after everything known).
    """

    def __init__(
        self, engine: Engine, clock: Callable[[], float], store: BundleStore | None = None, threads: int = 2, waiting: int = 64
    ) -> None:
        self.engine, self.clock, self.store = engine, clock, store
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="engine")
        self._open: set[Future[Any]] = set()
        self._most = threads + waiting
        self._changing = asyncio.Lock()

    @property
    def running(self) -> int:
        """How many calls are being answered or wait, those included whose client has gone."""
        return len(self._open)

    async def run(self, work: Callable[[Engine], T]) -> T:
        """``work`` on one engine, the same for the whole call even when a bundle is activated meanwhile."""
        if len(self._open) >= self._most:
            raise OverloadError
        future = self._pool.submit(work, self.engine)
        self._open.add(future)
        future.add_done_callback(self._open.discard)
        return await asyncio.wrap_future(future)

    async def answer(self, requests: list[Request]) -> list[Answer]:
        """One answer per request; the time that they stood in line counts against their deadlines."""
        arrived = perf_counter()

        def work(engine: Engine) -> list[Answer]:
            waited = (perf_counter() - arrived) * 1000
            return engine.answer([_less(request, waited) for request in requests])

        return await self.run(work)

    def bundles(self) -> list[BundleInfo]:
        """The bundles of the store; the open one where there is no store."""
        return self.store.list() if self.store else [BundleInfo(self.engine.bundle_id, active=True)]

    async def change(self, to: Callable[[BundleStore], Engine]) -> str:
        """Let the store open another bundle while the running one answers on, then put it in its place. Gives the active bundle's id."""
        if self.store is None:
            raise BundleError("This server runs one bundle, not a store of them.", "Start it with the folder that holds the bundles.")
        async with self._changing:
            self.engine = await asyncio.to_thread(_opened, to, self.store)
        return self.engine.bundle_id

    def close(self) -> None:
        """Let go of the threads; work that has not begun is dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def warm(engine: Engine) -> Engine:
    """Let an engine answer what the front page and the search box ask, so that no visitor waits for what it reads on first use."""
    asked = [
        Request("warm", "search", session_id="warm", query="a 灯", facets=("category", "brand"), sort=sort)
        for sort in ("relevance", "popular", "newest")
    ]
    for request in (*asked, Request("warm", "home", session_id="warm")):
        engine.answer([request])
    engine.complete("a", 1)
    return engine


def _opened(to: Callable[[BundleStore], Engine], store: BundleStore) -> Engine:
    return warm(to(store))


def _less(request: Request, waited: float) -> Request:
    if request.deadline_ms is None or not math.isfinite(request.deadline_ms):
        return request
    return replace(request, deadline_ms=max(1.0, request.deadline_ms - waited))
