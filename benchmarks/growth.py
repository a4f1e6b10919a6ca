"""Time and memory against size: `aisle check` on raw invoices and on growing logs, `aisle simulate` at a million events and more."""

from __future__ import annotations

import hashlib
import shutil
from itertools import islice
from pathlib import Path

import numpy as np

from benchmarks.figures import WORK, Figure, Lines, aisle
from benchmarks.folders import Folder, builders, raw_data

EVENTS = (500_000, 1_000_000, 2_000_000, 5_000_000)


def check_figures(events: tuple[int, ...] = EVENTS) -> list[Figure]:
    """Online Retail as it came; then the first part, half, ... of one simulated log."""
    lines = Lines("check")
    retail = Folder(WORK / "check_online_retail")
    builders()["online_retail"](raw_data(), retail)
    figures = [lines.machine(), *_weighed(lines, "online_retail", retail.out)]
    log = WORK / f"log_{max(events)}"
    if not (log / "truth" / "truth.json").exists():
        aisle("simulate", str(log), "--items", "10000", "--events", str(max(events)))
    weights = []
    for size in events:
        part = WORK / "check_part"
        head_of(log, part, size)
        weights.append(_weighed(lines, f"{size:,} events", part))
        figures += weights[-1]
        shutil.rmtree(part)
    for place, name in enumerate(("seconds", "peak MB")):
        power = np.polyfit(np.log(events), np.log([pair[place].value for pair in weights]), 1)[0]
        figures.append(lines.one(f"growth: power of events, {name}", float(power), "slope in logarithms; 1 is linear, below 1 slower"))
    return figures


def _weighed(lines: Lines, title: str, folder: Path) -> list[Figure]:
    seconds, peak = aisle("check", str(folder), "--json", str(folder / "check.json"))
    return [lines.one(f"{title}: seconds", seconds, "aisle check"), lines.one(f"{title}: peak MB", peak, "aisle check")]


def head_of(folder: Path, part: Path, events: int) -> None:
    """The same shop with the first ``events`` of its log."""
    part.mkdir(parents=True, exist_ok=True)
    for name in ("items.csv", "users.csv", "judgements.csv", "aisle.toml"):
        shutil.copy(folder / name, part / name)
    with (folder / "events.csv").open("rb") as log, (part / "events.csv").open("wb") as out:
        out.writelines(islice(log, events + 1))


def simulate_figures(items: int = 10_000, events: int = 1_000_000) -> list[Figure]:
    """The same shop twice, compared byte by byte."""
    lines = Lines("simulate")
    figures, hashes = [lines.machine()], []
    for number in (1, 2):
        folder = WORK / f"simulated_again_{number}"
        shutil.rmtree(folder, ignore_errors=True)
        figures += made(lines, folder, items, events)[: 2 if number == 1 else 0]
        hashes.append(digests(folder))
        shutil.rmtree(folder)
    differ = sum(hashes[0].get(name) != hashes[1].get(name) for name in hashes[0] | hashes[1])
    return [*figures, lines.one("same seed, files that differ", differ, f"of {len(hashes[0])}")]


def large_figures(items: int = 100_000, events: int = 10_000_000) -> list[Figure]:
    """The largest shop that is promised, once."""
    lines, folder = Lines("simulate_large"), WORK / "simulated_large"
    shutil.rmtree(folder, ignore_errors=True)
    figures = [lines.machine(), *made(lines, folder, items, events)]
    shutil.rmtree(folder)
    return figures


def made(lines: Lines, folder: Path, items: int, events: int) -> list[Figure]:
    """Simulate one shop."""
    seconds, peak = aisle("simulate", str(folder), "--items", str(items), "--events", str(events))
    note = f"{items:,} items"
    return [lines.one(f"{events:,} events: seconds", seconds, note), lines.one(f"{events:,} events: peak MB", peak, note)]


def digests(folder: Path) -> dict[str, str]:
    """Every file's hash."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            found[str(path.relative_to(folder))] = hashlib.file_digest(file, "sha256").hexdigest()
    return found
