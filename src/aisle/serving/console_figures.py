"""The figures of the console's first page: how much is asked, how fast it is answered, what is stored and what was refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan

from markupsafe import Markup
from prometheus_client.parser import text_string_to_metric_families

from aisle.serving import console_charts as charts
from aisle.state.served import Timed

WINDOW, STEPS = 900.0, 60
"""Seconds that the lines show, and points on them."""


@dataclass(frozen=True, slots=True)
class Speed:
    """One surface over the window: answers a second, milliseconds within which half and 99 % came, the share that lacked something."""

    surface: str
    answers: int
    rate: float
    p50_ms: float
    p99_ms: float
    degraded: float
    line: Markup


@dataclass(frozen=True, slots=True)
class Totals:
    """Since the server started, over all workers."""

    requests: int
    failed: int
    degraded: int
    events: Mapping[str, int]
    skipped: Mapping[str, int]
    workers: int


def speeds(times: Sequence[Timed], now: float) -> list[Speed]:
    """All surfaces together first, under an empty name, then each."""
    surfaces = sorted({one.surface for one in times})
    groups = [("", list(times)), *((name, [one for one in times if one.surface == name]) for name in surfaces)]
    return [_speed(name, group, now) for name, group in groups if group]


def _speed(surface: str, times: Sequence[Timed], now: float) -> Speed:
    took = sorted(one.took_ms for one in times)
    p50, p99 = at(took, 0.5), at(took, 0.99)
    degraded = sum(one.degraded for one in times) / len(times)
    said = f"{len(took)} answers in {WINDOW / 60:.0f} minutes, half within {p50:.1f} ms"
    return Speed(surface, len(took), len(took) / WINDOW, p50, p99, degraded, charts.line(rates(times, now), said))


def rates(times: Sequence[Timed], now: float) -> list[float]:
    """Answers a second, step by step, the newest last."""
    counts = [0] * STEPS
    for one in times:
        place = STEPS - 1 - int((now - one.time) / WINDOW * STEPS)
        if 0 <= place < STEPS:
            counts[place] += 1
    return [count * STEPS / WINDOW for count in counts]


def medians(times: Sequence[Timed], now: float) -> list[float]:
    """The median of milliseconds, step by step; NaN where nothing was asked."""
    took: list[list[float]] = [[] for _ in range(STEPS)]
    for one in times:
        place = STEPS - 1 - int((now - one.time) / WINDOW * STEPS)
        if 0 <= place < STEPS:
            took[place].append(one.took_ms)
    return [at(sorted(part), 0.5) for part in took]


def at(ordered: Sequence[float], share: float) -> float:
    """The smallest value that ``share`` of all do not exceed, NaN of none."""
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))] if ordered else nan


def totals(exposition: str) -> Totals:
    """Read off the counters that ``/metrics`` shows."""
    found: dict[str, list[tuple[Mapping[str, str], float]]] = {}
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))

    def by(name: str, label: str) -> dict[str, int]:
        return {labels[label]: int(value) for labels, value in found.get(name, ())}

    statuses = found.get("aisle_requests_total", ())
    return Totals(
        requests=int(sum(value for _, value in statuses)),
        failed=int(sum(value for labels, value in statuses if labels.get("status", "").startswith("5"))),
        degraded=int(sum(value for _, value in found.get("aisle_degraded_total", ()))),
        events=by("aisle_events_total", "outcome"),
        skipped=by("aisle_skipped_total", "stage"),
        workers=int(sum(value for _, value in found.get("aisle_workers", ()))),
    )
