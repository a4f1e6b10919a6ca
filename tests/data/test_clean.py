"""The accounting of the cleaning: every row of every file is kept, repaired or rejected, and each rejected one has a reason."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from aisle.core.errors import SettingsError
from aisle.data.clean import Cleaned
from aisle.data.report import FileCount, account, rejected_rows
from aisle.data.rules.order import RULES
from aisle.settings import Cleaning
from tests.data.shops import Row, cleaned, column, event, item, rows

IDS = some.sampled_from(["1", "2", " 2", "03", "POST", None])
CELLS = some.sampled_from(["5", "-5", "0", "nan", "inf", "1,000", "x", "", None, "80995"])
TIMES = some.sampled_from(["2020-01-01", "2020-01-02 10:00", "0", "1577836800000", "31/12/2020", "soon", None])
ITEMS = some.fixed_dictionaries(
    {"item_id": IDS, "title": some.sampled_from(["Lamp", "LAMP", " Lamp &amp; shade", None, "damaged"]), "price": CELLS}
)
EVENTS = some.fixed_dictionaries(
    {
        "timestamp": TIMES, "type": some.sampled_from(["purchase", "return", "buy", "dance", None]), "item_id": IDS,
        "user_id": some.sampled_from(["u", "v", None]), "session_id": some.sampled_from(["s", None]), "quantity": CELLS, "price": CELLS,
    }
)  # fmt: skip


def check_books(done: Cleaned, read: dict[str, int]) -> dict[str, FileCount]:
    """The identity, and that the listed rejected rows are just those counted, each once and with a reason."""
    books = account(done, read)
    listed = rejected_rows(done).to_pyarrow().to_pylist()
    for name, count in books.items():
        assert count.read == count.kept + count.repaired + count.rejected == read[name]
        assert min(count.kept, count.repaired, count.rejected) >= 0
        mine = [row["row"] for row in listed if row["file"] == name]
        assert len(mine) == len(set(mine)) == count.rejected
    assert all(row["reason"] and row["rule"] for row in listed)
    return books


@given(some.lists(ITEMS, min_size=1, max_size=12), some.lists(EVENTS, min_size=1, max_size=12), some.booleans())
@settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_rows_read_are_kept_repaired_or_rejected_whatever_the_dirt(items: list[Row], events: list[Row], one_file: bool) -> None:
    if one_file:
        read = {"invoices.csv": max(len(items), len(events))}
        length = min(len(items), len(events))
        read = {"invoices.csv": length}
        with cleaned(file="invoices.csv", items=items[:length], events=events[:length]) as done:
            check_books(done, read)
    else:
        with cleaned(items=items, events=events) as done:
            check_books(done, {"items.csv": len(items), "events.csv": len(events)})


def dirty(count: int) -> list[tuple[Row, Row]]:
    """Invoice lines as an item row and an event row each, with copies, returns, services, free lines and bad cells among them."""
    draw = random.Random(5)
    lines = []
    for _ in range(count):
        code = draw.choice([f"8{draw.randrange(30):03}" for _ in range(9)] + ["POST"])
        kind = draw.choice(["purchase"] * 5 + ["return"])
        price = draw.choice(["2.50", "2.50", "£3", "0", "free"])
        day = f"2020-0{draw.randint(1, 9)}-11"
        told = event(
            draw.choice(["u", "v", "w", None]), code, day, kind, quantity=draw.choice(["1", "2", "-2"]), price=price, session_id=day
        )
        lines.append((item(code, draw.choice([f"Lamp {code}", f"LAMP  {code}", "wrong"]), price=price), told))
    return lines


def test_the_books_balance_on_an_invoice_file_that_feeds_items_and_events() -> None:
    lines = dirty(400)
    with cleaned(file="invoices.csv", items=[one for one, _ in lines], events=[two for _, two in lines]) as done:
        (count,) = check_books(done, {"invoices.csv": 400}).values()
        assert min(count.kept, count.repaired, count.rejected) > 0
        kept = {row["_row"] for table in ("items", "events") for row in rows(done, table)}
        assert len(kept) == count.kept + count.repaired
        done_something = {tally.rule for tally in done.tallies if tally}
        assert {"notation", "types", "duplicates", "stock_corrections", "cancellations", "same_item", "text"} <= done_something


def test_a_row_that_no_source_takes_or_that_could_not_be_read_is_rejected() -> None:
    with cleaned(only="spaces", items=[item("1"), item("2")]) as done:
        assert account(done, {"items.csv": 5})["items.csv"] == FileCount(5, 2, 0, 3)


def test_a_copied_line_is_rejected_as_a_copy_and_not_as_an_item_told_twice() -> None:
    one, two = item("1", "Lamp"), event("u", "1", "2020-01-01")
    with cleaned(only="duplicates same_item", file="invoices.csv", items=[one, one], events=[two, two]) as done:
        (lost,) = rejected_rows(done).to_pyarrow().to_pylist()
        assert (lost["row"], lost["rule"], lost["reason"]) == (2, "duplicates", "exact copy of invoices.csv row 1")
        assert lost["content"] == "user_id=u; item_id=1; timestamp=2020-01-01; type=purchase; "


def test_a_rule_switched_off_does_nothing() -> None:
    with cleaned(cleaning=Cleaning(off=("spaces",)), items=[item(" 1 ", price="0")]) as done:
        assert rows(done, "items") == [{"_row": 1, "item_id": " 1 ", "title": "Lamp", "price": None}]


def test_with_all_rules_off_every_row_is_kept_and_unreadable_cells_are_missing() -> None:
    names = tuple({rule.name for rule in RULES})
    with cleaned(cleaning=Cleaning(off=names), items=[item("1", None, price="x"), item("1", None, price="x")]) as done:
        assert column(done, "items", "price") == [None, None]
        assert done.tallies == []


def test_an_unknown_rule_in_the_settings_is_named_with_those_there_are() -> None:
    with (
        pytest.raises(SettingsError, match=r"no rule: sweep.*cancellations"),
        cleaned(cleaning=Cleaning(off=("sweep",)), items=[item("1")]),
    ):
        pass


def test_every_rule_has_a_name_of_its_own_and_says_what_it_does() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert all(rule.says and rule.apply.__doc__ for rule in RULES)


def test_at_most_three_examples_of_each_kind_are_kept_with_file_and_row() -> None:
    with cleaned(
        only="spaces required", items=[*(item(f" {place}") for place in range(5)), *(item(str(place), None) for place in range(5))]
    ) as done:
        spaces, required = (tally for tally in done.tallies if tally)
        assert [(example.row, example.before, example.after) for example in spaces.examples] == [
            (place + 1, f"item_id:  {place}", f"item_id: {place}") for place in range(3)
        ]
        assert [(example.row, example.reason) for example in required.examples] == [(6, "no title"), (7, "no title"), (8, "no title")]


def test_two_files_of_one_table_are_counted_apart() -> None:
    with cleaned(
        only="required", items=[item("1"), item("2", None)], events=[event("u", "1", "2020-01-01"), event("u", "1", None)]
    ) as done:
        assert account(done, {"items.csv": 2, "events.csv": 2}) == {"items.csv": FileCount(2, 1, 0, 1), "events.csv": FileCount(2, 1, 0, 1)}
