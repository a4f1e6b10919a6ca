"""One time budget for everything that `aisle train` does, and the plan that it writes down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import perf_counter

FLOOR = ("lexical", "popularity", "repeat", "item_knn")
"""Sources that always fit: the report's baselines and the fallback need them."""

COST: Mapping[str, Callable[[int, int], float]] = {
    "markov": lambda items, events: 0.2 + events / 200_000,
    "markov_first": lambda items, events: 0.2 + events / 400_000,
    "trending": lambda items, events: 0.1 + events / 1_000_000,
    "new": lambda items, events: 0.1 + items / 1_000_000,
    "als": lambda items, events: 1 + events / 40_000,
    "dense": lambda items, events: 2 + items / 4_000,
    "content": lambda items, events: 1 + items / 50_000,
    "ease": lambda items, events: 1 + 20 * (items / 12_000) ** 3,
}
"""Seconds that a source is expected to take on two cores, in order of value per cost as measured on the real shops. A dense source can
always do with the shop's own text; whether MiniLM fits is decided with the encoder."""


@dataclass
class Budget:
    """``minutes`` for the whole run. A part is let in when twice its cost (windows, then refit) leaves half of what is left for ranking."""

    minutes: float
    started: float = field(default_factory=perf_counter)

    @property
    def left(self) -> float:
        """Seconds left, never below 0."""
        return max(0.0, self.minutes * 60 - (perf_counter() - self.started))

    def affords(self, seconds: float) -> bool:
        """Whether a part of this cost leaves enough for the rest."""
        return 2 * seconds <= self.left / 2


def choose_sources(wanted: Mapping[str, bool], budget: Budget, items: int, events: int) -> tuple[tuple[str, ...], dict[str, str]]:
    """The sources that fit into the budget, and for each one left out the reason. ``wanted`` are the settings' switches."""
    chosen = [name for name in FLOOR if wanted.get(name, True)]
    why = {name: "switched off by the settings" for name, on in wanted.items() if not on}
    spent = 0.0
    for name, cost in COST.items():
        seconds = cost(items, events)
        if not wanted.get(name, True):
            continue
        if budget.affords(spent + seconds):
            chosen.append(name)
            spent += seconds
        else:
            why[name] = f"would take about {seconds:,.0f} s, too much of the time given"
    return tuple(chosen), why
