"""The form of a file is told by its content; whatever a CSV writer writes comes back cell by cell."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import settings as trying
from hypothesis import strategies as some

from aisle.data.delimited import _careful, read_delimited
from aisle.data.formats import column_names, find_delimiter, sniff
from aisle.data.loaded import Loaded, numbered
from aisle.data.scan import scan

CELL = some.text(some.characters(exclude_categories=("Cs", "Cc")) | some.sampled_from(list("\",;\t|\n' ")), max_size=12)
ROWS = some.lists(some.tuples(CELL, CELL), min_size=1, max_size=8)


def cells(loaded: Loaded) -> list[tuple[object, ...]]:
    """Row numbers and cells."""
    return [tuple(row.values()) for row in loaded.table.to_pylist()]


@trying(max_examples=80, deadline=None)
@example(rows=[("", '\\"')], delimiter=",", end="\n")
@example(rows=[('a\\"b', '\\""')], delimiter=";", end="\r\n")
@example(rows=[('\\"\nx', '\\",x')], delimiter=",", end="\n")
@given(rows=ROWS, delimiter=some.sampled_from([",", "\t", ";", "|"]), end=some.sampled_from(["\n", "\r\n"]))
def test_what_a_csv_writer_writes_comes_back(rows: list[tuple[str, str]], delimiter: str, end: str) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end)
    writer.writerow(["item_id", "one", "two"])
    writer.writerows([f"i{place}", *row] for place, row in enumerate(rows))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "items.csv"
        path.write_bytes(text.getvalue().encode())
        form = sniff(scan(path, "items.csv"), "items.csv")
        expected = [(place, f"i{place - 1}", *(cell or None for cell in row)) for place, row in enumerate(rows, 1)]
        assert cells(read_delimited(form)) == expected
        assert cells(_careful(replace(form, escape=""))) == expected, "both readers say the same"


@pytest.mark.parametrize(
    ("lines", "delimiter"),
    [
        (["a,b", "1,2"], ","),
        (["a\tb", "x, y, z\t2", "1,2\t3"], "\t"),
        (["a;b", "1,5;2,5", "3,5;4,5"], ";"),
        (["a|b|c", "1|2|3"], "|"),
        (["1::2::3", "4::5::6"], "::"),
        (["1 2 3"] * 5, " "),
        (["query", "a red lamp", "a blue lamp for the table"], ","),
        (["title", "one two", "two three", "three four", "four five", "five six"], ","),
    ],
)
def test_the_delimiter_is_the_one_that_cuts_every_line_alike(lines: list[str], delimiter: str) -> None:
    assert find_delimiter(lines) == delimiter


def test_names_that_differ_in_case_only_are_told_apart() -> None:
    remarks: list[str] = []
    assert column_names(["ID", "id", " ", "_row", "a\n b"], "f", remarks) == ("ID", "id_2", "column_3", "_row_2", "a b")
    assert len(remarks) == 3


def test_good_rows_between_bad_ones_keep_their_numbers() -> None:
    assert numbered(np.arange(5), [1, 4, 5, 9]).tolist() == [2, 3, 6, 7, 8]
    assert numbered(np.arange(3), []).tolist() == [1, 2, 3]
