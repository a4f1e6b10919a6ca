"""Rows arrive as text with the right file and row number, whatever the file's form; what cannot be read is counted and told."""

from __future__ import annotations

import csv
import gzip
import json
import random
import sqlite3
from pathlib import Path

import duckdb
import pytest

from aisle.settings import Settings, Source
from tests.data.reading import EVENTS, ITEMS, read, write

SHOP = [("007", "Red lamp", 1), ("8", "Blue lamp", 2)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("items.csv", ITEMS),
        ("items.csv", ITEMS.replace("\n", "\r\n")),
        ("items.csv", ITEMS.replace("\n", "\r")),
        ("items.csv", ITEMS.rstrip("\n")),
        ("items.csv", ITEMS.replace("\n", "\n\n")),
        ("items.csv", ITEMS.replace(",", "\t")),
        ("items.txt", ITEMS.replace(",", ";")),
        ("items.tsv", ITEMS),
        ("items.csv", "sep=;\n" + ITEMS.replace(",", ";")),
        ("items.csv", '"item_id", "title"\n"007", "Red lamp"\n"8", "Blue lamp"\n'),
        ("items.csv", "\ufeff" + ITEMS),
        ("items.csv", ITEMS.encode("utf-16")),
        ("items.csv", ITEMS.encode("utf-16-le")),
        ("items.csv", ITEMS.encode("utf-16-be")),
        ("items.csv", ITEMS.replace("Red", "R\x00ed")),
        ("items.csv.gz", gzip.compress(ITEMS.encode(), mtime=0)),
        ("items.csv", gzip.compress(ITEMS.encode(), mtime=0)),
        ("items.csv.gz", ITEMS),
        ("items.csv.gz", gzip.compress(ITEMS[:20].encode(), mtime=0) + gzip.compress(ITEMS[20:].encode(), mtime=0)),
        ("items.jsonl", '{"item_id": "007", "title": "Red lamp"}\n\n{"title": "Blue lamp", "item_id": 8}'),
        ("items.json", '{"item_id": "007", "title": "Red lamp"}\r\n{"title": "Blue lamp", "item_id": 8}\r\n'),
        ("items.json", '[{"item_id": "007", "title": "Red lamp"},\n {"title": "Blue lamp", "item_id": 8}]'),
        ("items.json", '{\n "items": [{"item_id": "007", "title": "Red lamp"}, {"title": "Blue lamp", "item_id": 8}]}'),
        ("items.csv", '\ufeff{"item_id": "007", "title": "Red lamp"}\n{"title": "Blue lamp", "item_id": 8}'),
        ("ITEMS.CSV", ITEMS.replace("item_id", " Item ID ").replace("title", "TITLE")),
    ],
)
def test_every_form_gives_the_same_rows(tmp_path: Path, name: str, content: str | bytes) -> None:
    (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    found = read(tmp_path)
    assert found.rows("raw_items", "item_id", "title", "_row") == SHOP
    assert found.rows("raw_items", "_file") == [(name,), (name,)]
    assert found.tables.rows == {name: 2}
    assert found.connection.execute("SELECT * FROM source_rows").fetchall() == [(name, 2)]
    assert found.rejected == []


def test_parquet_keeps_whole_numbers_whole_and_joins_lists(tmp_path: Path) -> None:
    path = tmp_path / "items.parquet"
    duckdb.sql(
        "SELECT * FROM (VALUES (7.0::DOUBLE, 'Red', ['a', 'b'], 2.5::DOUBLE, TIMESTAMPTZ '2026-01-01 08:00:00+08'), (8.0, 'Blue', "
        "NULL, NULL, NULL)) "
        "t(item_id, title, category, price, created_at)"
    ).write_parquet(str(path))
    found = read(tmp_path)
    assert found.rows("raw_items", "item_id", "category", "price", "_row") == [("7", "a|b", "2.5", 1), ("8", None, None, 2)]
    assert str(found.rows("raw_items", "created_at")[0][0]).startswith("2026-01-01 00:00:00")


@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "big5", "utf-16"])
def test_chinese_encodings_are_told_and_said(tmp_path: Path, encoding: str) -> None:
    titles = ["補水保濕潤膚乳液", "經典紅色檯燈"] if encoding == "big5" else ["补水保湿滋润水润面霜", "红色复古台灯，护眼"]
    titles += ["㐂台灯"] if encoding == "gb18030" else []
    text = "item_id,title\n" + "".join(f"{row},{title} {row}\n" for row in range(200) for title in titles)
    found = read(write(tmp_path, items_csv=text.encode(encoding)))
    assert found.tables.files[0].encoding.lower().replace("-", "") == encoding.replace("-", "")
    assert found.tables.files[0].encoding in found.said
    assert found.rows("raw_items", "title")[0] == (f"{titles[0]} 0",)


def test_western_letters_are_not_taken_for_chinese(tmp_path: Path) -> None:
    text = "item_id,title\n1,Café au lait £5\n2,Crème brûlée – très bien\n"
    found = read(write(tmp_path, items_csv=text.encode("cp1252")))
    assert found.rows("raw_items", "title")[1] == ("Crème brûlée – très bien",)


def test_a_chinese_character_far_down_is_found(tmp_path: Path) -> None:
    text = ITEMS + "".join(f"{row},Lamp\n" for row in range(200_000)) + "x,红色台灯很好看\n"
    found = read(write(tmp_path, items_csv=text.encode("gbk")))
    assert found.rows("raw_items", "title")[-1] == ("红色台灯很好看",) and found.tables.rows == {"items.csv": 200_003}


def test_a_few_damaged_bytes_do_not_change_the_encoding(tmp_path: Path) -> None:
    text = "item_id,title\n" + "".join(f"{row},红色台灯\n" for row in range(50))
    found = read(write(tmp_path, items_csv=text.encode() + b"x,ab\xffc\n"))
    assert found.rows("raw_items", "title")[-1] == ("ab\ufffdc",) and "not valid UTF-8" in found.said
    assert found.rows("raw_items", "title")[0] == ("红色台灯",)


def test_ids_stay_as_written_and_emoji_survive(tmp_path: Path) -> None:
    found = read(write(tmp_path, items_csv="item_id,title\n00012,Lamp 💡\n1e5,Chair\n0x1,台灯\n"))
    assert found.rows("raw_items", "item_id", "title") == [("00012", "Lamp 💡"), ("1e5", "Chair"), ("0x1", "台灯")]


def test_an_empty_cell_is_missing_not_empty(tmp_path: Path) -> None:
    found = read(write(tmp_path, items_csv='item_id,title,brand\n1,Lamp,\n2,Chair,""\n'))
    assert found.rows("raw_items", "brand") == [(None,), (None,)]


def test_quoted_cells_hold_commas_quotes_and_line_ends(tmp_path: Path) -> None:
    found = read(write(tmp_path, items_csv='item_id,title\n1,"Lamp, ""red""\nsecond, line"\n2,5" pipe\n3,"Chair"\n'))
    assert found.rows("raw_items", "title", "_row") == [('Lamp, "red"\nsecond, line', 1), ('5" pipe', 2), ("Chair", 3)]
    assert found.rejected == []


def test_ragged_rows_are_rejected_and_the_others_keep_their_number(tmp_path: Path) -> None:
    found = read(write(tmp_path, items_csv="item_id,title\n1,Lamp\n2\n\n3,Chair\n4,Table,x\n5,Bed\n"))
    assert found.rows("raw_items", "item_id", "_row") == [("1", 1), ("3", 3), ("5", 5)]
    assert found.rows("rejected", "file", "row", "table_name", "reason", "content") == [
        ("items.csv", 2, "items", "1 cell where the header has 2", "2"),
        ("items.csv", 4, "items", "3 cells where the header has 2", "4,Table,x"),
    ]
    assert found.tables.rows == {"items.csv": 5}


@pytest.mark.parametrize("ending", ["", "9,Desk\n", '9,"Desk"\n'])
def test_an_open_quote_costs_its_own_line_only(tmp_path: Path, ending: str) -> None:
    found = read(write(tmp_path, items_csv='item_id,title\n1,Lamp\n2,"Chair\n3,Table\n4,Bed\n' + ending))
    assert [row for _, row in found.rows("raw_items", "item_id", "_row")] == [1, 3, 4, *([5] if ending else [])]
    assert found.rejected == [(2, "a quote is not closed")]


def test_broken_json_lines_are_rejected_and_the_others_kept(tmp_path: Path) -> None:
    lines = [
        '{"item_id": "1", "title": "Lamp"}',
        '{"item_id": "2", "ti',
        "[1, 2]",
        '{"item_id": 3.10, "title": "Chair", "tags": ["a", "b"], "new": true}',
    ]
    found = read(write(tmp_path, items_jsonl="\n".join(lines)))
    assert found.rows("raw_items", "item_id", "tags", "new", "_row") == [("1", None, None, 1), ("3.10", "a|b", "true", 4)]
    assert found.rejected == [(2, "no JSON object"), (3, "no JSON object")]


def test_rows_are_numbered_as_pythons_reader_numbers_them(tmp_path: Path) -> None:
    draw = random.Random(7)
    path = tmp_path / "items.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["item_id", "title", "description"])
        for row in range(1, 30_001):
            words = draw.choice(["plain", "with, comma", 'with "quotes"', "two\nlines", "三 灯"])
            writer.writerow([row, f"{words} {row}", "x" * draw.randrange(300), *(["more"] if row % 1_000 == 0 else [])])
    found = read(tmp_path)
    rows = found.rows("raw_items", "item_id", "_row")
    assert all(int(str(item)) == row for item, row in rows) and len(rows) == 29_970
    assert [row for row, _ in found.rejected] == list(range(1_000, 30_001, 1_000))


def test_further_columns_are_attributes_under_their_own_names(tmp_path: Path) -> None:
    found = read(write(tmp_path, items_csv="item_id,title,店名,Colour Name,_x\n1,Lamp,店,red,y\n"))
    assert found.columns("raw_items") == ["item_id", "title", "店名", "colour_name", "x", "_file", "_row"]


def test_double_and_blank_column_names_are_told_apart_and_said(tmp_path: Path) -> None:
    found = read(write(tmp_path, items_csv=",item_id,title,Brand,brand,brand\n0,1,Lamp,a,b,c\n"))
    assert found.rows("raw_items", "column_1", "brand", "brand_2", "brand_3") == [("0", "a", "b", "c")]
    assert "column 1 has no name" in found.said and "two columns are called `brand`" in found.said


def test_a_cell_more_than_the_header_in_every_row_gets_a_name(tmp_path: Path) -> None:
    found = read(write(tmp_path, items_csv="item_id,title\n1,Lamp,\n2,Chair,\n"))
    assert found.rows("raw_items", "item_id", "title") == [("1", "Lamp"), ("2", "Chair")]
    found = read(write(tmp_path, items_csv='"item_id","title"\n"1",7,"Lamp"\n"2",8,"Chair"\n'))
    assert found.rows("raw_items", "column_1", "item_id", "title") == [("1", "7", "Lamp"), ("2", "8", "Chair")]


def test_files_by_name_give_way_to_sources(tmp_path: Path) -> None:
    write(tmp_path, items_csv=ITEMS, events_csv=EVENTS, goods_csv="sku,name\n5,Desk\n")
    found = read(tmp_path, Source(file="goods.csv", table="items", columns={"item_id": "sku", "title": "name"}))
    assert found.rows("raw_items", "item_id", "_file") == [("5", "goods.csv")]
    assert found.tables.rows == {"goods.csv": 1, "events.csv": 1}


def test_files_outside_and_several_of_a_kind(tmp_path: Path) -> None:
    shop, log = tmp_path / "shop", tmp_path / "log"
    shop.mkdir()
    log.mkdir()
    write(shop, items_csv=ITEMS)
    write(log, jan_csv=EVENTS, feb_csv=EVENTS.replace("click", "cart") + "2026-02-02,click,8,u2\n")
    for pattern in (str(log / "*.csv"), "../log/*.csv"):
        found = read(shop, Source(file=pattern, table="events"))
        assert [(row, kind) for row, kind in found.rows("raw_events", "_row", "type")] == [(1, "cart"), (2, "click"), (1, "click")]


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_a_table_of_a_database_is_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "shop.db"
    connect = sqlite3.connect if kind == "sqlite" else duckdb.connect
    database = connect(str(path))
    database.execute('CREATE TABLE "the goods" (sku INTEGER, name TEXT, price DOUBLE PRECISION)')
    database.execute("INSERT INTO \"the goods\" VALUES (7, 'Lamp', 2.5), (8, 'Chair', NULL)")
    database.commit()
    database.close()
    for place in (f"{kind}:///shop.db", f"{kind}:///{path}#the goods"):
        found = read(tmp_path, Source(file=place, table="items", columns={"item_id": "sku", "title": "name"}, where="sku < 8"))
        assert found.rows("raw_items", "item_id", "title", "price", "_row") == [("7", "Lamp", "2.5", 1)]
        assert found.tables.rows == {place: 2}


def test_names_with_quotes_are_safe(tmp_path: Path) -> None:
    (tmp_path / "it\"em's;.csv").write_text('a"b,"na\'me; --"\n1,Lamp\n')
    given = Source(file="it\"em's;.csv", table="items", columns={"item_id": 'a"b', "title": "na'me; --"})
    assert read(tmp_path, given).rows("raw_items", "item_id", "title") == [("1", "Lamp")]


def test_online_retail_feeds_two_tables_row_by_row(real_data: Path, tmp_path: Path) -> None:
    file = str(real_data / "online_retail" / "online_retail.csv.gz")
    items = Source(file=file, table="items", columns={"item_id": "StockCode", "title": "Description"})
    named = {"timestamp": "InvoiceDate", "type": "InvoiceNo", "item_id": "StockCode", "user_id": "CustomerID"}
    events = Source(file=file, table="events", columns=named, types={"C*": "return", "*": "purchase"})
    found = read(tmp_path, items, events)
    counts = found.connection.execute("SELECT type, count(*) FROM raw_events GROUP BY type ORDER BY type").fetchall()
    with gzip.open(file, "rt", encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    returns = sum(row["InvoiceNo"].startswith("C") for row in rows)
    assert counts == [("purchase", len(rows) - returns), ("return", returns)]
    for number in (1, 1_455, 299_984, len(rows)):
        given = found.connection.execute("SELECT item_id, title FROM raw_items WHERE _row = ?", [number]).fetchall()
        assert given == [(rows[number - 1]["StockCode"], rows[number - 1]["Description"] or None)]


def test_settings_without_sources_read_what_is_named(tmp_path: Path) -> None:
    write(tmp_path, items_csv=ITEMS, judgements_jsonl=json.dumps({"query": "lamp", "item_id": "007", "grade": 3}))
    assert Settings().sources == ()
    assert read(tmp_path).rows("raw_judgements", "query", "grade") == [("lamp", "3")]
