"""How each part of a training went, for the report: losses, development figures, rates by step, thinned so that a page stays small."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from aisle.tracking.lines import Points, Record
from aisle.tracking.run import RANGE

SHOWN = ("loss", "development", "development_loss", "rate", "gradient_norm")
"""What does not depend on the machine's speed, in the order that a page shows it."""
MOST = 120
"""Points of a line; more are averaged."""
Line = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Curve:
    """One part: ``lines`` by name, each point (step, value); ``over`` says what is along, ``step`` or the learning ``rate``."""

    lines: Mapping[str, Line] = field(default_factory=dict)
    over: str = "step"


def curves(record: Record) -> dict[str, Curve]:
    """Every part that told a loss or a development figure more than once."""
    found = {part: _curve(part, points) for part, points in record.parts.items()}
    return {part: curve for part, curve in found.items() if any(len(line) > 1 for line in curve.lines.values())}


def _curve(part: str, points: Points) -> Curve:
    ordered = sorted(points.items())
    if part.endswith(RANGE):
        return Curve({"loss": thinned([(values["rate"], values["loss"]) for _, values in ordered if "loss" in values])}, "rate")
    lines = {name: [(float(step), values[name]) for step, values in ordered if name in values] for name in SHOWN}
    return Curve({name: thinned(line) for name, line in lines.items() if line})


def thinned(line: Line) -> Line:
    """At most `MOST` points: means of neighbours, and the last point as it is."""
    if len(line) <= MOST:
        return list(line)
    parts = np.array_split(np.array(line[:-1]), MOST - 1)
    return [*((float(part[:, 0].mean()), float(part[:, 1].mean())) for part in parts), line[-1]]
