"""One time budget for everything that `aisle train` does: what is left, what is kept back, and what fits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass, field
from math import inf
from time import perf_counter

import numpy as np

from aisle.core.errors import SettingsError
from aisle.core.nearest import mend_of
from aisle.core.threads import all_threads
from aisle.retrieval.registry import SOURCES

Left = Callable[[], float]
"""Seconds left for something, 0 when its time is over."""

FLOOR = ("lexical", "popularity", "repeat", "item_knn")
"""Sources that always fit: the report's baselines and the fallback need them."""

COST: Mapping[str, Callable[[int, int], float]] = {
    "markov": lambda items, events: 0.2 + events / 200_000,
    "markov_first": lambda items, events: 0.2 + events / 400_000,
    "trending": lambda items, events: 0.1 + events / 1_000_000,
    "new": lambda items, events: 0.1 + items / 1_000_000,
    "als": lambda items, events: 1 + events / 40_000,
    "dense": lambda items, events: 2 + items / 4_000,
    "late_interaction": lambda items, events: 1 + items / 50_000,
    "content": lambda items, events: 1 + items / 50_000,
    "pictures": lambda items, events: 1 + items / 100,
    "ease": lambda items, events: 1 + 20 * (items / 12_000) ** 3,
    "sasrec": lambda items, events: 2 + events / 2_000 + items / 10_000,
    "two_tower": lambda items, events: 2 + events / 2_000 + items / 10_000,
    "item_knn_bm25": lambda items, events: 0.2 + events / 200_000,
    "item_knn_session": lambda items, events: 0.2 + events / 200_000,
    "ncf": lambda items, events: 2 + events / 1_500 + items / 400,
}
"""Seconds that a source is expected to take on two idle cores, in order of value per cost as measured on the real shops. A dense source
can always do with the shop's own text; whether MiniLM fits is decided with the encoder."""
UNKNOWN = COST["ncf"]
"""What a source is expected to take that is registered and has no line above: as much as the dearest of them."""
TOWERS = "stays apart: as long as SASRec and nothing sure beside it on Amazon Beauty (docs/decisions/0013)"
KNN = "stays apart: beside the other sources a training of Online Retail was no better with it (docs/decisions/0020)"
VISIT = "stays apart: nothing sure beside the other sources on Online Retail (docs/decisions/0020)"
ASKED = {"two_tower": TOWERS, "ncf": TOWERS, "item_knn_bm25": KNN, "item_knn_session": VISIT}
"""Sources that come only where the settings say ``true``, and why."""
NEEDS = {"sasrec": 50_000}
"""Events without which a source learns nothing that the plainer ones do not know."""
PROBE = 800
"""Rows of the matrix that is inverted to see how fast the machine is: some hundredths of a second."""
LEAST = 0.02
"""Share of the whole time that a step may always take, so that a run whose reading took all of it still ends with a bundle."""


@dataclass
class Budget:
    """``minutes`` for the whole run. A part is let in when twice its cost (windows, then refit) leaves half of what is left for ranking.

    ``begun``: the moment of the clock from which the minutes count, None for now.
    ``reserve``: seconds kept back for the refit and the bundle. ``slowness``: how many times longer than expected things took so far.
    ``planned``: a plan decides what is fitted, so the clock ends nothing that goes into the bundle.
    """

    minutes: float
    clock: Callable[[], float] = perf_counter
    planned: bool = False
    reserve: float = 0.0
    expected: float = 5.0
    took: float = 5.0
    pulse: float = 0.0
    begun: InitVar[float | None] = None
    started: float = field(init=False)

    def __post_init__(self, begun: float | None) -> None:
        self.minutes = float(self.minutes)
        self.started = self.clock() if begun is None else begun

    @property
    def whole(self) -> float:
        """Seconds left for everything, never below 0."""
        return max(0.0, self.minutes * 60 - (self.clock() - self.started))

    @property
    def left(self) -> float:
        """Seconds left for what comes before the refit."""
        return max(0.0, self.whole - self.reserve)

    @property
    def slowness(self) -> float:
        """1 on two idle cores, more on a slower or a busy machine; the first seconds count little."""
        return self.took / self.expected

    def learn(self, expected: float, took: float) -> None:
        """Something that should have taken ``expected`` seconds took so many."""
        self.expected, self.took = self.expected + expected, self.took + took

    def feel(self) -> None:
        """Remember how fast the machine is now."""
        self.pulse = probe(self.clock)

    def slower(self) -> float:
        """How many times slower the machine is than when it was last felt, 1 at least: others may have begun to work on it."""
        return max(1.0, probe(self.clock) / self.pulse) if self.pulse > 0 else 1.0

    def affords(self, seconds: float) -> bool:
        """Whether a part that takes so long on idle cores leaves enough for the rest."""
        return 2 * seconds * self.slowness <= self.left / 2

    def part(self, share: float) -> Left:
        """The time for one step: ``share`` of what is left, counted from now. A plan's steps take as long as they take."""
        if self.planned:
            return lambda: inf
        end = self.clock() + max(share * self.left, LEAST * share * self.minutes * 60)
        return lambda: max(0.0, end - self.clock())


def probe(clock: Callable[[], float]) -> float:
    """Seconds that a fixed piece of linear algebra takes now, with all cores as the largest fits use them; the median of a few."""
    matrix = np.eye(PROBE, dtype=np.float32) + np.float32(0.5 / PROBE)
    took = []
    with all_threads():
        for _ in range(3):
            begun = clock()
            np.linalg.inv(matrix)
            took.append(clock() - begun)
    return sorted(took)[1]


def part_of(left: Left, share: float) -> Left:
    """``share`` of the time that ``left`` still has, counted from now."""
    rest = left() * (1 - share) if left() < inf else 0.0
    return lambda: max(0.0, left() - rest)


def costs() -> dict[str, Callable[[int, int], float]]:
    """`COST` of every registered source that may be left out, those without a cost of their own last."""
    return {**COST, **{name: UNKNOWN for name in SOURCES if name not in (*FLOOR, *COST)}}


def known_sources(wanted: Mapping[str, bool]) -> None:
    """Raise `SettingsError` where the settings switch something that is no source."""
    known = [*FLOOR, *costs()]
    for name in wanted:
        if name not in known:
            raise SettingsError(f"aisle.toml: setting `retrieval.{name}` names no source.", mend_of(name, known))


def choose_sources(
    wanted: Mapping[str, bool], budget: Budget, items: int, events: int, pictured: int = 0
) -> tuple[tuple[str, ...], dict[str, str]]:
    """The sources that fit into the budget, and for each one left out the reason. ``wanted`` are the settings'
    switches; without one a source is on, but for those of `ASKED`. ``pictured`` items name a picture. Raises
    `SettingsError` for a switch of no source."""
    known_sources(wanted)
    chosen = [name for name in FLOOR if wanted.get(name, True)]
    why = {name: "switched off by the settings" for name, on in wanted.items() if not on}
    spent = 0.0
    for name, cost in costs().items():
        seconds = cost(pictured if name == "pictures" else items, events)
        if not wanted.get(name, name not in ASKED):
            why.setdefault(name, f"{ASKED.get(name)}; `[retrieval] {name} = true` tries it")
            continue
        if name == "pictures" and not pictured:
            why[name] = "no item names a picture"
        elif events < NEEDS.get(name, 0):
            why[name] = f"learns from {NEEDS[name]:,} events on"
        elif budget.affords(spent + seconds):
            chosen.append(name)
            spent += seconds
        else:
            why[name] = f"would take about {seconds * budget.slowness:,.0f} s, too much of the time given"
    return tuple(chosen), why
