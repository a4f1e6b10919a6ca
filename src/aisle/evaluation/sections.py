"""The report's later sections as plain rows: the fusion page, the logged pages in another order, drift and ageing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from markupsafe import Markup

from aisle.evaluation import charts, words
from aisle.evaluation.drift import Drift, Point
from aisle.evaluation.members import Fusion, Method, Value
from aisle.evaluation.off_policy import Estimate, OffPolicy
from aisle.evaluation.report import task_words
from aisle.evaluation.results import Evaluation
from aisle.evaluation.tables import Cell, Line, Table

ESTIMATORS = {
    "item_position_ips": "inverse propensities, by product and place",
    "item_position_snips": "the same, self-normalised",
    "item_position_dr": "doubly robust, by product and place",
    "position_based_ips": "inverse propensities, by how much a place is looked at",
    "position_based_dr": "doubly robust, by how much a place is looked at",
}


@dataclass(frozen=True)
class FusionPage:
    """One task: what follows first, then the members, the ways to fuse them, and the pairs, folded."""

    title: str
    advice: Sequence[str]
    members: Table
    pairs: Table
    methods: Table


def fusion(evaluation: Evaluation) -> list[FusionPage]:
    """A page a task, members by what they reach alone."""
    return [_fusion(task_words(evaluation, task)[0], one) for task, one in evaluation.fusion.items()]


def _fusion(title: str, page: Fusion) -> FusionPage:
    alone = [("fused", page.whole, 1.0, float("nan")), *((m.name, m.alone, m.weight, m.milliseconds) for m in page.members)]
    alone.sort(key=lambda row: -row[1].value if isfinite(row[1].value) else 1.0)
    lines = [
        Line(name, words.model(name), [_value(value), Cell(words.number(weight)), Cell(words.number(took))], name == "fused")
        for name, value, weight, took in alone
    ]
    pairs = sorted(page.pairs, key=lambda pair: -pair.together.value if isfinite(pair.together.value) else 1.0)
    both = [
        Line(f"{p.a} + {p.b}", "", [_value(p.together) if isfinite(p.together.value) else Cell("–"), Cell(words.number(p.correlation))])
        for p in pairs
    ]
    front = f"{page.metric} over {page.n:,} requests"
    heads = [("alone", front), ("weight", "share of the recall side; for a side, of Z"), ("ms", "of one request, the median")]
    beside = Table("Pairs", [("together", front), ("errors", "correlation of the errors")], both)
    return FusionPage(title, page.advice, Table(front, heads, lines), beside, _methods(front, page))


def _methods(front: str, page: Fusion) -> Table:
    """The ways to fuse, the best on window 3 first, the served one marked."""
    ordered = sorted(page.methods, key=lambda one: -one.development.value if isfinite(one.development.value) else 1.0)
    lines = [
        Line(
            one.name,
            words.model(one.name),
            [_value(one.development), _value(one.test), Cell(words.number(one.milliseconds)), _weights(one)],
            one.served,
        )
        for one in ordered
    ]
    heads = [
        ("window 3", "learned from other requests of it"),
        ("test", front),
        ("ms", "to fuse one request"),
        ("weights", "what it has fitted"),
    ]
    return Table(front, heads, lines)


def _weights(one: Method) -> Cell:
    """The weights in words, the largest first; a hundredth and less is left out."""
    shown = sorted(one.weights.items(), key=lambda pair: -pair[1])
    return Cell("–" if not shown else "", "; ".join(f"{name} {words.number(value)}" for name, value in shown if value > 0.01))


def _value(value: Value) -> Cell:
    return Cell(words.number(value.value), f"{words.number(value.low)}–{words.number(value.high)}" if isfinite(value.low) else "")


@dataclass(frozen=True)
class Logged:
    """One task's logged pages: the answer, or why there is none, and the estimators."""

    title: str
    text: str
    propensities: str
    table: Table | None


def logged(evaluation: Evaluation) -> list[Logged]:
    """A table a task."""
    return [_logged(task_words(evaluation, task)[0], one) for task, one in evaluation.off_policy.items()]


def _logged(title: str, one: OffPolicy) -> Logged:
    text = one.text[:1].upper() + one.text[1:] + "."
    if not one.estimates:
        return Logged(title, f"Stands aside: {one.text}.", "", None)
    value, low, high = one.logged
    shown = Line("as shown", "", [Cell(words.number(value), f"{words.number(low)}–{words.number(high)}"), Cell("–"), Cell("–")], True)
    lines = [Line(name, ESTIMATORS.get(name, ""), _estimate(found)) for name, found in one.estimates.items()]
    heads = [
        ("clicks a page", f"over {one.pages:,} pages"),
        ("difference", "to what was logged"),
        ("effective sample", "in shown products"),
    ]
    curve = ", ".join(words.number(part) for part in one.examined)
    looked = f"How much each place is looked at, the first being 1: {curve}. " if curve else ""
    return Logged(title, text, f"{looked}Propensities by product and place: {one.propensities}.", Table("", heads, [shown, *lines]))


def _estimate(found: Estimate) -> list[Cell]:
    if found.refused:
        return [Cell("–", remark=found.refused), Cell("–"), Cell("–")]
    return [
        Cell(words.number(found.value), f"{words.number(found.low)}–{words.number(found.high)}"),
        Cell(
            words.number(found.difference, True),
            f"{words.number(found.difference_low, True)} to {words.number(found.difference_high, True)}",
        ),
        Cell(f"{found.ess:,.0f}"),
    ]


@dataclass(frozen=True)
class Drifted:
    """What moved, and a picture a task of how models age with its legend (class, name)."""

    text: str
    table: Table
    pictures: Sequence[tuple[str, Markup, Sequence[tuple[str, str]]]]


def drift(evaluation: Evaluation) -> Drifted:
    """The columns down, window against window across."""
    found: Drift = evaluation.drift
    steps = list(dict.fromkeys((row.before, row.later) for row in found.shifts))
    held = {(row.column, row.before, row.later): row for row in found.shifts}
    lines = []
    for column in dict.fromkeys(row.column for row in found.shifts):
        rows = [held.get((column, *step)) for step in steps]
        lines.append(
            Line(
                column, "", [Cell("–") if r is None else Cell(words.number(r.psi), r.verdict, r.verdict.startswith("moved")) for r in rows]
            )
        )
    heads = [(f"{before} → {later}", "population stability index, window against window") for before, later in steps]
    pictures = [_aging(task_words(evaluation, task)[0], points, found.unit) for task, points in found.aging.items()]
    return Drifted(found.text, Table("", heads, lines), pictures)


def _aging(title: str, points: Sequence[Point], unit: str) -> tuple[str, Markup, Sequence[tuple[str, str]]]:
    named: Mapping[str, list[tuple[float, float, float, float]]] = {
        model: [(p.age, p.value, p.low, p.high) for p in points if p.model == model] for model in dict.fromkeys(p.model for p in points)
    }
    legend = [(f"l{number}", words.model(model)) for number, model in enumerate(named)]
    return title, charts.lines(named, unit, f"{title}: quality by age of the model"), legend


CURVES = {
    "loss": "loss",
    "development": "development figure",
    "development_loss": "loss on what was kept out",
    "rate": "learning rate",
    "gradient_norm": "norm of the gradient",
}


def training(evaluation: Evaluation) -> list[tuple[str, str, list[tuple[str, Markup]]]]:
    """Each part that was learned in steps: its name, what is along, and a picture a line with its caption."""
    found = []
    for part, curve in evaluation.training.items():
        pictures = [
            (CURVES[name], charts.curve(line, f"{part}: {CURVES[name]}", log=curve.over == "rate")) for name, line in curve.lines.items()
        ]
        found.append((part, "learning rate" if curve.over == "rate" else "steps", pictures))
    return found
