"""The report's tables as plain rows, ready to print: models by metric, comparisons, slices, ablation, the article's parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite

from markupsafe import Markup

from aisle.evaluation import charts, words
from aisle.evaluation.classification import ClassReport, ClassRow
from aisle.evaluation.report import MAIN, task_words, tasks
from aisle.evaluation.results import Ablation, Comparison, Evaluation, Figure, Measured
from aisle.evaluation.summary import better

COMPARED = ("ndcg@10", "auc")
"""The metrics whose comparisons are drawn."""
MANY = 12
"""Classes from which a classification report is folded up."""
SHOWN = 8
"""Slices show at most so many models, the main one and the baselines first."""


@dataclass(frozen=True)
class Cell:
    """One number as text. ``best`` in its column; ``level``: not told apart from the main model; ``development`` the same on window 3."""

    value: str
    interval: str = ""
    best: bool = False
    level: bool = False
    remark: str = ""
    development: str = ""


@dataclass(frozen=True)
class Line:
    """One row: a name, its plain words, and cells."""

    name: str
    plain: str
    cells: Sequence[Cell]
    main: bool = False


@dataclass(frozen=True)
class Table:
    """``columns`` are (name, meaning)."""

    title: str
    columns: Sequence[tuple[str, str]]
    lines: Sequence[Line]


@dataclass(frozen=True)
class Drawn:
    """One difference: words, a picture, the number with bounds and p."""

    name: str
    plain: str
    picture: Markup
    value: str
    interval: str
    p: str
    verdict: str


def models(evaluation: Evaluation) -> list[Table]:
    """One table a task, the model with the best first metric on top."""
    return [_models(evaluation, task) for task in tasks(evaluation)]


def _models(evaluation: Evaluation, task: str) -> Table:
    front = f"{task}/" if task else ""
    held = {name: _of_task(numbers, task) for name, numbers in evaluation.models.items()}
    held = {name: numbers for name, numbers in held.items() if numbers}
    columns = list(dict.fromkeys(metric for numbers in held.values() for metric in numbers))
    columns = [name for name in columns if any(isfinite(numbers[name].value) for numbers in held.values() if name in numbers)]
    best = {name: _best(name, held) for name in columns}
    level = {(c.b, c.metric) for c in evaluation.comparisons if c.verdict == "undecided" and c.a == MAIN}
    order = sorted(held, key=lambda name: _worth(columns, held[name]))
    lines = [
        Line(
            name,
            words.model(name),
            [_cell(held[name].get(metric), best[metric], (name, front + metric) in level) for metric in columns],
            name == MAIN,
        )
        for name in order
    ]
    return Table(task_words(evaluation, task)[0], [(name, words.metric(name)) for name in columns], lines)


def _of_task(numbers: Mapping[str, Measured], task: str) -> dict[str, Measured]:
    return {name.rpartition("/")[2]: number for name, number in numbers.items() if name.rpartition("/")[0] == task}


def _worth(columns: Sequence[str], numbers: Mapping[str, Measured]) -> float:
    number = numbers.get(columns[0]) if columns else None
    return -number.value if number is not None and isfinite(number.value) else float("inf")


def _best(metric: str, held: Mapping[str, Mapping[str, Measured]]) -> float:
    found = float("nan")
    for numbers in held.values():
        value = numbers[metric].value if metric in numbers else float("nan")
        if isfinite(value) and (not isfinite(found) or better(metric, value, found)):
            found = value
    return found


def _cell(number: Measured | None, best: float = float("nan"), level: bool = False) -> Cell:
    if number is None:
        return Cell("–")
    bounds = f"{words.number(number.low)}–{words.number(number.high)}" if isfinite(number.low) else ""
    return Cell(words.number(number.value), bounds, number.value == best, level, number.remark)


@dataclass(frozen=True)
class Compared:
    """A task's differences of the main model to each other on one metric, smallest first."""

    title: str
    main: str
    metric: str
    lines: Sequence[Drawn]


def comparisons(evaluation: Evaluation) -> list[Compared]:
    """One table a task, on the order of its lists or of what was shown."""
    found = []
    for task in tasks(evaluation):
        front = f"{task}/" if task else ""
        for metric in COMPARED:
            if rows := [c for c in evaluation.comparisons if c.metric == front + metric]:
                found.append(Compared(task_words(evaluation, task)[0], rows[0].a, metric, _differences(rows)))
    return found


def _differences(rows: Sequence[Comparison]) -> list[Drawn]:
    bottom, top = charts.scale([bound for c in rows for bound in (c.low, c.high, c.difference)])
    return [
        Drawn(
            c.b, words.model(c.b), charts.interval(c.difference, c.low, c.high, bottom, top), words.number(c.difference, True),
            _bounds(c.low, c.high), words.chance(c.p_holm if isfinite(c.p_holm) else c.p), c.verdict,
        )
        for c in sorted(rows, key=lambda c: c.difference)
    ]  # fmt: skip


def ablation(evaluation: Evaluation) -> list[tuple[str, list[Drawn]]]:
    """What the whole loses without each part, the most precious first, one list a metric."""
    found = []
    for metric in dict.fromkeys(row.metric for row in evaluation.ablation):
        rows = sorted((row for row in evaluation.ablation if row.metric == metric), key=lambda row: -row.difference)
        bottom, top = charts.scale([bound for row in rows for bound in (row.low, row.high, row.difference)])
        drawn = [
            Drawn(
                row.part, words.model(row.part), charts.interval(row.difference, row.low, row.high, bottom, top),
                words.number(row.difference, True), _bounds(row.low, row.high), words.chance(_corrected(row)),
                ("better" if row.difference > 0 else "worse") if _corrected(row) < 0.05 else "undecided",
            )
            for row in rows
        ]  # fmt: skip
        found.append((_metric_words(evaluation, metric), drawn))
    return found


def _corrected(row: Ablation) -> float:
    return row.p_holm if isfinite(row.p_holm) else row.p


def slices(evaluation: Evaluation) -> list[Table]:
    """One table a task: groups down, models across, on the slices' first metric."""
    found = []
    for task in dict.fromkeys(name.rpartition("/")[0] for name in evaluation.slices):
        groups = {name.rpartition("/")[2]: group for name, group in evaluation.slices.items() if name.rpartition("/")[0] == task}
        named = {model for group in groups.values() for model in group.models}
        shown = [name for name in dict.fromkeys([MAIN, *words.BASELINES, *sorted(named)]) if name in named][:SHOWN]
        metric = next((metric for group in groups.values() for numbers in group.models.values() for metric in numbers), "")
        lines = []
        for name, group in groups.items():
            numbers = {model: group.models[model][metric] for model in shown if metric in group.models.get(model, {})}
            best = _best(metric, {model: {metric: number} for model, number in numbers.items()})
            cells = [replace(_cell(numbers.get(model), best), remark="") for model in shown]
            lines.append(Line(name, "", [Cell(f"{group.n:,}", remark="too few" if group.remark else ""), *cells]))
        title = f"{task_words(evaluation, task)[0]}, {metric.rpartition('/')[2]}"
        found.append(Table(title, [("requests", ""), *((name, words.model(name)) for name in shown)], lines))
    return found


@dataclass(frozen=True)
class Classes:
    """A classification report: its means below its classes; with ``many`` classes the page folds them up."""

    title: str
    lines: Sequence[Line]
    means: Sequence[Line]

    @property
    def many(self) -> bool:
        """Too many classes to show them at once."""
        return len(self.lines) > MANY


@dataclass(frozen=True)
class Headed:
    """One of the five parts: a table a task, a line a model, a column a figure, development below test in each cell."""

    title: str
    formula: str
    text: str
    tables: Sequence[Table]
    reports: Sequence[Classes]


def parts(evaluation: Evaluation) -> list[Headed]:
    """The article's five headed parts, development beside test."""
    found = []
    for part in evaluation.parts:
        of_tasks = dict.fromkeys(row.metric.rpartition("/")[0] for row in part.figures)
        held = [_part(evaluation, task, [row for row in part.figures if row.metric.rpartition("/")[0] == task]) for task in of_tasks]
        found.append(Headed(part.title, part.formula, part.text, held, [_classes(*report) for report in part.reports.items()]))
    return found


def _part(evaluation: Evaluation, task: str, rows: Sequence[Figure]) -> Table:
    metrics = list(dict.fromkeys(row.metric for row in rows))
    held = {(row.model, row.metric): row for row in rows}
    best = {name: _best(name, {f.model: {name: f.test} for f in rows if f.metric == name and f.test}) for name in metrics}
    lines = [
        Line(model, words.model(model), [_figure(held.get((model, name)), best[name]) for name in metrics], model == MAIN)
        for model in dict.fromkeys(row.model for row in rows)
    ]
    columns = [(name.rpartition("/")[2], words.metric(name.rpartition("/")[2])) for name in metrics]
    return Table(task_words(evaluation, task)[0], columns, lines)


def _figure(row: Figure | None, best: float) -> Cell:
    if row is None:
        return Cell("–")
    before = f"dev {words.number(row.development.value)}" if row.development is not None else "dev –"
    return replace(_cell(row.test, best), development=before)


def _classes(title: str, report: ClassReport) -> Classes:
    def line(r: ClassRow) -> Line:
        return Line(r.name, "", [*(Cell(words.number(v)) for v in (r.precision, r.recall, r.f1)), Cell(f"{r.support:,}")])

    return Classes(title, [line(row) for row in report.rows], [line(report.macro), line(report.weighted)])


def _bounds(low: float, high: float) -> str:
    return f"{words.number(low, True)} to {words.number(high, True)}"


def _metric_words(evaluation: Evaluation, metric: str) -> str:
    task, _, name = metric.rpartition("/")
    return f"{task_words(evaluation, task)[0]}, {name}" if task else name
