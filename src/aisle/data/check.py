"""`aisle check`: reads, cleans and cuts a folder, prints the quality report, writes `rejected.csv` and `quality.html` beside the files."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.csv
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table as Grid

from aisle.core.errors import InputError
from aisle.core.events import Dataset
from aisle.data.dataset import build, look, opened
from aisle.data.pictures import pictures
from aisle.data.report import Quality, missingness, quality, rejected_rows
from aisle.data.report_html import page
from aisle.data.variants import groups
from aisle.data.windows import cut
from aisle.settings import Settings

MOST_GROUPS = 1_000
"""Groups of near-duplicate items that the report lists; it counts all."""


def check(folder: Path, settings: Settings, console: Console | None = None) -> Quality:
    """Print the report to ``console`` (default: stderr) and write ``folder/rejected.csv`` and ``folder/quality.html``.

    Raises `InputError` when no item can be read, after `rejected.csv` is written, and when the folder cannot be written to.
    """
    console = console or Console(stderr=True)
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as progress:
        step = progress.add_task("reading and cleaning", total=None)
        with opened(folder, settings) as (raw, cleaned):
            found = quality(cleaned, raw.rows, raw.remarks)
            _write_rows(folder / "rejected.csv", rejected_rows(cleaned).to_pyarrow())
            progress.update(step, description="numbering and cutting")
            data = build(cleaned, settings)
            found.missing = missingness(cleaned)
        look(found, data)
        found.windows |= cut(data.events, data.judgements).describe()
        progress.update(step, description="comparing titles")
        _group(found, data)
        _write_text(folder / "quality.html", page(found, pictures(data, found.missing)))
    _show(console, found, folder)
    return found


def _group(found: Quality, data: Dataset) -> None:
    near = groups(list(data.catalogue.text("title")))
    found.variants = [[data.catalogue.ids[row] for row in group.rows] for group in near[:MOST_GROUPS]]
    found.counts["groups of items with one title"] = sum(group.same for group in near)
    found.counts["groups of items with nearly one title"] = sum(not group.same for group in near)


def _write_rows(path: Path, rows: pa.Table) -> None:
    try:
        pyarrow.csv.write_csv(rows, path)
    except OSError as error:
        raise _unwritable(path, error) from None


def _write_text(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise _unwritable(path, error) from None


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(f"{path} cannot be written: {error.strerror or error}.", "Make room, or make the folder writable.")


def _show(console: Console, found: Quality, folder: Path) -> None:
    files = Grid("file", *(name for name in ("read", "kept", "repaired", "rejected")), title="Rows")
    for name, count in found.files.items():
        files.add_row(name, *(f"{number:,}" for number in (count.read, count.kept, count.repaired, count.rejected)))
    console.print(files)
    rules = Grid("table", "rule", "what it does", "repaired", "rejected")
    for tally in found.rules:
        if tally.repaired or tally.rejected:
            numbers = sum(tally.repaired.values()), sum(tally.rejected.values())
            rules.add_row(tally.table, tally.rule, tally.says, *(f"{number:,}" for number in numbers))
    console.print(rules)
    for remark in found.remarks:
        console.print(f"- {remark}", markup=False, highlight=False)
    for name, value in found.counts.items():
        console.print(f"{name}: {value:,.0f}", markup=False, highlight=False)
    console.print(f"Wrote {folder / 'rejected.csv'} and {folder / 'quality.html'}", markup=False, highlight=False)
