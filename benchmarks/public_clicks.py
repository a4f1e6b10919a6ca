"""Public tables of clicks as their owners give them out, read where a user has them: Frappe, Criteo, Avazu."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np

from aisle.data.normalise import How
from aisle.ranking.ctr.examples import Column, Examples
from benchmarks.ctr_tables import Tables
from benchmarks.public_logs import PublicError

FRAPPE = ("user", "item", "daytime", "weekday", "weekend", "homework", "cost", "weather", "country", "city")
NUMBERS = tuple(f"I{place}" for place in range(1, 14))
LETTERS = tuple(f"C{place}" for place in range(1, 27))
ROWS = 1_000_000
"""Cases taken of the large tables, evenly from first to last."""


def frappe(folder: Path) -> Tables:
    """Was an app used in this context: the three ``frappe.*.libfm`` files of Xiao et al., "Attentional factorization machines" (2017), with
    their own split of 70/20/10 (two sampled negatives for each use)."""
    parts = [_libfm(folder / f"frappe.{name}.libfm") for name in ("train", "validation", "test")]
    bounds = np.cumsum([len(part[0]) for part in parts])[:-1]
    label = np.concatenate([part[0] for part in parts])
    fields = [[code for part in parts for code in part[1][place]] for place in range(len(FRAPPE))]
    table = Examples({name: Column.of(values) for name, values in zip(FRAPPE, fields, strict=True)}, {}, label)
    train, dev, test = (table.pick(rows) for rows in np.split(np.arange(len(label)), bounds))
    return Tables(train, dev, test, "Frappe: an app used in a context or not; the published random split, so users and items repeat", {})


def _libfm(path: Path) -> tuple[np.ndarray, list[list[str]]]:
    if not path.exists():
        raise PublicError(f"{path} is not there: give the folder that holds frappe.train.libfm, .validation.libfm and .test.libfm.")
    labels, fields = [], [list[str]() for _ in FRAPPE]
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        label, *values = line.split()
        if len(values) != len(FRAPPE):
            raise PublicError(f"{path}, line {number}: {len(values)} fields, wanted {len(FRAPPE)}.")
        labels.append(float(float(label) > 0))
        for field, value in zip(fields, values, strict=True):
            field.append(value.partition(":")[0])
    return np.array(labels), fields


def criteo(path: Path, rows: int = ROWS) -> Tables:
    """Was an advertisement clicked: ``train.txt`` of the 2014 contest, 13 numbers and 26 hashed categories, in order of time over seven
    days; five days are learned from, one to calibrate, one to test."""
    names = ["label", *NUMBERS, *LETTERS]
    kinds = ", ".join(f"'{name}': '{'DOUBLE' if name in ('label', *NUMBERS) else 'VARCHAR'}'" for name in names)
    source = f"read_csv('{path}', delim='\t', header=false, quote='', columns={{{kinds}}})"
    found = _evenly(source, rows, path)
    label = found["label"].astype(np.float64)
    numbers = {name: np.ma.filled(found[name].astype(np.float64), np.nan) for name in NUMBERS}
    table = Examples({**_user(len(label)), **{name: _texts(found[name]) for name in LETTERS}}, numbers, label)
    day = np.arange(len(label)) * 7 // max(1, len(label))
    how: dict[str, How] = dict.fromkeys(NUMBERS, "log")
    return _by_day(table, day, 5, f"Criteo: {len(label):,} cases in order of time; 5/1/1 sevenths of them", how)


def avazu(path: Path, rows: int = ROWS) -> Tables:
    """Was an advertisement clicked: ``train.csv`` of the 2014 contest, ten days; the last but one calibrates, the last tests."""
    found = _evenly(f"read_csv('{path}', header=true, all_varchar=true)", rows, path)
    if not {"click", "hour", "site_id"} <= set(found):
        raise PublicError(f"{path} has the columns {', '.join(found)}; wanted those of Avazu's train.csv, with click, hour and site_id.")
    label, hour = found["click"].astype(np.float64), found["hour"].astype(np.int64)
    texts = {name: _texts(found[name]) for name in found if name not in ("id", "click", "hour", "place")}
    texts["hour_of_day"] = _texts((hour % 100).astype(str))
    _, day = np.unique(hour // 100, return_inverse=True)
    last = int(day.max(initial=0))
    table = Examples({**_user(len(label)), **texts}, {}, label)
    return _by_day(table, day, last - 1, f"Avazu: {len(label):,} cases of {last + 1} days; the last but one calibrates, the last tests", {})


def _by_day(table: Examples, day: np.ndarray, until: int, note: str, how: dict[str, How]) -> Tables:
    train, dev, test = (table.pick(np.flatnonzero(part)) for part in (day < until, day == until, day > until))
    if not min(len(train), len(dev), len(test)):
        raise PublicError(f"{note}: too few days to learn, calibrate and test on.")
    return Tables(train, dev, test, note, how)


def _evenly(source: str, rows: int, path: Path) -> dict[str, np.ndarray]:
    """Some of the file's rows, evenly from first to last, in its order."""
    if not path.exists():
        raise PublicError(f"{path} is not there.")
    size = duckdb.execute(f"select count(*) from {source}").fetchall()[0][0]
    step = max(1, -(-size // rows))
    picked = f"select *, row_number() over () as place from {source}"
    return dict(duckdb.execute(f"select * from ({picked}) where (place - 1) % {step} = 0 order by place").fetchnumpy())


def _texts(values: np.ndarray) -> Column:
    there = ~np.ma.getmaskarray(values)
    return Column.of([str(value) if known and value != "" else None for value, known in zip(np.ma.getdata(values), there, strict=True)])


def _user(size: int) -> dict[str, Column]:
    """Nobody is known: every case is its own user when intervals resample users."""
    return {"user": Column(np.arange(size, dtype=np.int32), [str(number) for number in range(size)])}
