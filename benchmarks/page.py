"""Writes docs/results.md: first what is wanted beside what was reached, then every figure of every part."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.folders import ROOT

TARGETS = ROOT / "benchmarks" / "targets.json"
Line = Mapping[str, Any]
Parts = Mapping[str, Sequence[Line]]
HEAD = """# Measured

Written by `make results`; do not edit. Everything is measured from outside, through the commands and the HTTP routes, on a machine of two
cores; load generators run on the same two and state what they used. Intervals are 95 % bootstrap intervals over the requests.
"""


def targets() -> list[dict[str, Any]]:
    """The wanted figures: ``title``, ``part``, ``figure``, ``least`` or ``most``, perhaps ``of`` (value, low or high), ``source``."""
    found: list[dict[str, Any]] = json.loads(TARGETS.read_text(encoding="utf-8"))
    return found


def page(parts: Parts, wanted: Sequence[Line]) -> str:
    """The Markdown text."""
    blocks = [HEAD]
    if not any(parts.values()):
        blocks.append("Nothing has been measured yet.\n")
    if wanted:
        blocks.append(_goals(parts, wanted))
    blocks += [_part(name, lines) for name, lines in sorted(parts.items()) if lines]
    return "\n".join(blocks)


def _goals(parts: Parts, wanted: Sequence[Line]) -> str:
    rows = [_goal(parts, target) for target in wanted]
    met, known = sum(row[0] is True for row in rows), sum(row[0] is not None for row in rows)
    text = ["## Wanted and reached", "", f"{met} of {len(rows)} are reached, {len(rows) - known} are not measured yet.", ""]
    text += ["| | wanted | reached | | compare |", "|---|---|---|---|---|", *(row[1] for row in rows), ""]
    return "\n".join(text)


def _goal(parts: Parts, target: Line) -> tuple[bool | None, str]:
    """Whether a target is met (None: not measured), and its row."""
    found = [line for line in parts.get(target["part"], ()) if line["figure"] == target["figure"]]
    least = "least" in target
    bound = target["least"] if least else target["most"]
    value = found[0].get(target.get("of", "value")) if found else None
    met = None if value is None else bool(value >= bound if least else value <= bound)
    said = {None: "not measured", True: "yes", False: "**no**"}[met]
    reached = "" if value is None else short(value)
    where = f"[{target['part']}](#{target['part']})" if found else target["part"]
    shown = f"at {'least' if least else 'most'} {short(bound)}"
    return met, f"| {target['title']} ({where}) | {shown} | {reached} | {said} | {target.get('source', '')} |"


def _part(name: str, lines: Sequence[Line]) -> str:
    """A part's table. A note that several figures share stands above it, one of a single figure beside it."""
    notes = Counter(str(line.get("note") or "") for line in lines)
    shared = [note for note, count in notes.items() if note and count > 1]
    commands = dict.fromkeys(str(line["command"]) for line in lines)
    text = [f"## {name}", "", *(f"    {command}" for command in commands), ""]
    text += [*(f"- {note}" for note in shared), ""] if shared else []
    text += ["| figure | value | 95 % interval | n | |", "|---|---:|---|---:|---|"]
    text += [_row(line, "" if line.get("note") in shared else str(line.get("note") or "")) for line in lines]
    return "\n".join([*text, ""])


def _row(line: Line, note: str) -> str:
    low, high = line.get("low"), line.get("high")
    between = f"{short(low)} to {short(high)}" if low is not None and high is not None else ""
    count = f"{line['n']:,}" if line.get("n") else ""
    return f"| {line['figure']} | {short(line['value'])} | {between} | {count} | {note} |"


def short(value: float) -> str:
    """Four decimals for shares, two or none for larger numbers, whole numbers plainly."""
    if math.isnan(value):
        return "none"
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:.4f}" if abs(value) < 1 else f"{value:.2f}" if abs(value) < 100 else f"{value:,.0f}"
