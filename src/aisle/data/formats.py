"""What a file is, told by its content first and its name second: delimited text, JSON lines, JSON, Parquet; its delimiter and names."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from aisle.core.errors import InputError
from aisle.data.scan import Scan

Kind = Literal["delimited", "lines", "json", "parquet", "empty"]
DELIMITERS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar", "::": "double colon", " ": "space"}
USUAL = {"csv": ",;", "tsv": "\t", "tab": "\t"}
LOOK_AT = 200
"""Records that the delimiter is told by."""


@dataclass(frozen=True)
class Form:
    """``names`` are unique without regard to case, blank ones become ``column_<place>``. ``skip`` rows stand before the first data row;
    ``spaced``: cells are quoted after a space; ``escape``: what stands before a quote inside a quoted cell, where that is no quote."""

    scan: Scan
    kind: Kind
    delimiter: str = ""
    names: tuple[str, ...] = ()
    skip: int = 0
    spaced: bool = False
    escape: str = ""
    remarks: tuple[str, ...] = ()


def sniff(scan: Scan, name: str, headless: bool = False) -> Form:
    """The form of the scanned file; ``headless``: its first row is data already."""
    if scan.parquet:
        return Form(scan, "parquet")
    start = scan.head.lstrip()
    if not start:
        return Form(scan, "empty")
    remarks = [f"{name}: read as {scan.shown}."] if scan.shown not in ("UTF-8", "ASCII") else []
    if scan.encoding == "utf-8-sig":
        remarks.append(f"{name}: begins with a byte order mark, left out.")
    if scan.zeros:
        remarks.append(f"{name}: {scan.zeros} NUL characters left out.")
    if scan.damaged:
        remarks.append(f"{name}: some bytes are not valid {scan.shown}; they stand as \ufffd.")
    if start[0] in "{[" and (kind := _json_kind(scan, start)):
        return Form(scan, kind, remarks=tuple(remarks))
    return _delimited(scan, name, headless, remarks)


def _json_kind(scan: Scan, start: str) -> Kind | None:
    """JSON lines when one of the first lines is an object of its own, JSON when the text cannot be anything else."""
    lines = [line for line in start.splitlines()[:5] if line.strip()]
    if any(_is_object(line) for line in lines):
        return "lines"
    named = re.search(r"\.(json|jsonl|ndjson)(\.gz)?$", scan.path.name.lower())
    if named and named[1] != "json":
        return "lines"
    return "json" if named or start[0] == "[" or re.match(r"\{\s*\"", start) else None


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def lines_of(scan: Scan) -> list[str]:
    """The whole lines of the head."""
    text = scan.head.replace("\r\n", "\n")
    lines = (text.replace("\r", "\n") if scan.return_only else text).split("\n")
    return [line for line in (lines[:-1] if len(lines) > 1 and len(scan.head) * 4 >= 1 << 17 else lines) if line.strip()]


def records(lines: Iterable[str], delimiter: str, spaced: bool = False) -> list[list[str]]:
    """The first `LOOK_AT` records of ``lines``."""
    if len(delimiter) > 1:
        return [line.split(delimiter) for line, _ in zip(lines, range(LOOK_AT), strict=False)]
    csv.field_size_limit(1 << 30)
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=delimiter, skipinitialspace=spaced)
    return [[cell.rstrip("\n") for cell in row] for row, _ in zip(reader, range(LOOK_AT), strict=False)]


def _delimited(scan: Scan, name: str, headless: bool, remarks: list[str]) -> Form:
    lines = lines_of(scan)
    stated = re.fullmatch(r"sep=(.)", lines[0], re.IGNORECASE)  # Excel's own hint
    body = lines[1:] if stated else lines
    delimiter = stated[1] if stated else find_delimiter(body)
    spaced = len(delimiter) == 1 and sum(f'{delimiter} "' in line for line in body[:LOOK_AT]) * 2 > min(len(body), LOOK_AT)
    rows = records(body, delimiter, spaced)
    extension = scan.path.name.lower().removesuffix(".gz").rpartition(".")[2]
    if len(rows[0]) > 1 and delimiter not in USUAL.get(extension, delimiter):
        remarks.append(f"{name}: its cells are separated by {DELIMITERS.get(delimiter, delimiter)}, not as the name says.")
    first = [f"column_{place}" for place in range(1, len(rows[0]) + 1)] if headless else rows[0]
    names = column_names(_widened(first, rows[1:]), name, remarks)
    escape = "\\" if _backslashes(scan.head, delimiter) else ""
    return Form(scan, "delimited", delimiter, names, (0 if headless else 1) + bool(stated), spaced, escape, tuple(remarks))


def _backslashes(head: str, delimiter: str) -> bool:
    """Whether a backslash stands before a quote that would else be out of place: quotes inside a cell come in twos, and a cell ends with
    one more."""
    found = re.finditer(rf'\\("+)(\s*(?:{re.escape(delimiter)}|$))?', head, re.MULTILINE)
    return any(len(quotes[1]) % 2 == (quotes[2] is None) for quotes in found)


def find_delimiter(lines: Sequence[str]) -> str:
    """The delimiter that cuts most lines into as many cells as the first; among equals the one that cuts more; a comma if none cuts."""
    best, delimiter = (0.5, 1), ","
    for candidate in DELIMITERS:
        rows = records(lines, candidate)
        width = len(rows[0])
        share = sum(len(row) == width for row in rows) / len(rows)
        if candidate == " " and (best[1] > 1 or share < 1 or len(rows) < 5):
            continue  # prose has spaces too
        if width > 1 and (round(share, 1), width) > best:
            best, delimiter = (round(share, 1), width), candidate
    return delimiter


def _widened(first: list[str], rows: list[list[str]]) -> list[str]:
    """The header, with a name for the one cell more that most rows have: an empty one at the end, or row names in front."""
    wider = [row for row in rows if len(row) == len(first) + 1]
    if len(wider) * 2 <= len(rows):
        return first
    return [*first, ""] if all(not row[-1].strip() for row in wider) else ["", *first]


def column_names(cells: Sequence[str], name: str, remarks: list[str]) -> tuple[str, ...]:
    """Usable names for the header ``cells``; what had to be changed goes to ``remarks``."""
    names: list[str] = []
    taken = Counter(("_row", "_file"))  # our own stamps
    for place, cell in enumerate(cells, 1):
        bare = " ".join(cell.strip().strip("\ufeff").split())
        if not bare:
            remarks.append(f"{name}: column {place} has no name; it is called column_{place}.")
        bare = bare or f"column_{place}"
        key = bare.lower()
        taken[key] += 1
        if taken[key] > 1:
            remarks.append(f"{name}: two columns are called `{bare}`; the one in place {place} is called `{bare}_{taken[key]}`.")
            bare = f"{bare}_{taken[key]}"
        names.append(bare)
    if len(set(map(str.lower, names))) < len(names):
        raise InputError(f"{name}: several columns have the same name: {', '.join(names)}.", "Give each column its own name.")
    return tuple(names)
