"""One measured number, the file that its part keeps it in, and how a command of ours is run and weighed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from benchmarks.folders import ROOT

LINES = ROOT / "benchmarks" / "results"
WORK = ROOT / "build" / "results"
"""Where parts build their shops; nothing of it is tracked."""


@dataclass(frozen=True)
class Figure:
    """One number. ``figure`` ends with its unit where it has one (`search: p99 ms`); ``low`` and ``high`` bound a 95 % interval, None where
    there is none; ``n`` counts the requests."""

    part: str
    figure: str
    value: float
    command: str
    low: float | None = None
    high: float | None = None
    n: int | None = None
    note: str = ""


@dataclass(frozen=True)
class Lines:
    """Makes the figures of one part, all by the same command."""

    part: str

    @property
    def command(self) -> str:
        """What measures the part again."""
        return f"make results ONLY={self.part}"

    def one(self, figure: str, value: float, note: str = "", n: int | None = None) -> Figure:
        """A number without an interval."""
        return Figure(self.part, figure, value, self.command, n=n, note=note)

    def held(self, figure: str, found: Mapping[str, float], note: str = "") -> Figure:
        """A number as `benchmarks.measure` gives it: value, perhaps low and high, n."""
        return Figure(self.part, figure, found["value"], self.command, found.get("low"), found.get("high"), int(found["n"]), note)

    def machine(self) -> Figure:
        """How busy the machine is at this moment: take it before a measurement."""
        return self.one("machine: load average before", os.getloadavg()[0], f"{os.cpu_count()} cores; over the last minute")


def keep(part: str, figures: Iterable[Figure]) -> None:
    """Replace a part's lines."""
    LINES.mkdir(exist_ok=True)
    lines = [json.dumps(asdict(figure), ensure_ascii=False) for figure in figures]
    (LINES / f"{part}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def binary(name: str) -> str:
    """A program beside this Python."""
    return str(Path(sys.executable).with_name(name))


def aisle(*arguments: str) -> tuple[float, float]:
    """Seconds and peak megabytes of one `aisle` command; its own messages are passed on, a failure ends the run."""
    return weighed([binary("aisle"), *arguments])


def weighed(command: Sequence[str], folder: Path = ROOT) -> tuple[float, float]:
    """Seconds and peak megabytes (of the largest process) of any command run in ``folder``; a failure ends the run."""
    with NamedTemporaryFile("r", encoding="utf-8") as out:
        subprocess.run([sys.executable, "-S", str(Path(__file__).with_name("weigh.py")), out.name, *command], cwd=folder, check=True)
        status, seconds, peak = json.load(out)
    if status:
        sys.exit(f"{' '.join(map(str, command))} ended with status {status}.")
    return float(seconds), float(peak)


def show(figures: Iterable[Figure]) -> None:
    """Print figures, one a line."""
    for figure in figures:
        between = "" if figure.low is None else f"  ({figure.low:.4f} to {figure.high:.4f})"
        sys.stdout.write(f"{figure.figure}: {figure.value:.4f}{between}  {figure.note}\n")
