"""Runs stages: owns time, failure, counting and parallelism, so that a stage owns only its idea."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, TimeoutError
from time import perf_counter
from typing import TypeVar

from aisle.core.errors import AisleError, RequestError
from aisle.core.trace import Step, Trace

Result = TypeVar("Result")
log = logging.getLogger("aisle.runner")


class Runner:
    """One block's run. ``deadline_ms`` counts from construction; None: as long as it takes, stages one after another in this thread.

    With a deadline the sources run side by side in ``pool``, and one that is late or raises is left out and named in the trace.
    """

    def __init__(self, deadline_ms: float | None = None, pool: ThreadPoolExecutor | None = None) -> None:
        self.trace = Trace()
        self.start = perf_counter()
        self.deadline_ms, self.pool = deadline_ms, pool

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
        """The results of independent optional stages, in the order of ``jobs``; the late and the failed are left out."""
        if self.pool is None or self.deadline_ms is None:
            done = {name: self.step(name, work) for name, work in jobs.items()}
            return {name: result for name, result in done.items() if result is not None}
        begun = perf_counter()
        running = {name: self.pool.submit(work) for name, work in jobs.items()}
        return {name: result for name, future in running.items() if (result := self._wait(name, future, begun)) is not None}

    def _wait(self, name: str, future: Future[Result], begun: float) -> Result | None:
        try:
            result = future.result(timeout=max(0.0, self.left_ms * 0.8) / 1000)
        except TimeoutError:
            future.cancel()
            self.trace.skipped[name] = "too slow"
            return None
        except RequestError:
            raise
        except Exception as error:  # as in `step`
            self._failed(name, error)
            return None
        self._count(name, begun, result)
        return result

    def _count(self, name: str, begun: float, result: object) -> None:
        size = len(result) if hasattr(result, "__len__") else 0
        self.trace.steps.append(Step(name, (perf_counter() - begun) * 1000, size))

    def _failed(self, name: str, error: Exception) -> None:
        self.trace.skipped[name] = error.what if isinstance(error, AisleError) else type(error).__name__
        log.warning("stage %s failed: %s", name, type(error).__name__, exc_info=log.isEnabledFor(logging.DEBUG))
