"""Times in all the forms of shops, and clocks that were wrong."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.data.shops import cleaned, column, event, reasons


def utc(*parts: int) -> float:
    return datetime(*parts, tzinfo=UTC).timestamp()  # type: ignore[arg-type, misc]


@pytest.fixture(scope="module")
def read() -> dict[str, object]:
    """Each way of writing to the time that was read; None where the row was rejected."""
    with cleaned(only="types", events=[event("u", "1", text) for text in EXPECTED]) as done:
        kept = dict(zip(column(done, "events", "_row"), column(done, "events", "timestamp"), strict=True))
    return {text: kept.get(place) for place, text in enumerate(EXPECTED, 1)}


EXPECTED = {
    "2020-01-01T00:00:00Z": utc(2020, 1, 1), "2020-01-01T00:00:00+02:00": utc(2019, 12, 31, 22), "2020-01-01 08:30": utc(2020, 1, 1, 8, 30),
    "2020-01-01T00:00:00.250Z": utc(2020, 1, 1) + 0.25, "2016/11/14": utc(2016, 11, 14), "2016.11.14": utc(2016, 11, 14),
    "1485630413": 1485630413.0, "1485630413.0": 1485630413.0, "1485630413000": 1485630413.0, "20161114": utc(2016, 11, 14),
    "20161114083000": utc(2016, 11, 14, 8, 30), "2016年11月14日 08:30": utc(2016, 11, 14, 8, 30), "2016年1月4日": utc(2016, 1, 4),
    "14-Nov-2016 8:30": utc(2016, 11, 14, 8, 30), "Nov 14, 2016": utc(2016, 11, 14), "Wed, 01 Dec 2010 08:26:00 GMT": utc(2010, 12,
    1, 8, 26),
    "12/1/2010 8:26 PM": utc(2010, 12, 1, 20, 26), "12/31/10 12:05 am": utc(2010, 12, 31, 0, 5),
    "2016-11-14 10:00:00 +0800": utc(2016, 11, 14, 2),
    "2016-02-31": None, "soon": None, "2010-13-01": None, "nan": None,
}  # fmt: skip


@pytest.mark.parametrize("text", EXPECTED)
def test_a_time_is_read_as_it_was_meant(text: str, read: dict[str, object]) -> None:
    assert read[text] == EXPECTED[text]


@pytest.mark.parametrize(
    ("cells", "first", "said"),
    [
        (["1/2/2020", "25/2/2020"], utc(2020, 2, 1), "day before the month (1 rows prove it)"),
        (["1/2/2020", "2/25/2020"], utc(2020, 1, 2), "month before the day (1 rows prove it)"),
        (["1/2/2020", "3/4/2020"], utc(2020, 1, 2), "month before the day (no row proves it)"),
        (["1.2.2020", "3.4.2020"], utc(2020, 2, 1), "day before the month (no row proves it)"),
    ],
)
def test_day_or_month_first_is_decided_by_the_column_and_said(cells: list[str], first: float, said: str) -> None:
    with cleaned(only="types", events=[event("u", "1", cell) for cell in cells]) as done:
        assert column(done, "events", "timestamp")[0] == first
        assert any(said in remark for remark in done.remarks)


def test_seconds_beside_milliseconds_are_both_read_and_the_mixture_is_said() -> None:
    with cleaned(only="types", events=[event("u", "1", cell) for cell in ("1485630413", "1485630414000")]) as done:
        assert column(done, "events", "timestamp") == [1485630413.0, 1485630414.0]
        assert any("mixes Unix seconds (1 rows) and milliseconds (1)" in remark for remark in done.remarks)


def test_a_clock_that_was_never_set_and_the_far_future_are_rejected() -> None:
    cells = ("1970-01-01", "1989-12-31", "2150-01-01", "2020-01-01", "1e300", "-1e300")
    with cleaned(only="clock", events=[event("u", "1", cell) for cell in cells]) as done:
        assert column(done, "events", "_row") == [4]
        told = reasons(done, "events")
        assert told[1] == "the time is before 1990: 1970-01-01 00:00:00" and told[6].startswith("the time is before 1990")
        assert told[3] == "the time is after 2100: 2150-01-01 00:00:00" and told[5].startswith("the time is after 2100")


def test_an_event_later_than_its_file_is_rejected_unless_many_are() -> None:
    days = [f"2020-01-{day:02}" for day in range(1, 31)]
    with cleaned(only="clock", newest=utc(2020, 2, 1), events=[event("u", "1", day) for day in [*days, "2020-03-01"]]) as done:
        assert reasons(done, "events") == {31: "the time is later than the file: 2020-03-01 00:00:00"}
    with cleaned(only="clock", newest=utc(2020, 1, 15), events=[event("u", "1", day) for day in days]) as done:
        assert reasons(done, "events") == {}
        assert any("believed" in remark for remark in done.remarks)


def test_a_lonely_event_years_away_from_the_log_is_rejected() -> None:
    days = [f"2020-{month:02}-{day:02}" for month in range(1, 5) for day in range(1, 29)]
    with cleaned(only="clock", events=[event("u", "1", day) for day in [*days, "2011-01-01", "2021-01-01"]]) as done:
        assert reasons(done, "events") == {113: "the time is years away from the rest of the log: 2011-01-01 00:00:00"}
