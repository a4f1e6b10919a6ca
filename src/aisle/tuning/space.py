"""What may be tuned: each number of a source or ranker, the steps that it may take, and what it is today."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from inspect import signature

from aisle.ranking.boosted import Boosted
from aisle.ranking.rankers import PLAIN
from aisle.retrieval.registry import SOURCES
from aisle.settings import Settings, Tuned

TREES = "trees"
GRIDS: Mapping[str, Mapping[str, tuple[float, ...]]] = {
    "markov": {
        "falloff": (0.0, 0.25, 0.5, 0.75, 1.0, 1.5),
        "backward": (0.0, 0.1, 0.3, 0.6, 1.0),
        "damping": (0.0, 0.2, 0.4, 0.6, 0.8, 1.0),
        "decay": (0.2, 0.4, 0.6, 0.75, 0.85, 0.95),
    },
    "item_knn": {"shrink": (1.0, 3.0, 10.0, 30.0, 100.0), "decay": (0.3, 0.5, 0.7, 0.85, 0.95)},
    "als": {"regularization": (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0), "decay": (0.3, 0.5, 0.7, 0.85, 0.95)},
    "ease": {"regularization": (10.0, 30.0, 100.0, 300.0, 1_000.0, 3_000.0), "decay": (0.2, 0.4, 0.6, 0.75, 0.85, 0.95)},
    "popularity": {"half_life": (7, 30)},
    "repeat": {"half_life": (30.0, 60.0, 90.0, 180.0, 365.0)},
    TREES: {
        "learning_rate": (0.02, 0.035, 0.05, 0.08, 0.12),
        "regularization": (1.5, 5.0, 20.0, 60.0, 200.0),
        "epochs": (60, 100, 160, 250),
    },
}
"""Steps around each default, further apart where less changes. Few of them: neighbours come back, and what was fitted for one is kept."""

NEEDS_CLOCK = frozenset({"popularity.half_life", "repeat.half_life"})
"""Numbers that do nothing in a log without a clock."""


@dataclass(frozen=True)
class Number:
    """``markov.decay`` and the like: ``grid`` ascending, ``today`` one of it."""

    name: str
    grid: tuple[float, ...]
    today: float

    @property
    def place(self) -> int:
        """Where ``today`` stands in the grid."""
        return self.grid.index(self.today)


def default(part: str, name: str) -> float:
    """What the program itself has: the constructor's default; of trees the penalty where acts teach (grades have a smaller one)."""
    if (part, name) == (TREES, "regularization"):
        return PLAIN
    kind = Boosted if part == TREES else SOURCES[part]
    return signature(kind).parameters[name].default


def space(settings: Settings, parts: Collection[str], clock: bool) -> list[Number]:
    """The numbers of these sources and of the trees that do something in this log; a value of ``aisle.toml`` is a step of its own."""
    found = []
    for part, grids in GRIDS.items():
        for name, grid in grids.items():
            full = f"{part}.{name}"
            if part in parts and (clock or full not in NEEDS_CLOCK):
                today = settings.tuned.of(part).get(name, default(part, name))
                found.append(Number(full, tuple(sorted({*grid, today})), today))
    return found


def applied(settings: Settings, numbers: Mapping[str, float]) -> Settings:
    """The settings with these numbers; one that is the program's own is left to the program."""
    tuned: dict[str, dict[str, float]] = {part: settings.tuned.of(part) for part in GRIDS}
    for full, value in numbers.items():
        part, name = full.split(".")
        if value == default(part, name):
            tuned[part].pop(name, None)
        else:
            tuned[part][name] = value
    return settings.model_copy(update={"tuned": Tuned.model_validate(tuned)})


def today(numbers: Collection[Number]) -> dict[str, float]:
    """Each number as it is without tuning."""
    return {number.name: number.today for number in numbers}
