"""Reads delimited text: Arrow's reader for files that keep to the rules, a slower one for those that do not; both number the rows."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from aisle.core.errors import InputError
from aisle.data.formats import Form
from aisle.data.loaded import BATCH, LONGEST, BadRow, Loaded, batch, numbered, schema
from aisle.data.scan import Utf8, decoded, raw

BLOCK = 1 << 22
OPEN_FOR = 1_000
"""Lines after which a quote that was not closed counts as a mistake."""


def read_delimited(form: Form) -> Loaded:
    """All rows of the file; rows with too many or too few cells are bad, the others kept. Whether a backslash escapes a quote is tried both
    ways where rows are bad by the one that the file's beginning spoke for."""
    loaded = _read(form)
    if form.escape and loaded.bad:
        plain = _read(replace(form, escape=""))
        return plain if len(plain.bad) < len(loaded.bad) else loaded
    return _read(replace(form, escape="\\")) if _escaped(loaded, form) else loaded


def _read(form: Form) -> Loaded:
    simple = len(form.delimiter) == 1 and not form.spaced
    return (_fast(form) if simple else None) or _careful(form)


def _escaped(loaded: Loaded, form: Form) -> bool:
    """Whether bad rows are bad because they escape their quotes by a backslash, which the file's beginning did not show."""
    return not form.escape and sum('\\"' in row.content for row in loaded.bad) * 2 > len(loaded.bad)


def _fast(form: Form) -> Loaded | None:
    """By Arrow's reader; None where a quote was left open, so that rows may have run together."""
    bad: list[pacsv.InvalidRow] = []

    def keep(row: pacsv.InvalidRow) -> str:
        bad.append(row)
        return "skip"

    try:
        with raw(form.scan.path, form.scan.packed) if form.scan.plain else Utf8(form.scan) as stream:
            batches = list(_batches(form, pa.PythonFile(stream, "r"), keep))
    except pa.ArrowInvalid:
        return None
    numbers = [row.number - form.skip for row in bad]
    if any("\n" in row.text for row in bad) or any(_run_together(part, len(form.names), form.delimiter) for part in batches):
        return None
    whole = pa.Table.from_batches(batches) if batches else schema(form.names).empty_table().drop_columns(["_row"])
    rows = numbered(np.arange(len(whole)), numbers)
    told = [BadRow(row.number - form.skip, ragged(row.actual_columns, row.expected_columns), row.text[:LONGEST]) for row in bad]
    return Loaded(whole.add_column(0, "_row", pa.array(rows)), len(whole) + len(bad), told)


def ragged(found: int, expected: int) -> str:
    """Why a row of ``found`` cells cannot be read."""
    return f"{found} cell{'' if found == 1 else 's'} where the header has {expected}"


def _batches(form: Form, stream: pa.NativeFile, keep: object) -> Iterator[pa.RecordBatch]:
    names = list(form.names)
    reading = pacsv.ReadOptions(use_threads=False, block_size=BLOCK, column_names=names, skip_rows_after_names=form.skip)
    escape = form.escape or False
    parsing = pacsv.ParseOptions(delimiter=form.delimiter, escape_char=escape, newlines_in_values=True, invalid_row_handler=keep)
    texts = {"column_types": dict.fromkeys(names, pa.string()), "null_values": [""]}
    cells = pacsv.ConvertOptions(strings_can_be_null=True, quoted_strings_can_be_null=True, **texts)
    yield from pacsv.open_csv(stream, read_options=reading, parse_options=parsing, convert_options=cells)


def _run_together(part: pa.RecordBatch, width: int, delimiter: str) -> bool:
    """Whether a cell holds a line end and then as many delimiters as a row has: the sign of a quote that was not closed."""
    for column in part.columns:
        tall = column.filter(pc.match_substring(column, "\n"))
        if any(line.count(delimiter) >= max(1, width - 1) for cell in tall.to_pylist() for line in cell.split("\n")[1:]):
            return True
    return False


def _careful(form: Form) -> Loaded:
    """Record by record; a quote left open spoils its own line only."""
    width, number = len(form.names), 0
    batches: list[pa.RecordBatch] = []
    bad: list[BadRow] = []
    rows: list[int] = []
    cells: list[list[str]] = []
    for text, found in _records(_lines(form), form):
        number += 1
        if number <= form.skip:
            continue
        if found is None or len(found) != width:
            why = "a quote is not closed" if found is None else ragged(len(found), width)
            bad.append(BadRow(number - form.skip, why, text.rstrip("\r\n")[:LONGEST]))
            continue
        rows.append(number - form.skip)
        cells.append(found)
        if len(rows) == BATCH:
            batches.append(batch(rows, cells, form.names))
            rows, cells = [], []
    batches.append(batch(rows, cells, form.names))
    return Loaded(pa.Table.from_batches(batches), max(0, number - form.skip), bad)


def _lines(form: Form) -> Iterator[str]:
    """The physical lines without their ends; blank ones too."""
    end, left = "\r" if form.scan.return_only else "\n", ""
    for piece in decoded(form.scan):
        *whole, left = (left + piece).split(end)
        yield from whole
    yield from [left] if left else []


def _records(lines: Iterator[str], form: Form) -> Iterator[tuple[str, list[str] | None]]:
    """Each record's text and cells, None for a line whose quote is never closed; the lines after it are read as if it were not there."""
    csv.field_size_limit(1 << 30)
    again: deque[str] = deque()

    def following() -> str | None:
        return again.popleft() if again else next(lines, None)

    while (line := following()) is not None:
        text = line.rstrip("\r")
        if not text:
            continue
        if '"' not in text or len(form.delimiter) > 1:
            yield text, text.split(form.delimiter)
        elif _is_open(found := _cells(text, form)):
            taken, found = _closed(text, following, form)
            if isinstance(found, list):
                yield "\n".join([text, *taken]), found
            else:
                again.extendleft(reversed(taken))
                yield text, None
        else:
            yield text, found if isinstance(found, list) else _leniently(text, form)


def _closed(text: str, following: Callable[[], str | None], form: Form) -> tuple[list[str], list[str] | str]:
    """The lines up to the one that closes the quote left open in ``text``, and the record's cells; a text for cells: none closes it."""
    taken: list[str] = []
    while len(taken) < OPEN_FOR and (more := following()) is not None:
        taken.append(more.rstrip("\r"))
        if '"' in more and not _is_open(found := _cells("\n".join([text, *taken]), form)):
            rows = [line.count(form.delimiter) == len(form.names) - 1 for line in taken[:-1]]
            return taken, OPEN if len(found) != len(form.names) and rows and all(rows) else found
    return taken, OPEN


def _reader(text: str, form: Form, strict: bool) -> Iterator[list[str]]:
    return csv.reader([text], delimiter=form.delimiter, skipinitialspace=form.spaced, escapechar=form.escape or None, strict=strict)


OPEN = "unexpected end of data"


def _is_open(found: list[str] | str) -> bool:
    return found == OPEN


def _cells(text: str, form: Form) -> list[str] | str:
    """The cells of one record written by the rules; else what is wrong with it, `OPEN` when a quote is still open at its end."""
    try:
        return next(_reader(text, form, strict=True))
    except csv.Error as error:
        return str(error)


def _leniently(text: str, form: Form) -> list[str]:
    """The cells of one line with quotes in wrong places."""
    try:
        return next(_reader(text, form, strict=False))
    except csv.Error:  # a bare carriage return
        return text.split(form.delimiter)


def refuse_empty(form: Form, name: str) -> InputError:
    """What to say when a table that is needed has no rows."""
    state = "is empty" if form.kind == "empty" else "holds a header and no rows"
    return InputError(f"{name} {state}.", "Export it again, with its rows.")
