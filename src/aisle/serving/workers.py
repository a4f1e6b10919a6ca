"""The parent of several workers: starts them on one socket, starts another where one dies, and stops them all in time."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from time import monotonic

import orjson

from aisle.serving.listen import ServeError
from aisle.serving.plan import Plan
from aisle.serving.telemetry import release

LOOK_SECONDS = 0.05
START_SECONDS, STOP_SECONDS = 120.0, 9.0
STEADY_SECONDS, FIRST_PAUSE, LONGEST_PAUSE = 5.0, 0.1, 5.0
"""A worker that lived this long was sound and is followed at once; the successors of others come ever more slowly."""
SHARED = "PROMETHEUS_MULTIPROC_DIR"
Say = Callable[..., None]


class Worker:
    """One process: whether it said that it is ready, or why it cannot be."""

    def __init__(self, plan: Plan, listener: int) -> None:
        command = [sys.executable, "-P", "-m", "aisle.serving.worker", str(listener)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=(listener,), env={**os.environ, SHARED: plan.shared}
        )
        self.started, self.ready, self.failure = monotonic(), False, ServeError("A worker ended while it started.", "The log says why.")
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._listening.start()
        if self.process.stdin is not None:  # kept open: the worker ends when it closes
            with suppress(BrokenPipeError):
                self.process.stdin.write(plan.to_json().encode() + b"\n")
                self.process.stdin.flush()

    def _listen(self) -> None:
        for line in self.process.stdout or ():
            told = orjson.loads(line)
            if "what" in told:
                self.failure = ServeError(told["what"], told["mend"])
            self.ready = self.ready or "ready" in told

    @property
    def ended(self) -> bool:
        """Whether the process is gone and all that it said was heard."""
        if self.process.poll() is None:
            return False
        self._listening.join(1)
        return True


class Place:
    """Where one worker after the other stands: when one ends, the next is started."""

    def __init__(self, plan: Plan, listener: int, say: Say) -> None:
        self._start, self._say, self._shared = partial(Worker, plan, listener), say, Path(plan.shared)
        self.worker, self._early, self._again = self._start(), 0, 0.0

    def look(self) -> None:
        """Start another worker if this one has ended, and its successor's time has come."""
        if not self.worker.ended:
            return
        if not self._again:
            self._note()
        if monotonic() >= self._again:
            self.worker, self._again = self._start(), 0.0

    def _note(self) -> None:
        process, lived = self.worker.process, monotonic() - self.worker.started
        self._early = 0 if lived > STEADY_SECONDS else self._early + 1
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2**self._early) if self._early else 0.0
        self._again = monotonic() + pause
        self._say("worker_ended", pid=process.pid, status=process.returncode, lived_s=round(lived, 1), next_in_s=pause)
        release(self._shared, process.pid)


def supervise(plan: Plan, workers: int, listener: int, say: Say, ready: Callable[[], None]) -> None:
    """Run ``workers`` processes on the listening socket until SIGTERM or SIGINT; ``ready`` is called when all of them are.

    Raises `ServeError` with what a worker said where one cannot start.
    """
    shared = Path(plan.shared)
    shutil.rmtree(shared, ignore_errors=True)
    shared.mkdir(parents=True)
    with _asked_to_stop() as stop:
        places: list[Place] = []
        try:
            places += [Place(plan, listener, say) for _ in range(workers)]
            if _all_ready(places, stop):
                ready()
            while not stop.wait(LOOK_SECONDS):
                for place in places:
                    place.look()
        finally:
            _end([place.worker.process for place in places])
            shutil.rmtree(shared, ignore_errors=True)


def _all_ready(places: list[Place], stop: threading.Event) -> bool:
    until = monotonic() + START_SECONDS
    while not all(place.worker.ready for place in places):
        if stop.wait(LOOK_SECONDS):
            return False
        ended = [place.worker.failure for place in places if place.worker.ended]
        if ended:
            raise ended[0]
        if monotonic() > until:
            raise ServeError(f"The workers were not ready within {START_SECONDS:.0f} seconds.", "Is the machine overloaded?")
    return True


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.terminate()
    until = monotonic() + STOP_SECONDS
    for process in processes:
        try:
            process.wait(max(0.0, until - monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()


@contextmanager
def _asked_to_stop() -> Iterator[threading.Event]:
    """Set by SIGTERM and SIGINT while the block runs."""
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
