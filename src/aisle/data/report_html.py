"""The quality report as one HTML file that needs nothing from outside: tables, examples and drawn pictures, light and dark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from math import log

from aisle.data.pictures import Picture
from aisle.data.report import Quality
from aisle.data.tally import Example, Tally

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #667; --line: #d5d9e0; --paper: #fff; --bar: #3569c4; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaee; --soft: #9aa3b2; --line: #3a404b; --paper: #16181d; --bar: #7aa5f0; } }
body { margin: 2rem auto; max-width: 62rem; padding: 0 1rem; font: 16px/1.5 system-ui, sans-serif; }
body { color: var(--ink); background: var(--paper); }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th, td { overflow-wrap: break-word; max-width: 30rem; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
figure { margin: 1rem 0 2rem; } figcaption, .soft { color: var(--soft); } svg { width: 100%; height: auto; }
svg rect { fill: var(--bar); } svg polyline { fill: none; stroke: var(--bar); stroke-width: 2; }
svg text { fill: var(--soft); font-size: 11px; } svg line { stroke: var(--line); }
"""

WIDE, HIGH, LEFT, FOOT = 800, 200, 60, 24
MOST_GROUPS = 30


def page(quality: Quality, pictures: Sequence[Picture]) -> str:
    """The whole page. Every text from a file is escaped."""
    parts = [
        "<h1>Data quality</h1>", _summary(quality), "<h2>Files</h2>", _files(quality), "<h2>What was done</h2>", _rules(quality.rules),
        "<h2>What was noticed</h2>", _remarks(quality.remarks), "<h2>Pictures</h2>", *(_figure(picture) for picture in pictures),
        "<h2>Examples</h2>", *(_examples(tally) for tally in quality.rules if tally), _variants(quality.variants),
    ]  # fmt: skip
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Data quality</title><style>{STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'


def _summary(quality: Quality) -> str:
    told = "".join(f"<tr><td>{escape(name)}</td><td class=n>{value:,.0f}</td></tr>" for name, value in quality.counts.items())
    rows = "Every row read is counted once: read = kept + repaired + rejected. The rejected rows are in <code>rejected.csv</code>."
    return f"<p>{rows}</p><table>{told}</table>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str | int]]) -> str:
    cells = "".join(f"<th{' class=n' if place and name[0].islower() else ''}>{escape(name)}</th>" for place, name in enumerate(head))
    body = "".join(f"<tr>{''.join(_cell(cell) for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{cells}</tr>{body}</table>"


def _cell(cell: str | int) -> str:
    return f"<td class=n>{cell:,}</td>" if isinstance(cell, int) else f"<td>{escape(cell)}</td>"


def _files(quality: Quality) -> str:
    rows = [(name, count.read, count.kept, count.repaired, count.rejected) for name, count in quality.files.items()]
    return _table(("File", "read", "kept", "repaired", "rejected"), rows)


def _rules(rules: Sequence[Tally]) -> str:
    rows = [
        (tally.table, tally.rule, tally.says, sum(tally.repaired.values()), sum(tally.rejected.values()), sum(tally.folded.values()))
        for tally in rules
    ]
    return _table(("Table", "Rule", "What it does", "repaired", "rejected", "told elsewhere"), rows)


def _remarks(remarks: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(remark)}</li>' for remark in remarks)}</ul>" if remarks else "<p>Nothing further.</p>"


def _examples(tally: Tally) -> str:
    rows = [_example(example) for example in tally.examples]
    return f"<h3>{escape(tally.table)}: {escape(tally.rule)}</h3>" + _table(("File", "row", "Before", "After", "Rejected because"), rows)


def _example(example: Example) -> tuple[str, int, str, str, str]:
    return example.file, example.row, _short(example.before), _short(example.after), _short(example.reason)


def _short(text: str) -> str:
    return text if len(text) <= 300 else text[:299] + "…"


def _variants(groups: Sequence[Sequence[str]]) -> str:
    if not groups:
        return ""
    shown = "".join(f"<li>{escape(', '.join(group[:8]))}{' …' if len(group) > 8 else ''}</li>" for group in groups[:MOST_GROUPS])
    told = f"<p>Reported, never merged: {len(groups):,} groups, the first ones here.</p>"
    return f"<h2>Items with nearly the same title</h2>{told}<ul>{shown}</ul>"


def _figure(picture: Picture) -> str:
    drawn = _line(picture) if picture.kind == "line" else _bars(picture)
    caption = f"<figcaption>{escape(picture.says)}</figcaption>"
    box = f'<svg viewBox="0 0 {WIDE} {HIGH + FOOT}" role="img" aria-label="{escape(picture.title)}">{drawn}</svg>'
    return f"<figure><h3>{escape(picture.title)}</h3>{box}{caption}</figure>"


def _bars(picture: Picture) -> str:
    most = 1.0 if picture.kind == "share" else max(picture.values)
    wide = (WIDE - LEFT) / len(picture.values)
    parts = [_axis(f"{most:,.0%}" if picture.kind == "share" else f"{most:,.0f}")]
    every = 1 if picture.kind == "share" and len(picture.values) <= 12 else max(1, len(picture.values) // 6)
    for place, (value, label) in enumerate(zip(picture.values, picture.labels, strict=True)):
        tall = (HIGH - 20) * value / most if most else 0
        told = f"{value:.1%}" if picture.kind == "share" else f"{value:,.0f}"
        x = LEFT + place * wide
        title = f"<title>{escape(label)}: {told}</title>"
        parts.append(f'<rect x="{x:.1f}" y="{HIGH - tall:.1f}" width="{max(wide - 1, 0.5):.1f}" height="{tall:.1f}">{title}</rect>')
        if place % every == 0 and x < WIDE - 50:
            parts.append(f'<text x="{x:.1f}" y="{HIGH + 15}">{escape(label[:12])}</text>')
    return "".join(parts)


def _line(picture: Picture) -> str:
    far, tall = max(log(max(picture.xs)), 1e-9), max(log(max(picture.values)), 1e-9)
    spots = [
        (LEFT + (WIDE - LEFT - 10) * log(x) / far, HIGH - (HIGH - 20) * log(max(y, 1)) / tall)
        for x, y in zip(picture.xs, picture.values, strict=True)
    ]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
    foot = f'<text x="{LEFT}" y="{HIGH + 15}">1</text><text x="{WIDE - 60}" y="{HIGH + 15}">{max(picture.xs):,.0f}</text>'
    return f'{_axis(f"{max(picture.values):,.0f}", "1")}<polyline points="{points}"/>{foot}'


def _axis(most: str, least: str = "0") -> str:
    lines = f'<line x1="{LEFT}" y1="{HIGH}" x2="{WIDE}" y2="{HIGH}"/><line x1="{LEFT}" y1="20" x2="{WIDE}" y2="20"/>'
    return f'{lines}<text x="0" y="24">{most}</text><text x="0" y="{HIGH}">{least}</text>'
