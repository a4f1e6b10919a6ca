"""Rules on items and judgements: one row an item, whatever the file tells how often."""

from __future__ import annotations

from tests.data.shops import cleaned, column, event, item, reasons, rows, touched


def test_of_several_rows_of_an_item_the_newest_wins_and_without_a_time_the_last() -> None:
    dated = [
        item("1", "old", update_time="2016-11-05"),
        item("1", "new", update_time="2016-11-14"),
        item("1", "mid", update_time="2016-11-09"),
    ]
    with cleaned(only="same_item", items=dated) as done:
        assert column(done, "items", "title") == ["new"]
        assert reasons(done, "items") == {1: "older row of the same item", 3: "older row of the same item"}
    with cleaned(only="same_item", items=[item("1", "first"), item("1", "last"), item("2")]) as done:
        assert column(done, "items", "title") == ["last", "Lamp"]


def test_an_item_came_into_the_shop_at_the_earliest_date_and_never_in_1970() -> None:
    told = [item("1", "new", created_at="2016-11-14"), item("1", "old", created_at="2016-11-05"), item("2", "undated", created_at="0")]
    with cleaned(only="item_times same_item", items=told) as done:
        assert [(row["title"], row["created_at"]) for row in rows(done, "items")] == [("new", 1478304000.0), ("undated", None)]


def test_several_spellings_of_one_title_are_said() -> None:
    with cleaned(only="spellings", items=[item("1", "Lamp"), item("1", "LAMP"), item("2"), item("2")]) as done:
        assert done.counts == {"items with several spellings of their title": 1}
        assert "1: LAMP / Lamp" in done.remarks[0]


def test_of_two_rows_of_one_user_the_last_counts() -> None:
    with cleaned(only="same_user", users=[{"user_id": "u", "town": "A"}, {"user_id": "u", "town": "B"}]) as done:
        assert column(done, "users", "town") == ["B"]


def test_an_invoice_file_gives_the_commonest_title_and_the_median_price() -> None:
    told = [("Lamp", "1"), ("LAMP", "2"), ("LAMP", "9")]
    items = [item("1", title, price=price) for title, price in told]
    events = [event(f"u{place}", "1", "2020-01-01") for place in range(3)]
    with cleaned(only="same_item", file="invoices.csv", items=items, events=events) as done:
        assert rows(done, "items") == [{"_row": 1, "item_id": "1", "title": "LAMP", "price": 2.0}]
        assert touched(done, "same_item") == (1, 0)
        assert len(rows(done, "events")) == 3


def test_a_stock_correction_names_no_item() -> None:
    items = [item("1", "Lamp", price="2"), item("1", "damaged", price="0"), item("1", "damaged", price="0"), item("2", "lost", price="0")]
    events = [event("u", "1", "2020-01-01", quantity="1", price="2")]
    events += [event(None, row["item_id"], "2020-01-02", quantity="-9", price="0", session_id="s") for row in items[1:]]
    with cleaned(only="stock_corrections void_lines same_item", file="invoices.csv", items=items, events=events) as done:
        assert [(row["item_id"], row["title"]) for row in rows(done, "items")] == [("1", "Lamp")]


def test_prices_that_cannot_be_become_missing() -> None:
    with cleaned(
        only="item_prices", items=[item(str(place), price=price) for place, price in enumerate(("inf", "nan", "-1", "0", "38970"))]
    ) as done:
        assert column(done, "items", "price") == [None, None, None, None, 38970.0]


def test_a_query_stands_in_one_split_and_test_goes_first() -> None:
    splits = [("q", "train"), ("q", "test"), ("r", "Train"), ("s", "other"), ("red lamp", "train"), (" Red  LAMP", "dev")]
    with cleaned(
        only="one_split", judgements=[{"query": q, "item_id": str(i), "grade": "1", "split": s} for i, (q, s) in enumerate(splits)]
    ) as done:
        assert column(done, "judgements", "split") == ["test", "test", "train", None, "dev", "dev"]


def test_a_grade_that_no_32_bits_hold_is_rejected_and_ends_nothing() -> None:
    rows = [{"query": "q", "item_id": str(place), "grade": grade} for place, grade in enumerate(("1", "1e300", "nan", "-2"))]
    with cleaned(only="grades", judgements=rows) as done:
        assert column(done, "judgements", "grade") == [1.0, -2.0]
        assert set(reasons(done, "judgements")) == {2, 3}


def test_the_last_grade_of_a_pair_counts() -> None:
    with cleaned(only="graded_twice", judgements=[{"query": "q", "item_id": "1", "grade": grade} for grade in ("1", "3")]) as done:
        assert column(done, "judgements", "grade") == [3.0]
        assert reasons(done, "judgements") == {1: "an earlier grade of the same pair"}
