"""Progress on the screen and a record in a file: what ran, how far it is, how long it took."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Task as Bar
from rich.table import Column
from rich.text import Text

Value = str | int | float | bool | None


class Rate(ProgressColumn):
    """Units per second, empty while unknown."""

    def render(self, task: Bar) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed and task.total else "", style="progress.data.speed")


class Tracker:
    """Shows parts of long work on stderr and writes one JSON line for each finished part to ``record``.

    ``quiet`` shows nothing; the record is written all the same. No personal data goes through here.
    """

    def __init__(self, record: Path | None = None, quiet: bool = False) -> None:
        self.console = Console(stderr=True, quiet=quiet)
        self.record = record
        self.seconds: dict[str, float] = {}
        self.started = perf_counter()
        columns = (  # on a narrow screen the bar shrinks and the words wrap; a number cut short tells nothing
            SpinnerColumn(),
            TextColumn("{task.description}", table_column=Column()),
            BarColumn(16),
            MofNCompleteColumn(table_column=Column(no_wrap=True)),
            Rate(Column(no_wrap=True)),
            TimeElapsedColumn(Column(no_wrap=True)),
            TimeRemainingColumn(table_column=Column(no_wrap=True)),
        )
        self._bars: dict[str, TaskID] = {}
        self._progress = Progress(*columns, console=self.console, disable=quiet)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._progress.stop()

    @property
    def elapsed(self) -> float:
        """Seconds since construction."""
        return perf_counter() - self.started

    @contextmanager
    def part(self, name: str, total: float | None = None) -> Iterator[Callable[[int], None]]:
        """Time one part; what is yielded advances its bar by so many units of ``total``."""
        bar = self._bars[name] = self._progress.add_task(name, total=total)
        begun = perf_counter()
        try:
            yield lambda units: self._progress.advance(bar, units)
        except BaseException:
            self._progress.stop_task(bar)
            raise
        took = perf_counter() - begun
        self.seconds[name] = self.seconds.get(name, 0.0) + took
        self._progress.update(bar, total=total or 1, completed=total or 1)
        self.note(part=name, seconds=round(took, 3))

    def beside(self, name: str, text: str) -> None:
        """Show ``text`` beside the name of a part; nothing where that part has no bar."""
        if name in self._bars:
            self._progress.update(self._bars[name], description=f"{name}: {text}")

    def say(self, text: str) -> None:
        """One line for the reader."""
        self._progress.console.print(text, highlight=False, markup=False)

    def note(self, **values: Value) -> None:
        """One line for the record."""
        if self.record is not None:
            self.record.parent.mkdir(parents=True, exist_ok=True)
            with self.record.open("a", encoding="utf-8") as file:
                file.write(json.dumps(values, ensure_ascii=False) + "\n")
