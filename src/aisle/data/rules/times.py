"""Times as files write them: ISO 8601, Unix seconds or milliseconds, compact dates, local day and month orders; all to UTC seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import ibis
from ibis.expr.types import FloatingValue, IntegerValue, StringValue, Table

ISO = r"^\d{4}[-/]\d{1,2}[-/]\d{1,2}([T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}(:?\d{2})?)?)?$"
COMPACT = r"^(19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(\d{4}|\d{6})?$"
LOCAL = r"^(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{2,4})(?:[T, ]+(.*?))?$"
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
NAMED = r"(?i)^(?:\w{3,9},?\s+)?(?:\d{1,2}[ \-]\w{3,9}|\w{3,9}\.? \d{1,2}),?[ \-]\d{4}"

LONG_AGO = -2e10
"""The year 1336: an earlier one is a day read as a year."""


@dataclass(frozen=True)
class Forms:
    """How one column writes its times: ``simple`` when every cell is ISO 8601, and else which files put the day before the month."""

    simple: bool
    day_first: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def forms(table: Table, column: str) -> Forms:
    """Look through the column, file by file. Day or month first: whatever a number above 12 proves; unproven, `/` is month first and
    `.` day first. Both said in ``remarks``."""
    moment = _moment(table[column])
    odd = table.filter(table[column].notnull() & (moment.fill_null(-float("inf")) < LONG_AGO))
    cell = odd[column].strip()
    parts = [cell.re_extract(LOCAL, group).try_cast("int64") for group in (1, 2)]
    number = cell.try_cast("float64").abs()
    seen = odd.group_by("_file").aggregate(
        day=(parts[0] > 12).sum(), month=(parts[1] > 12).sum(), local=parts[0].notnull().sum(), dots=cell.re_search(r"^\d{1,2}\.").sum(),
        seconds=number.between(1e8, 1e11).sum(), milliseconds=number.between(1e11, 1e14).sum(),
    ).to_pyarrow().to_pylist()  # fmt: skip
    remarks: list[str] = []
    first: list[str] = []
    for file in ({name: value or 0 for name, value in row.items()} for row in seen):
        if file["seconds"] and file["milliseconds"]:
            counts = f"Unix seconds ({file['seconds']} rows) and milliseconds ({file['milliseconds']})"
            remarks.append(f"{file['_file']}: `{column}` mixes {counts}; each is read as what it is.")
        if file["local"]:
            day_first, why = _day_first(file)
            order = "day before the month" if day_first else "month before the day"
            remarks.append(f"{file['_file']}: `{column}` is read with the {order} ({why}).")
            first += [str(file["_file"])] if day_first else []
    return Forms(not seen, tuple(first), tuple(remarks))


def _day_first(file: Mapping[str, int]) -> tuple[bool, str]:
    if file["day"] or file["month"]:
        return file["day"] > file["month"], f"{max(file['day'], file['month'])} rows prove it"
    return 2 * file["dots"] > file["local"], "no row proves it"


def seconds(table: Table, column: str, how: Forms) -> FloatingValue:
    """``float64`` UTC seconds of each cell, null when it is no time. A time without a zone is taken as UTC."""
    if how.simple:
        return _moment(table[column])
    cell = table[column].strip()
    iso = ibis.cases(
        (cell.re_search(ISO), cell),
        (cell.re_search(LOCAL), _local(cell, table["_file"].isin(how.day_first or ("",)))),
        (cell.re_search(NAMED), _named(cell)),
        else_=_tidied(cell),
    )
    half = iso.re_extract(r"(?i)\s([ap])\.?m\.?$", 1).lower()
    clock = iso.re_replace(r"(?i)\s+[ap]\.?m\.?$", "")
    hour = clock.re_extract(r"[T ](\d{1,2}):", 1).try_cast("int64").fill_null(0)
    shift = ibis.cases(((half == "p") & (hour < 12), 43_200.0), ((half == "a") & (hour == 12), -43_200.0), else_=0.0)
    return ibis.coalesce(_unix(cell), _moment(clock) + shift)


def _moment(iso: StringValue) -> FloatingValue:
    # through a zone-aware type: a cast to a plain timestamp drops the offset
    return iso.try_cast("timestamp('UTC')").epoch_seconds().cast("float64")


def _unix(cell: StringValue) -> FloatingValue:
    """Seconds, milliseconds, micro- or nanoseconds by size; eight or more digits that spell a date are that date."""
    compact = cell.re_search(COMPACT)
    dated = ibis.ifelse(compact, cell, ibis.null("string"))
    date = dated.substr(0, 4) + "-" + dated.substr(4, 2) + "-" + dated.substr(6, 2)
    clock = dated.substr(8, 2) + ":" + dated.substr(10, 2) + ":" + ibis.ifelse(dated.length() == 14, dated.substr(12, 2), "00")
    moment = _moment(ibis.ifelse(dated.length() > 8, date + " " + clock, date))
    number = cell.try_cast("float64")
    size = number.abs()
    unit = ibis.cases((size < 1e11, 1.0), (size < 1e14, 1e3), (size < 1e17, 1e6), else_=1e9)
    return ibis.coalesce(moment, ibis.ifelse(number.isnan() | number.isinf(), ibis.null("float64"), number / unit))


def _local(cell: StringValue, day_first: IntegerValue) -> StringValue:
    one, two, year, rest = (cell.re_extract(LOCAL, group) for group in (1, 2, 3, 4))
    full = ibis.ifelse(year.length() == 2, ibis.literal("20") + year, year)
    swapped = ibis.ifelse(day_first, two + "-" + one, one + "-" + two)
    return (full + "-" + swapped + " " + rest).strip()


def _named(cell: StringValue) -> StringValue:
    word = cell.lower().re_extract(r"(" + "|".join(MONTHS) + r")", 1)
    month = ibis.cases(*((word == name, str(number)) for number, name in enumerate(MONTHS, 1)), else_=ibis.null("string"))
    year = cell.re_extract(r"\b(\d{4})\b", 1)
    day = cell.re_extract(r"\b(\d{1,2})(?:st|nd|rd|th)?\b", 1)
    return (year + "-" + month + "-" + day + " " + cell.re_extract(r"(\d{1,2}:\d{2}.*)$", 1)).strip()


def _tidied(cell: StringValue) -> StringValue:
    """Year first with other signs between: 年月日, dots, `UTC`, a space before the offset."""
    bare = cell.re_replace(r"[年月]", "-").replace("日", " ").replace("时", ":").replace("分", ":").re_replace(r"[: ]+秒?$", "")
    bare = bare.re_replace(r"^(\d{4})\.(\d{1,2})\.(\d{1,2})", r"\1-\2-\3")
    return bare.re_replace(r"\s*(?:UTC|GMT)$", "Z").re_replace(r"\s+([+-]\d{2}:?\d{2})$", r"\1").strip()
