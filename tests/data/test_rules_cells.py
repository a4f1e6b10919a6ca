"""Rules on single cells: what is repaired, what is rejected, what is left alone."""

from __future__ import annotations

import pytest

from aisle.data.text_clean import UNTIDY, tidy
from tests.data.shops import cleaned, column, event, item, reasons, rows, touched


def test_spaces_around_ids_and_titles_are_cut_the_full_width_ones_too() -> None:
    with cleaned(only="spaces", items=[item(" 007\u00a0", "\u3000台灯 "), item("8", "Red  lamp")]) as done:
        assert rows(done, "items")[0] == {"_row": 1, "item_id": "007", "title": "台灯"}
        assert column(done, "items", "title")[1] == "Red  lamp"
        assert touched(done, "spaces") == (1, 0)


def test_a_cell_of_spaces_only_is_missing_and_a_title_of_spaces_rejects_the_row() -> None:
    with cleaned(only="spaces required", items=[item("1", " "), item("2", "Lamp", brand=" ")]) as done:
        assert rows(done, "items") == [{"_row": 2, "item_id": "2", "title": "Lamp", "brand": None}]
        assert reasons(done, "items") == {1: "no title"}


def test_ids_that_went_through_a_number_column_lose_their_point_zero_when_all_have_it() -> None:
    events = [
        event("17850.0", "1.0", "2020-01-01"),
        event("13047.0", "2.5", "2020-01-01"),
        event(None, "3.0", "2020-01-01", session_id="s"),
    ]
    with cleaned(only="float_ids", events=events) as done:
        assert column(done, "events", "user_id") == ["17850", "13047", None]
        assert column(done, "events", "item_id") == ["1.0", "2.5", "3.0"]


def test_words_for_nothing_are_missing_but_a_title_may_read_none() -> None:
    with cleaned(only="missing_words", items=[item("1", "None", brand="n/a", price="NULL"), item("2", "nan", brand="NA-KD")]) as done:
        assert rows(done, "items") == [
            {"_row": 1, "item_id": "1", "title": "None", "brand": None, "price": None},
            {"_row": 2, "item_id": "2", "title": None, "brand": "NA-KD", "price": None},
        ]


@pytest.mark.parametrize(
    ("untidy", "text"),
    [
        ("Lamp &amp; shade", "Lamp & shade"),
        ("a<br/>b<b>c</b>", "a bc"),
        ("x &lt;b&gt;", "x"),
        ("<script>alert(1)</script>Lamp", "Lamp"),
        ("two\u3000\u3000spaces\there", "two spaces here"),
        ("&amp;nbsp;Lamp", "Lamp"),
        ("bell\x07", "bell"),
        ("5 < 6 and 7 > 3", "5 < 6 and 7 > 3"),
        ("AT&T R&D", "AT&T R&D"),
        ("１２Ｖ台燈 👩‍👧", "１２Ｖ台燈 👩‍👧"),
    ],
)
def test_markup_leaves_a_text_and_the_script_stays(untidy: str, text: str) -> None:
    assert tidy(untidy) == text
    assert tidy(text) == text


def test_only_untidy_titles_are_repaired_and_the_report_shows_before_and_after() -> None:
    titles = ["Lamp &amp; shade", "Lamp", "臺燈"]
    with cleaned(only="text", items=[item(str(place), title) for place, title in enumerate(titles)]) as done:
        assert column(done, "items", "title") == ["Lamp & shade", "Lamp", "臺燈"]
        (tally,) = [tally for tally in done.tallies if tally]
        (example,) = tally.examples
        assert (example.row, example.before, example.after) == (1, "title: Lamp &amp; shade", "title: Lamp & shade")
    assert UNTIDY.count("(") == UNTIDY.count(")")


def test_numbers_are_read_as_people_write_them() -> None:
    written = {
        "£1,234.50": 1234.5,
        "12,5": 12.5,
        "1.234,50": 1234.5,
        "１２．５": 12.5,
        "￥18.00": 18.0,
        "3 EUR": 3.0,
        "-3,000": -3000.0,
        "1e3": 1e3,
    }
    with cleaned(only="notation types", items=[item(cell, price=cell) for cell in written]) as done:
        assert {row["item_id"]: row["price"] for row in rows(done, "items")} == written
        assert touched(done, "notation") == (7, 0)


def test_an_unreadable_price_becomes_missing_and_an_unreadable_grade_rejects_its_row() -> None:
    tables = {"items": [item("1", price="cheap", in_stock="maybe"), item("2", price="1", in_stock="是")],
              "judgements": [{"query": "q", "item_id": "1", "grade": "good"}, {"query": "q", "item_id": "2", "grade": "3"}]}  # fmt: skip
    with cleaned(only="types", **tables) as done:
        assert column(done, "items", "price") == [None, 1.0]
        assert column(done, "items", "in_stock") == [None, 1.0]
        assert reasons(done, "judgements") == {1: "grade cannot be read as a number: good"}
        assert touched(done, "types") == (1, 1)


def test_event_words_of_other_shops_and_languages_become_ours_and_unknown_ones_are_rejected() -> None:
    words = ["View", "buy", "浏览", "purchase", "dance"]
    with cleaned(only="event_words", events=[event("u", "1", "2020-01-01", word) for word in words]) as done:
        assert column(done, "events", "type") == ["click", "purchase", "click", "purchase"]
        assert reasons(done, "events") == {5: "unknown event type: dance"}
        assert touched(done, "event_words") == (0, 1)  # a translation is no repair
        assert not any(done.tables["events"]["_repaired"].to_pyarrow().to_pylist())


def test_events_without_time_actor_or_item_are_rejected_each_with_its_reason() -> None:
    events = [
        event("u", "1", None), event(None, "1", "2020-01-01"), event("u", None, "2020-01-01"), event(None, "1", "2020-01-01",
        session_id="s"),
        event("u", None, "2020-01-01", "query", query="lamp"),
    ]  # fmt: skip
    with cleaned(only="required", events=events) as done:
        assert reasons(done, "events") == {1: "no timestamp", 2: "neither user_id nor session_id", 3: "no item_id"}
        assert len(rows(done, "events")) == 2


def test_in_a_log_without_the_column_of_items_only_queries_and_messages_are_kept() -> None:
    log = [{"user_id": "u", "timestamp": "2020-01-01", "type": kind, "query": "lamp"} for kind in ("query", "click", "message")]
    with cleaned(only="required", events=log) as done:
        assert reasons(done, "events") == {2: "no item_id"}
        assert column(done, "events", "type") == ["query", "message"]
