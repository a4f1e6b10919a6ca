"""The report's pictures as inline SVG: a bar, an interval around zero, a reliability curve. Colours come from the page's style sheet.

Bars and intervals hold no text and stretch to the cell they stand in, so that letters keep their size on a phone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite, log10

from markupsafe import Markup, escape

from aisle.evaluation.calibration import Bin, Reliability
from aisle.evaluation.results import NAN

_STRETCH = Markup('<svg class="{kind}" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label="{says}">{inside}</svg>')
_LINE = Markup('<path class="{kind}" d="{path}" vector-effect="non-scaling-stroke"/>')


def bar(value: float, low: float = NAN, high: float = NAN, top: float = 1.0, strong: bool = False) -> Markup:
    """A bar from 0 to ``value`` on a scale that ends at ``top``, its interval as a thin line; empty where the value is NaN."""
    if not isfinite(value) or top <= 0:
        return _STRETCH.format(kind="bar", says="no value", inside="")
    shape = Markup('<rect class="{kind}" width="{width:.2f}" height="10"/>').format(
        kind="fill strong" if strong else "fill", width=_place(value, 0, top)
    )
    if isfinite(low) and isfinite(high):
        shape += _line("whisker", f"M{_place(low, 0, top):.2f} 5H{_place(high, 0, top):.2f}")
    return _STRETCH.format(kind="bar", says=_says(value, low, high), inside=shape)


def interval(value: float, low: float, high: float, bottom: float, top: float) -> Markup:
    """A dot with its interval on a scale from ``bottom`` to ``top`` and a rule at 0; sure (0 outside) or not is told by its class."""
    if not isfinite(value) or top <= bottom:
        return _STRETCH.format(kind="dots", says="no value", inside="")
    kind = "unsure" if not low * high > 0 else ("gain" if value > 0 else "loss")
    shape = _line("zero", f"M{_place(0, bottom, top):.2f} -4V14")
    if isfinite(low) and isfinite(high):
        shape += _line(f"reach {kind}", f"M{_place(low, bottom, top):.2f} 5H{_place(high, bottom, top):.2f}")
    shape += _line(f"dot {kind}", f"M{_place(value, bottom, top):.2f} 5h0")
    return _STRETCH.format(kind="dots", says=_says(value, low, high), inside=shape)


def scale(bounds: Sequence[float]) -> tuple[float, float]:
    """A scale that holds 0 and every finite bound, with a little air."""
    known = [0.0, *(bound for bound in bounds if isfinite(bound))]
    low, high = min(known), max(known)
    air = 0.06 * ((high - low) or 1.0)
    return low - air, high + air


SIDE, EDGE = 300.0, 34.0
"""Side of the reliability square and the margin left of and below it."""


def reliability(table: Reliability) -> Markup:
    """Rate against predicted probability, a point a bin with its interval; on the diagonal it means what it says. Both axes end alike."""
    top = min(1.0, 1.12 * max([0.01, *(max(row.predicted, row.high) for row in table.bins)]))
    where = [(EDGE + row.predicted / top * SIDE, SIDE - row.rate / top * SIDE) for row in table.bins]
    inside = Markup('<path class="axis" d="M{x} 0V{y}H{end}"/><path class="zero" d="M{x} {y}L{end} 0"/>').format(
        x=EDGE, y=SIDE, end=EDGE + SIDE
    )
    inside += Markup("").join(_ticks(top))
    inside += Markup("").join(_reach(row, x, top) for row, (x, _) in zip(table.bins, where, strict=True))
    inside += Markup('<polyline class="curve" points="{}"/>').format(" ".join(f"{x:.1f},{y:.1f}" for x, y in where))
    inside += Markup("").join(Markup('<circle class="point" cx="{:.1f}" cy="{:.1f}" r="3.5"/>').format(x, y) for x, y in where)
    box = Markup('<svg class="reliability" viewBox="0 -6 {} {}" role="img" aria-label="{}">{}</svg>')
    return box.format(SIDE + EDGE + 8, SIDE + EDGE + 6, f"reliability curve, calibration error {table.ece:.3f}", inside)


WIDTH, HEIGHT, LEFT = 640.0, 220.0, 44.0
Dots = Sequence[tuple[float, float, float, float]]
"""Points of a line: along, value, lower and upper bound."""


def lines(named: Mapping[str, Dots], unit: str, says: str) -> Markup:
    """A line a name over a common axis from 0 upward, each point with its interval; the names stand in the legend beside it, in order."""
    every = [dot for dots in named.values() for dot in dots]
    first, last = min(dot[0] for dot in every), max(dot[0] for dot in every)
    top = 1.05 * max(dot[3] if isfinite(dot[3]) else dot[1] for dot in every) or 1.0
    wide = (last - first) or 1.0

    def at(x: float, y: float) -> tuple[float, float]:
        return LEFT + (x - first) / wide * (WIDTH - LEFT - 16), HEIGHT * (1 - y / top)

    inside = Markup('<path class="axis" d="M{x} 0V{y}H{end}"/>').format(x=LEFT, y=HEIGHT, end=WIDTH)
    text = Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>')
    for x, anchor in ((first, "start"), (last, "end")):
        inside += text.format(at(x, 0)[0], HEIGHT + 18, anchor, f"{x:.0f} {unit}" if x == last else f"{x:.0f}")
    for y in (0.0, top / 2, top):
        inside += text.format(LEFT - 6, min(HEIGHT, max(10.0, at(first, y)[1] + 4)), "end", f"{y:.2f}")
    inside += Markup("").join(_line_of(number, dots, at) for number, dots in enumerate(named.values()))
    return Markup('<svg class="lines" viewBox="0 -6 {} {}" role="img" aria-label="{}">{}</svg>').format(WIDTH, HEIGHT + 30, says, inside)


SMALL = (300.0, 120.0, 52.0)
"""A curve's width and height, and what its numbers take at the left."""


def curve(points: Sequence[tuple[float, float]], says: str, log: bool = False) -> Markup:
    """One line from its least to its greatest value over steps, or over a rate that rises by factors (``log``)."""
    wide, high, left = SMALL
    xs = [log10(x) if log else x for x, _ in points]
    low, top = min(y for _, y in points), max(y for _, y in points)
    across, up = (xs[-1] - xs[0]) or 1.0, (top - low) or 1.0
    drawn = " ".join(
        f"{left + (x - xs[0]) / across * (wide - left - 6):.1f},{high * (top - y) / up:.1f}" for x, (_, y) in zip(xs, points, strict=True)
    )
    inside = Markup('<path class="axis" d="M{} 0V{}H{}"/><polyline class="curve" points="{}"/>').format(left, high, wide, drawn)
    text = Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>')
    ends = ((left, "start", points[0][0]), (wide - 6, "end", points[-1][0]))
    inside += Markup("").join(text.format(x, high + 16, anchor, _short(value)) for x, anchor, value in ends)
    inside += Markup("").join(text.format(left - 6, y, "end", _short(value)) for y, value in ((10.0, top), (high, low)))
    return Markup('<svg class="small" viewBox="0 -6 {} {}" role="img" aria-label="{}">{}</svg>').format(wide + 8, high + 30, says, inside)


def _short(value: float) -> str:
    """Few letters: small numbers by their power of ten."""
    return f"{value:.0e}" if 0 < abs(value) < 1e-3 else f"{value:.3g}"


def _line_of(number: int, dots: Dots, at: Callable[[float, float], tuple[float, float]]) -> Markup:
    places = [(at(x, y), at(x, low)[1], at(x, high)[1]) for x, y, low, high in dots]
    drawn = Markup("").join(
        Markup('<path class="span" d="M{:.1f} {:.1f}V{:.1f}"/><circle cx="{:.1f}" cy="{:.1f}" r="3.5"/>').format(x, low, high, x, y)
        for (x, y), low, high in places
        if isfinite(low) and isfinite(high)
    )
    curve = Markup('<polyline points="{}"/>').format(" ".join(f"{x:.1f},{y:.1f}" for (x, y), _, _ in places))
    return Markup('<g class="line l{}">{}{}</g>').format(number, curve, drawn)


def _reach(row: Bin, x: float, top: float) -> Markup:
    return Markup('<path class="spread" d="M{:.1f} {:.1f}V{:.1f}"/>').format(x, SIDE - row.low / top * SIDE, SIDE - row.high / top * SIDE)


def _ticks(top: float) -> list[Markup]:
    text = Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>')
    marks = []
    for share in (0.0, 0.5, 1.0):
        label = escape(f"{share * top:.0%}" if top >= 0.1 else f"{share * top:.1%}")
        marks.append(text.format(EDGE + share * SIDE, SIDE + 18, "end" if share == 1 else "middle", label))
        if share:
            marks.append(text.format(EDGE - 6, SIDE - share * SIDE + (10 if share == 1 else 4), "end", label))
    return marks


def _line(kind: str, path: str) -> Markup:
    return _LINE.format(kind=kind, path=path)


def _place(value: float, bottom: float, top: float) -> float:
    return min(100.0, max(0.0, 100 * (value - bottom) / (top - bottom)))


def _says(value: float, low: float, high: float) -> str:
    return f"{value:.3g}, 95 % interval {low:.3g} to {high:.3g}" if isfinite(low) and isfinite(high) else f"{value:.3g}"
