"""The console's pictures as inline SVG: a line over time, a bar, contributions left and right of nothing. The style sheet colours them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite

from markupsafe import Markup

WIDTH, HEIGHT = 240, 48
MOST_PARTS = 14
_BAR = Markup('<svg class="bar" aria-hidden="true">{}</svg>')


def line(values: Sequence[float], says: str) -> Markup:
    """A line over time with the area below it; what is NaN leaves a gap. ``says`` tells it to who cannot see it."""
    top = max([value for value in values if isfinite(value)], default=0.0) or 1.0
    step = WIDTH / max(1, len(values) - 1)
    parts: list[list[str]] = [[]]
    for place, value in enumerate(values):
        if isfinite(value):
            parts[-1].append(f"{place * step:.1f},{HEIGHT - 2 - (HEIGHT - 6) * max(0.0, value) / top:.1f}")
        elif parts[-1]:
            parts.append([])
    drawn = Markup("").join(_run(points) for points in parts if points)
    box = '<svg class="line" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    return Markup(box).format(WIDTH, HEIGHT, says, drawn)


def _run(points: Sequence[str]) -> Markup:
    first, last = points[0].split(",")[0], points[-1].split(",")[0]
    if len(points) == 1:
        return Markup('<path class="stroke" d="M{}h.1"/>').format(points[0])
    area = Markup('<path class="area" d="M{} {}L{}L{} {}z"/>').format(first, HEIGHT, "L".join(points), last, HEIGHT)
    return area + Markup('<path class="stroke" d="M{}"/>').format("L".join(points))


def bar(share: float, kind: str = "") -> Markup:
    """A bar of a share of its place; ``kind`` is a class of the style sheet."""
    width = 100 * min(1.0, max(0.0, share)) if isfinite(share) else 0.0
    return _BAR.format(Markup('<rect class="{}" width="{:.4g}%"/>').format(kind, width))


def parts(contributions: Mapping[str, float]) -> list[tuple[str, float, Markup]]:
    """The strongest contributions, each with its bar left or right of the middle; the rest are summed up under an empty name."""
    known = {name: value for name, value in contributions.items() if isfinite(value)}
    order = sorted(known, key=lambda name: -abs(known[name]))
    shown = {name: known[name] for name in order[:MOST_PARTS]}
    if rest := sum(known[name] for name in order[MOST_PARTS:]):
        shown[""] = rest
    top = max((abs(value) for value in shown.values()), default=0.0) or 1.0
    return [(name, value, _sided(value / top)) for name, value in shown.items()]


def _sided(share: float) -> Markup:
    width = 50 * abs(share)
    drawn = Markup('<rect class="{}" x="{:.4g}%" width="{:.4g}%"/>')
    return _BAR.format(drawn.format("more" if share > 0 else "less", 50 if share > 0 else 50 - width, width))
