"""A source's columns, constants, types and condition turn a user's own file into ours; no row is lost without a word."""

from __future__ import annotations

from pathlib import Path

import pytest

from aisle.settings import Source
from tests.data.reading import Read, read, write

ORDERS = (
    "no,sku,name,Qty,when,who\nC1,a,Lamp,-1,2026-01-01,u\n2,b,Chair,3,2026-01-02,u\n3,b,Chair,x,2026-01-03,\n9%_,c,Desk,20,2026-01-04,v\n"
)
EVENTS = {"timestamp": "when", "type": "no", "item_id": "sku", "user_id": "who", "session_id": "no"}


def orders(folder: Path, **given: object) -> Read:
    """The orders as events."""
    source = {"file": "orders.csv", "table": "events", "columns": EVENTS} | given
    return read(write(folder, orders_csv=ORDERS), Source.model_validate(source))


def test_one_column_may_fill_two_and_types_go_by_name_or_beginning(tmp_path: Path) -> None:
    found = orders(tmp_path, types={"*": "purchase", "9%_": "cart", "C*": "return"})
    # written order decides between patterns, an exact name goes before any
    assert found.rows("raw_events", "type", "session_id") == [("purchase", "C1"), ("purchase", "2"), ("purchase", "3"), ("cart", "9%_")]
    found = orders(tmp_path, types={"C*": "return", "%*": "click", "*": "purchase"})
    assert found.rows("raw_events", "type") == [("return",), ("purchase",), ("purchase",), ("purchase",)]


def test_types_that_do_not_fit_stay_as_they_are(tmp_path: Path) -> None:
    assert orders(tmp_path, types={"2": "buy"}).rows("raw_events", "type") == [("C1",), ("buy",), ("3",), ("9%_",)]


def test_constants_fill_a_column(tmp_path: Path) -> None:
    columns = {name: theirs for name, theirs in EVENTS.items() if name != "type"}
    found = orders(tmp_path, columns=columns, constants={"type": "purchase", "surface": "till's"})
    assert set(found.rows("raw_events", "type", "surface")) == {("purchase", "till's")}


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ("no NOT LIKE 'C%'", [2, 3, 4]),
        ("Qty > 0", [2, 4]),
        ("qty > 0 AND sku = 'b'", [2]),
        ("who IS NOT NULL", [1, 2, 4]),
        ("\"when\" >= DATE '2026-01-02' -- later", [2, 3, 4]),
        ("TRY_CAST(Qty AS DOUBLE) IS NULL", [3]),
        ("", [1, 2, 3, 4]),
    ],
)
def test_conditions_are_on_their_columns_as_text_numbers_or_times(tmp_path: Path, where: str, rows: list[int]) -> None:
    if "Qty > 0" in where or "qty > 0" in where:
        more = "".join(f"5{row},b,Chair,0,2026-01-05,u\n" for row in range(20))  # enough numbers to be a column of numbers
        write(tmp_path, orders_csv=ORDERS + more)
        found = read(tmp_path, Source(file="orders.csv", table="events", columns=EVENTS, where=where))
        assert len(found.rejected) == 24 - len(rows)
    else:
        found = orders(tmp_path, where=where)
        assert found.rejected == [(row, "no source takes this row") for row in range(1, 5) if row not in rows]
    assert [row for (row,) in found.rows("raw_events", "_row")] == rows


def test_a_row_that_no_source_takes_is_rejected_with_its_content(tmp_path: Path) -> None:
    found = orders(tmp_path, where="sku <> 'a'")
    assert found.rows("rejected", "file", "row", "table_name", "content") == [("orders.csv", 1, "events", "C1,a,Lamp,-1,2026-01-01,u")]
    assert found.tables.rows == {"orders.csv": 4}


def test_one_file_feeds_two_tables_with_the_same_row_numbers(tmp_path: Path) -> None:
    items = Source(file="orders.csv", table="items", columns={"item_id": "sku", "title": "name"}, where="sku <> 'c'")
    events = Source(file="./orders.csv", table="events", columns=EVENTS, where="sku <> 'a'")
    found = read(write(tmp_path, orders_csv=ORDERS), items, events)
    assert found.rows("raw_items", "item_id", "_row") == [("a", 1), ("b", 2), ("b", 3)]
    assert found.rows("raw_events", "item_id", "_row") == [("b", 2), ("b", 3), ("c", 4)]
    assert found.rejected == [] and found.tables.rows == {"orders.csv": 4}


def test_of_a_shared_file_a_table_takes_only_what_is_its_own(tmp_path: Path) -> None:
    items = Source(file="orders.csv", table="items", columns={"item_id": "sku", "title": "name"})
    found = read(write(tmp_path, orders_csv=ORDERS), items, Source(file="orders.csv", table="events", columns=EVENTS))
    assert found.columns("raw_items") == ["item_id", "title", "_file", "_row"]
    alone = read(tmp_path, items)
    assert alone.columns("raw_items") == ["item_id", "title", "no", "Qty", "when", "who", "_file", "_row"]


def test_several_files_feed_one_table_by_column_name(tmp_path: Path) -> None:
    write(tmp_path, a_csv="item_id,title,brand\n1,Lamp,X\n", b_csv="title,item_id,colour\nDesk,2,red\n")
    found = read(tmp_path, Source(file="a.csv", table="items"), Source(file="b.csv", table="items"))
    assert found.rows("raw_items", "item_id", "title", "brand", "colour") == [("1", "Lamp", "X", None), ("2", "Desk", None, "red")]


def test_sources_of_one_file_and_table_may_divide_its_rows(tmp_path: Path) -> None:
    first = Source(file="orders.csv", table="events", columns=EVENTS, where="sku = 'a'")
    second = Source(file="orders.csv", table="events", columns=EVENTS, where="sku = 'b'")
    found = read(write(tmp_path, orders_csv=ORDERS), first, second)
    assert [row for (row,) in found.rows("raw_events", "_row")] == [1, 2, 3]
    assert found.rejected == [(4, "no source takes this row")]


def test_a_template_joins_columns_and_leaves_out_what_is_missing(tmp_path: Path) -> None:
    write(tmp_path, goods_csv="id,kind,group,size\n1,Ice,Frozen,22 LB\n2,,Frozen,\n3,,,\n")
    columns = {"item_id": "id", "title": "{kind} {size}", "category": "{group} > {kind}"}
    found = read(tmp_path, Source(file="goods.csv", table="items", columns=columns))
    assert found.rows("raw_items", "title", "category") == [("Ice 22 LB", "Frozen > Ice"), (None, "Frozen"), (None, None)]


def test_a_file_without_a_header_is_named_by_place(tmp_path: Path) -> None:
    write(tmp_path, u_data="1\t242\t3\t881250949\n2\t302\t5\t891717742\n")
    columns = {"user_id": "column_1", "item_id": "column_2", "rating": "column_3", "timestamp": "column_4"}
    found = read(tmp_path, Source(file="u.data", table="events", columns=columns, constants={"type": "rating"}))
    assert found.rows("raw_events", "user_id", "item_id", "rating", "_row") == [("1", "242", "3", 1), ("2", "302", "5", 2)]


def test_a_double_colon_cuts_cells(tmp_path: Path) -> None:
    write(tmp_path, r_dat="1::1193::5::978300760\n1::661::3::978302109\n7::1\n")
    columns = {"user_id": "column_1", "item_id": "column_2", "rating": "column_3", "timestamp": "column_4"}
    found = read(tmp_path, Source(file="r.dat", table="events", columns=columns, constants={"type": "rating"}))
    assert found.rows("raw_events", "item_id", "timestamp") == [("1193", "978300760"), ("661", "978302109")]
    assert found.rejected == [(3, "2 cells where the header has 4")]


def test_our_own_names_need_no_mapping_whatever_their_case(tmp_path: Path) -> None:
    write(tmp_path, goods_csv="SKU,Title,PRICE\n1,Lamp,3\n")
    found = read(tmp_path, Source(file="goods.csv", table="items", columns={"item_id": "sku"}))
    assert found.rows("raw_items", "item_id", "title", "price") == [("1", "Lamp", "3")]
