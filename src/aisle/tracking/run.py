"""One training that is being tracked. Loops tell where they are as they would log it; where nobody listens, telling costs nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from time import perf_counter
from typing import Protocol

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
NAN = float("nan")
RANGE = "range of rates"
"""Part of a short run whose rate rises: its curve goes over the rate."""


class Sink(Protocol):
    """Where a training's curves go. A new one is these three methods and a line in `aisle.tracking.boards`."""

    def point(self, part: str, step: int, values: Mapping[str, float]) -> None:
        """``values`` by name after ``step`` steps of ``part``, all finite; step 0 without values: the part begins anew."""

    def fact(self, name: str, value: Json) -> None:
        """Something that is true of the whole training: its settings, its data."""

    def close(self) -> None:
        """Nothing more will come."""


@dataclass
class Run:
    """Tells every sink. ``private`` ones stay on this machine: they alone hear what people typed. ``path``: the JSON lines, if any. A run
    within another tells that one too."""

    sinks: Sequence[Sink] = ()
    private: Sequence[Sink] = ()
    names: list[str] = field(default_factory=list)
    path: Path | None = None
    around: Run | None = None

    def point(self, part: str, step: int, values: Mapping[str, float]) -> None:
        """To all; what is not finite is left out."""
        known = {name: float(value) for name, value in values.items() if isfinite(value)}
        for sink in (*self.private, *self.sinks):
            sink.point(part, step, known)
        if self.around is not None:
            self.around.point(part, step, known)

    def fact(self, name: str, value: Json, private: bool = False) -> None:
        """To all, or to those that are private."""
        for sink in (*self.private, *(() if private else self.sinks)):
            sink.fact(name, value)
        if self.around is not None:
            self.around.fact(name, value, private)

    def close(self) -> None:
        """End all."""
        for sink in (*self.private, *self.sinks):
            sink.close()


_RUN: ContextVar[Run | None] = ContextVar("aisle_run", default=None)


@contextmanager
def tracked(run: Run) -> Iterator[Run]:
    """Until the end of this block ``run`` hears what loops tell; then it is closed."""
    run.around = _RUN.get()
    before = _RUN.set(run)
    try:
        yield run
    finally:
        _RUN.reset(before)
        run.close()


@contextmanager
def part(name: str) -> Iterator[None]:
    """What loops tell in this block is told of the part ``name``, within the parts around it."""
    run = _RUN.get()
    if run is None:
        yield
        return
    run.names.append(name)
    try:
        yield
    finally:
        run.names.pop()


def listening() -> bool:
    """Whether anybody does: figures that cost time are made only then."""
    return _RUN.get() is not None


def begin(step: int = 0) -> None:
    """The part begins at ``step``: what was told of later steps, by a run that was interrupted, no longer counts."""
    point(step)


def point(step: int, **values: float) -> None:
    """``values`` after ``step`` steps of the part at hand. Names: ``loss``, ``development`` (larger is better), ``development_loss``,
    ``rate``, ``gradient_norm``, ``per_second`` (texts or cases), ``memory_mb``."""
    run = _RUN.get()
    if run is not None:
        run.point(": ".join(run.names) or "training", step, values)


def told(name: str, step: int, values: Mapping[str, float]) -> None:
    """What another process told of its part ``name``."""
    run = _RUN.get()
    if run is not None:
        run.point(name, step, values)


def fact(name: str, value: Json, private: bool = False) -> None:
    """Something true of the whole training; ``private``: it holds what people typed and stays on this machine."""
    run = _RUN.get()
    if run is not None:
        run.fact(name, value, private)


def memory_mb() -> float:
    """The most memory that this process held so far; NaN where the system does not say."""
    try:
        from resource import RUSAGE_SELF, getrusage
    except ImportError:
        return NAN
    return getrusage(RUSAGE_SELF).ru_maxrss / 1024


@dataclass
class Pace:
    """How many texts or cases a second since the last look."""

    done: int = 0
    since: float = field(default_factory=perf_counter)

    def add(self, count: int) -> None:
        """So many more were done."""
        self.done += count

    def look(self) -> float:
        """Per second, and count anew."""
        now = perf_counter()
        found = self.done / (now - self.since) if self.done and now > self.since else NAN
        self.done, self.since = 0, now
        return found
