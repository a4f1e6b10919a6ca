"""The report as one HTML file that needs nothing else: no script, no outside address, light and dark, phone and desk."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from math import isfinite
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from aisle.evaluation import charts, sections, tables, words
from aisle.evaluation.report import Card, story
from aisle.evaluation.results import Evaluation, Json


def render(evaluation: Evaluation, quality: Mapping[str, Json] | None = None, title: str = "") -> str:
    """The whole page. ``quality`` is what `check --json` writes, ``title`` the shop's name."""
    told = story(evaluation, quality)
    return _page().render(
        title=title,
        told=told,
        evaluation=evaluation,
        files=(quality or {}).get("files") or {},
        protocol=list(words.flat(evaluation.protocol)),
        data=list(words.flat(evaluation.data)),
        bars={card.task: _bars(card) for card in told.cards},
        models=tables.models(evaluation),
        comparisons=tables.comparisons(evaluation),
        parts=tables.parts(evaluation),
        ablation=tables.ablation(evaluation),
        slices=tables.slices(evaluation),
        curves=[(name, table, charts.reliability(table)) for name, table in evaluation.calibration.items() if table.bins],
        fusion=sections.fusion(evaluation),
        logged=sections.logged(evaluation),
        drift=sections.drift(evaluation),
        training=sections.training(evaluation),
        number=words.number,
        known=isfinite,
    )


def write(evaluation: Evaluation, path: Path, quality: Mapping[str, Json] | None = None, title: str = "") -> None:
    """`render` into ``path``, UTF-8."""
    path.write_text(render(evaluation, quality, title), encoding="utf-8")


def _bars(card: Card) -> list[tuple[str, Markup, str, bool]]:
    """Name, picture, value as text, whether it is ours; shares are shown per 100."""
    share = "hr@" in card.metric
    top = max([row.measured.value for row in card.rows if isfinite(row.measured.value)] + [0.0]) * 1.15
    top = max([top, *(row.measured.high for row in card.rows if isfinite(row.measured.high))])
    rows = []
    for row in card.rows:
        value = row.measured.value
        text = f"{100 * value:.1f}" if share and isfinite(value) else words.number(value)
        rows.append((row.name, charts.bar(value, row.measured.low, row.measured.high, top, row.main), text, row.main))
    return rows


@cache
def _page() -> Template:
    loader = PackageLoader("aisle.evaluation")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True).get_template(
        "report.html"
    )
