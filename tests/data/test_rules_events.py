"""Rules on whole events: copies, codes that are no products, stock corrections, cancellations, outliers."""

from __future__ import annotations

import pytest

from aisle.settings import Cleaning
from tests.data.shops import Row, cleaned, column, event, item, reasons, rows, touched


def trade(day: int, kind: str, quantity: float, user: str = "u", item_id: str = "1") -> Row:
    return event(user, item_id, f"2020-01-{day:02}", kind, quantity=str(quantity))


def test_an_exact_copy_is_rejected_and_names_the_first() -> None:
    one = event("u", "1", "2020-01-01", quantity="2")
    with cleaned(only="duplicates", events=[one, one, {**one, "quantity": "3"}, one, {**one, "quantity": None}]) as done:
        assert reasons(done, "events") == {2: "exact copy of events.csv row 1", 4: "exact copy of events.csv row 1"}


def test_cells_that_run_together_are_no_copy() -> None:
    with cleaned(only="duplicates", users=[{"user_id": "a", "x": "b", "y": None}, {"user_id": "a", "x": None, "y": "b"}]) as done:
        assert len(rows(done, "users")) == 2


def test_the_same_event_id_twice_is_one_event_and_a_missing_one_says_nothing() -> None:
    events = [event("u", "1", "2020-01-01", event_id="e"), event("v", "2", "2020-01-02", event_id="e")]
    events += [event("u", "1", "2020-01-03"), event("u", "1", "2020-01-03")]
    with cleaned(only="repeated_ids", events=events) as done:
        assert reasons(done, "events") == {2: "same event_id as events.csv row 1"}


@pytest.mark.parametrize("other", ["a1", "A 1", "a\u30001"])
def test_ids_that_differ_in_case_or_spaces_are_said_and_both_kept(other: str) -> None:
    with cleaned(only="case_twins", items=[item("A1"), item(other), item("b")]) as done:
        assert column(done, "items", "item_id") == ["A1", other, "b"]
        assert done.counts == {"items.item_id differing in case or spaces only": 1}
        assert "A1" in done.remarks[0] and other in done.remarks[0]


def test_events_whose_item_is_known_but_for_case_or_spaces_are_told_which_it_is() -> None:
    events = [event("u", code, "2020-01-01") for code in ("A1", "a 1", "ghost")]
    with cleaned(only="case_twins", items=[item("A1"), item("b")], events=events) as done:
        assert column(done, "events", "item_id") == ["A1", "a 1", "ghost"]
        (said,) = done.remarks
        assert "1 item_ids are those of items but for case or spaces, as a 1 (A1)" in said


CODES = [item(f"8{place:04}", f"Lamp {place}") for place in range(200)]


SERVICES = {"POST": "POSTAGE", "M": "Manual", "BANK CHARGES": "Bank Charges", "C2": "CARRIAGE", "gift_0001_20": "Gift Voucher 20",
            "AMAZONFEE": "AMAZON FEE", "99999": "Next Day Carriage", "YF": "运费", "PADS": "PADS TO MATCH"}  # fmt: skip
ODD_PRODUCTS = {"DCGSSBOY": "BOYS PARTY BAG", "85123A": "CARRIAGE CLOCK", "90001": "Postage stamp lamp"}


def test_codes_that_are_no_products_are_found_and_odd_products_stay() -> None:
    items = [*CODES, *(item(code, title) for code, title in (SERVICES | ODD_PRODUCTS).items())]
    events = [event("u", code, "2020-01-01") for code in SERVICES | ODD_PRODUCTS]
    with cleaned(only="non_products", items=items, events=events) as done:
        assert column(done, "items", "item_id")[len(CODES) :] == list(ODD_PRODUCTS)
        assert column(done, "events", "item_id") == list(ODD_PRODUCTS)
        told = [f"not a product: {code} ({title})" for code, title in SERVICES.items()]
        assert list(reasons(done, "events").values()) == told


def test_a_code_in_full_width_digits_is_as_good_as_another() -> None:
    with cleaned(only="non_products", items=[*CODES, item("１２３", "Lamp")]) as done:
        assert len(rows(done, "items")) == len(CODES) + 1


def test_a_shop_whose_codes_are_mostly_words_has_no_suspects() -> None:
    with cleaned(only="non_products", items=[*CODES[:30], *(item(f"LAMP{'X' * place}") for place in range(30)), item("M", "Mug")]) as done:
        assert len(rows(done, "items")) == 61


def test_short_codes_are_products_where_codes_are_words() -> None:
    with cleaned(only="non_products", items=[item("RED"), item("BLUE"), item("1")]) as done:
        assert len(rows(done, "items")) == 3


def test_codes_named_in_the_settings_are_no_products() -> None:
    with cleaned(cleaning=Cleaning(non_product_codes=("RED",)), items=[item("RED"), item("BLUE", "Vase")]) as done:
        assert column(done, "items", "item_id") == ["BLUE"]


def test_a_purchase_below_zero_is_a_return_at_a_price_and_else_a_stock_correction() -> None:
    events = [
        event("u", "1", "2020-01-01", quantity="-2", price="3"),
        event(None, "1", "2020-01-01", quantity="-2", price="0", session_id="s"),
    ]
    with cleaned(only="stock_corrections", events=events) as done:
        assert [(row["type"], row["quantity"]) for row in rows(done, "events")] == [("return", 2.0)]
        assert reasons(done, "events") == {2: "stock correction: a purchase of -2.0 at no price"}


def test_a_number_too_large_to_be_held_becomes_missing() -> None:
    with cleaned(only="event_numbers", events=[event("u", "1", "2020-01-01", price=cell, rank="1e39") for cell in ("1e300", "3")]) as done:
        assert column(done, "events", "price") == [None, 3.0]
        assert column(done, "events", "rank") == [None, None]


def test_impossible_numbers_become_missing_and_the_event_stays() -> None:
    events = [event("u", str(place), "2020-01-01", price=price, quantity="0") for place, price in enumerate(("inf", "-1", "0", "2"))]
    with cleaned(only="event_numbers", events=events) as done:
        assert column(done, "events", "price") == [None, None, None, 2.0]
        assert column(done, "events", "quantity") == [None] * 4


CANCELLATIONS: dict[str, tuple[list[Row], list[float], dict[int, int]]] = {
    "whole": ([trade(1, "purchase", 5), trade(2, "return", 5)], [], {1: 2}),
    "part": ([trade(1, "purchase", 5), trade(2, "return", 2)], [3.0], {}),
    "in two parts": ([trade(1, "purchase", 5), trade(2, "return", 2), trade(3, "return", 3)], [], {1: 2}),
    "a return before the purchase": ([trade(1, "return", 5), trade(2, "purchase", 5)], [5.0], {}),
    "the latest one": ([trade(1, "purchase", 5), trade(2, "purchase", 5), trade(3, "return", 5)], [5.0], {2: 3}),
    "the one of that quantity": ([trade(1, "purchase", 5), trade(2, "purchase", 7), trade(3, "return", 5)], [7.0], {1: 3}),
    "once only": ([trade(1, "purchase", 5), trade(2, "return", 5), trade(3, "return", 5)], [], {1: 2}),
    "an earlier return is no debt": ([trade(1, "return", 5), trade(2, "purchase", 5), trade(3, "return", 5)], [], {2: 3}),
    "another user's": ([trade(1, "purchase", 5), trade(2, "return", 5, user="v")], [5.0], {}),
    "another item's": ([trade(1, "purchase", 5), trade(2, "return", 5, item_id="2")], [5.0], {}),
    "more than was bought": ([trade(1, "purchase", 5), trade(2, "return", 9)], [], {1: 2}),
}
"""Case: what was traded, the quantities left of purchases, and which row cancelled which (within the case, from 1)."""


@pytest.fixture(scope="module")
def settled() -> tuple[list[dict[str, object]], dict[int, str]]:
    """All cases cleaned in one log, each with users of its own."""
    trades = [{**row, "user_id": f"{case}: {row['user_id']}"} for case, told in CANCELLATIONS.items() for row in told[0]]
    with cleaned(only="cancellations", events=trades) as done:
        return rows(done, "events"), reasons(done, "events")


@pytest.mark.parametrize("case", CANCELLATIONS)
def test_a_return_cancels_the_purchase_it_belongs_to(case: str, settled: tuple[list[dict[str, object]], dict[int, str]]) -> None:
    trades, left, cancelled = CANCELLATIONS[case]
    before = sum(len(told[0]) for told in list(CANCELLATIONS.values())[: list(CANCELLATIONS).index(case)])
    kept = [row for row in settled[0] if str(row["user_id"]).startswith(f"{case}: ")]
    assert [row["quantity"] for row in kept if row["type"] == "purchase"] == left
    assert sum(row["type"] == "return" for row in kept) == sum(one["type"] == "return" for one in trades)
    found = {row - before: why for row, why in settled[1].items() if before < row <= before + len(trades)}
    assert found == {row: f"cancelled by events.csv row {by + before}" for row, by in cancelled.items()}


def test_without_quantities_a_return_cancels_one_purchase() -> None:
    with cleaned(only="cancellations", events=[event("u", "1", "2020-01-01"), event("u", "1", "2020-01-02", "return")]) as done:
        assert reasons(done, "events") == {1: "cancelled by events.csv row 2"}


def test_a_quantity_of_80995_becomes_missing_and_the_purchase_stays() -> None:
    usual = [event(f"u{place}", "1", "2020-01-01", quantity=str(1 + place % 6), price="2.5") for place in range(20)]
    odd = [event("x", "1", "2020-01-01", quantity="80995", price="38970"), event("y", "2", "2020-01-01", quantity="70000", price="3")]
    with cleaned(only="quantity_outliers price_outliers", events=[*usual, *odd]) as done:
        assert column(done, "events", "quantity")[-2:] == [None, None]
        assert column(done, "events", "price")[-2:] == [None, 3.0]
        assert len(rows(done, "events")) == 22
        assert touched(done, "quantity_outliers") == (2, 0)


def test_a_bound_in_the_settings_goes_before_what_the_data_says() -> None:
    events = [event("u", str(place), "2020-01-01", quantity=str(place + 1)) for place in range(5)]
    with cleaned(cleaning=Cleaning(quantity_limit=3), events=events) as done:
        assert column(done, "events", "quantity") == [1.0, 2.0, 3.0, None, None]
