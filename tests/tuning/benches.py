"""A bench that fits nothing: what settings are worth is a formula, and every look takes seconds of a clock that tests move."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from aisle.settings import Settings
from aisle.training.budget import Budget
from aisle.tuning.bench import Judged
from aisle.tuning.search import Search, opened
from aisle.tuning.space import Number, space

Worth = Callable[[str, Settings], float]


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Formula:
    """Judges by ``worth``; each look takes ``seconds`` and is noted."""

    def __init__(self, worth: Worth, clock: Clock, seconds: float = 1.0, tasks: tuple[str, ...] = ("home", "search")) -> None:
        self.worth, self.clock, self.seconds = worth, clock, seconds
        self.asked: dict[str, Any] = dict.fromkeys(tasks)
        self.seen: list[tuple[str, Settings]] = []

    def judge(self, task: str, settings: Settings) -> Judged:
        """The formula."""
        self.clock.now += self.seconds
        self.seen.append((task, settings))
        return Judged(SimpleNamespace(), self.worth(task, settings))  # type: ignore[arg-type]


def decayed(task: str, settings: Settings) -> float:
    """Best at markov.decay .85; the search task is harder and cares for nothing."""
    return 0.1 if task == "search" else 0.5 - abs(settings.tuned.of("markov").get("decay", 0.6) - 0.85)


def numbers(settings: Settings | None = None) -> list[Number]:
    """What may be tuned of markov and item_knn."""
    return space(settings or Settings(), {"markov", "item_knn"}, True)


def search(folder: Path, minutes: float, worth: Worth = decayed, settings: Settings | None = None, **more: Any) -> Search:
    """A search over `numbers` in a folder, with a clock of its own."""
    clock = more.pop("clock", None) or Clock()
    settings = settings or Settings()
    bench = Formula(worth, clock, **more)
    return Search(opened(folder, "study", 7), bench, numbers(settings), settings, Budget(minutes, clock))
