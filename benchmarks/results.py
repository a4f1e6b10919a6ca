"""`make results [ONLY="homedepot ..."]`: runs the parts again and writes docs/results.md from the lines in benchmarks/results/*.jsonl.

A part's lines are replaced when it runs again; each line is one figure with its interval and the command that measured it. Other
benchmarks may keep their own file of such lines there: part, figure, value, low, high, n, note, command.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.folders import ROOT, Folder, builders, raw_data
from benchmarks.measure import load, measure

LINES = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "results.md"
WORK = ROOT / "build" / "results"


@dataclass(frozen=True)
class Figure:
    """One measured number. ``low`` and ``high`` bound a 95 % interval, None where there is none; ``n`` counts the requests."""

    part: str
    figure: str
    value: float
    command: str
    low: float | None = None
    high: float | None = None
    n: int | None = None
    note: str = ""


@dataclass(frozen=True)
class Part:
    """A real shop, the minutes that its training gets, and what the reader must know of the protocol."""

    shop: str
    minutes: float
    note: str


PARTS = {
    part.shop: part
    for part in (
        Part("homedepot", 10, "whole catalogue of 54,667; test queries: sha256 of `dev:` + query, one in five; relevant from 2.33"),
        Part("amazon_beauty", 10, "last item of each user held out, trained on all the rest, all unseen items ranked"),
        Part("online_retail_cut", 5, "last 28 days held out; customers known before; every purchase, and only items new to the customer"),
        Part("tmall_beauty", 2, "pieces of 2 to 4 Chinese characters cut from titles; rare: in at most 100 titles"),
        Part("ecommerce_ner_zh", 2, "pieces of 2 to 4 Chinese characters cut from titles; rare: in at most 100 titles"),
    )
}


def run(part: Part) -> list[Figure]:
    """Build the folder afresh, train, answer every protocol's requests, measure."""
    folder = Folder(WORK / part.shop)
    for old in (folder.out, folder.truth):
        shutil.rmtree(old, ignore_errors=True)
    folder.out.mkdir(parents=True)
    builders()[part.shop](raw_data(), folder)
    command = f"make results ONLY={part.shop}"
    seconds, peak = _aisle("train", str(folder.out), "--minutes", str(part.minutes))
    figures = [
        Figure(part.shop, "train: seconds", seconds, command, note=f"--minutes {part.minutes:g}"),
        Figure(part.shop, "train: peak MB", peak, command, note="largest process"),
    ]
    for requests in sorted(folder.truth.glob("*.requests.jsonl")):
        protocol = requests.name.removesuffix(".requests.jsonl")
        out = folder.truth / f"{protocol}.answers.jsonl"
        spent, _ = _aisle("batch", str(folder.out / "bundles"), str(requests), "--out", str(out))
        figures.append(Figure(part.shop, f"{protocol}: seconds", spent, command, note="aisle batch, all requests"))
        found = measure(load(out), load(folder.truth / f"{protocol}.truth.jsonl"))
        figures += [_figure(part, f"{protocol}: {name}", command, held) for name, held in found.items()]
    return figures


def _figure(part: Part, name: str, command: str, held: dict[str, float]) -> Figure:
    return Figure(part.shop, name, held["value"], command, held.get("low"), held.get("high"), int(held["n"]), part.note)


def _aisle(*arguments: str) -> tuple[float, float]:
    """Seconds and peak megabytes of one `aisle` command; its own messages are passed on, a failure ends the run."""
    start = time.perf_counter()
    child = subprocess.Popen([str(Path(sys.executable).with_name("aisle")), *arguments], cwd=ROOT)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"aisle {' '.join(arguments)} ended with status {child.returncode}.")
    return time.perf_counter() - start, used.ru_maxrss / 1024


def keep(part: str, figures: Iterable[Figure]) -> None:
    """Replace a part's lines."""
    LINES.mkdir(exist_ok=True)
    lines = [json.dumps(asdict(figure), ensure_ascii=False) for figure in figures]
    (LINES / f"{part}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def page(parts: dict[str, list[dict[str, Any]]]) -> str:
    """The Markdown of docs/results.md."""
    text = ["# Measured", "", "Written by `make results`; do not edit. Intervals are 95 % bootstrap intervals over the requests.", ""]
    if not parts:
        text += ["Nothing has been measured yet.", ""]
    for name, figures in sorted(parts.items()):
        notes = dict.fromkeys(str(figure.get("note") or "") for figure in figures)
        text += [f"## {name}", "", *(f"- {note}" for note in notes if note), ""]
        text += ["| figure | value | 95 % interval | requests | command |", "|---|---|---|---|---|"]
        text += [_row(figure) for figure in figures]
        text.append("")
    return "\n".join(text)


def _row(figure: dict[str, Any]) -> str:
    low, high = figure.get("low"), figure.get("high")
    between = f"{_short(low)} to {_short(high)}" if low is not None and high is not None else ""
    return f"| {figure['figure']} | {_short(figure['value'])} | {between} | {figure.get('n') or ''} | `{figure['command']}` |"


def _short(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 10 else f"{value:,.0f}"


def main(names: Sequence[str]) -> None:
    """Run the parts named (all without a name; `page` runs none) and write the page."""
    unknown = set(names) - set(PARTS) - {"page"}
    if unknown:
        sys.exit(f"unknown part: {', '.join(sorted(unknown))}. There are: {', '.join(PARTS)}, page")
    for name in names or PARTS:
        if name != "page":
            keep(name, run(PARTS[name]))
    PAGE.write_text(page({path.stem: load(path) for path in LINES.glob("*.jsonl")}), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
