"""Bad input: each is refused, or read as far as it can be, with a message that names the file, what is wrong and the mend."""

from __future__ import annotations

import gzip
import sqlite3
from pathlib import Path

import pytest

from aisle.core.errors import AisleError, InputError, SettingsError
from aisle.settings import Source
from tests.data.reading import EVENTS, ITEMS, read, write


def refused(folder: Path, *sources: Source) -> AisleError:
    """The error that reading ends with."""
    with pytest.raises(AisleError) as caught:
        read(folder, *sources)
    assert caught.value.mend, "every message says how to mend it"
    return caught.value


def test_a_wrong_column_is_named_with_those_there_and_the_nearest(tmp_path: Path) -> None:
    error = refused(write(tmp_path, items_csv="item_id,titel\n1,Lamp\n"))
    assert isinstance(error, InputError)
    assert "items.csv" in error.what and "`title`" in error.what and "item_id, titel" in error.what
    assert "titel" in error.mend


def test_events_without_a_type_say_how_a_constant_gives_it(tmp_path: Path) -> None:
    error = refused(write(tmp_path, items_csv=ITEMS, events_csv="timestamp,item_id,user_id\n1,007,u\n"))
    assert "events.csv" in error.what and "`type`" in error.what and "constants" in error.mend


def test_events_need_a_time_or_an_order_and_a_user_or_a_session(tmp_path: Path) -> None:
    assert "`timestamp` (or `order`)" in refused(write(tmp_path, events_csv="type,item_id,user_id\nclick,1,u\n")).what
    assert "`user_id` (or `session_id`)" in refused(write(tmp_path, events_csv="type,item_id,order\nclick,1,1\n")).what


def test_events_need_an_item_a_query_or_a_text(tmp_path: Path) -> None:
    error = refused(write(tmp_path, events_csv="timestamp,type,itemid,user_id\n1,click,7,u\n"))
    assert "`item_id` (or `query`) (or `text`)" in error.what and "`itemid`" in error.mend


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff", "item_id,title\n", "item_id,title"])
def test_items_without_rows_are_refused(tmp_path: Path, content: str) -> None:
    assert "items.csv" in refused(write(tmp_path, items_csv=content)).what


@pytest.mark.parametrize(("content", "said"), [("", "empty"), ("timestamp,type,item_id,user_id\n", "no rows")])
def test_other_tables_without_rows_are_only_noticed(tmp_path: Path, content: str, said: str) -> None:
    found = read(write(tmp_path, items_csv=ITEMS, events_csv=content))
    assert f"events.csv {'is empty' if said == 'empty' else 'holds no rows'}" in found.said
    assert found.tables.rows == {"items.csv": 2, "events.csv": 0}


def test_items_none_of_which_can_be_read_say_why(tmp_path: Path) -> None:
    error = refused(write(tmp_path, items_csv="item_id,title\n1\n2\n3,Lamp,x\n"))
    assert "1 cell where the header has 2" in error.what


def test_a_cut_gzip_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress(ITEMS.encode() * 500)
    error = refused(write(tmp_path, **{"items__csv.gz": whole[: len(whole) // 2]}))
    assert "items.csv.gz is cut off" in error.what and "how much is missing" in error.what


def test_a_gzip_cut_in_its_checksum_is_refused(tmp_path: Path) -> None:
    assert "cut off" in refused(write(tmp_path, **{"items__csv.gz": gzip.compress(ITEMS.encode())[:-3]})).what


def test_a_damaged_gzip_is_refused(tmp_path: Path) -> None:
    broken = bytearray(gzip.compress(ITEMS.encode() * 500))
    broken[-6] ^= 0xFF  # in the checksum
    assert "damaged" in refused(write(tmp_path, **{"items__csv.gz": bytes(broken)})).what


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04" + bytes(300), "Excel"),
        (b"\x89PNG\r\n" + bytes(300), "picture"),
        (bytes(range(256)) * 20, "binary"),
        (b"%PDF-1.7\n", "PDF"),
    ],
)
def test_a_binary_file_is_refused_with_what_it_is(tmp_path: Path, content: bytes, said: str) -> None:
    assert said in refused(write(tmp_path, items_csv=content)).what


def test_a_cut_parquet_file_is_refused(tmp_path: Path) -> None:
    assert "Parquet" in refused(write(tmp_path, items_parquet=b"PAR1" + bytes(100))).what


def test_an_sqlite_file_says_how_it_is_named(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "items.txt") as database:
        database.execute("CREATE TABLE goods (item_id, title)")
    database.close()
    assert "sqlite:///" in refused(tmp_path).mend


def test_a_folder_that_is_not_there_or_is_a_file(tmp_path: Path) -> None:
    assert "no folder" in refused(tmp_path / "nowhere").what
    write(tmp_path, items_csv=ITEMS)
    assert "not a folder" in refused(tmp_path / "items.csv").what


def test_a_directory_where_a_file_is_expected(tmp_path: Path) -> None:
    (tmp_path / "items.csv").mkdir()
    assert "is a directory" in refused(tmp_path).what


def test_a_folder_without_our_files_lists_what_is_there(tmp_path: Path) -> None:
    error = refused(write(tmp_path, orders_csv="a,b\n1,2\n"))
    assert "orders.csv" in error.what and "aisle init" in error.mend


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, items_csv=ITEMS)

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    error = refused(tmp_path)
    assert "items.csv cannot be read: Permission denied" in error.what and "permissions" in error.mend


def test_two_files_of_one_table_are_refused(tmp_path: Path) -> None:
    error = refused(write(tmp_path, items_csv=ITEMS, items_tsv=ITEMS))
    assert "items.csv and items.tsv" in error.what


def test_json_that_is_no_list_of_objects(tmp_path: Path) -> None:
    assert "no list of objects" in refused(write(tmp_path, items_json='{\n"a": {"b": 1}\n}')).what
    assert "not valid JSON" in refused(write(tmp_path, items_json='[{"item_id": 1,]')).what


def source(**given: object) -> Source:
    """A source of goods.csv feeding items."""
    return Source.model_validate({"file": "goods.csv", "table": "items", "columns": {"item_id": "sku", "title": "name"}} | given)


GOODS = "sku,name,price\n1,Lamp,3\n2,Chair,x\n3,Table,12.5\n"


def test_an_unknown_table_is_named_with_the_nearest(tmp_path: Path) -> None:
    error = refused(write(tmp_path, goods_csv=GOODS), source(table="itmes"))
    assert isinstance(error, SettingsError) and "itmes" in error.what and "`items`" in error.mend


def test_a_source_that_names_a_missing_column_or_file(tmp_path: Path) -> None:
    error = refused(write(tmp_path, goods_csv=GOODS), source(columns={"item_id": "sku", "title": "nmae"}))
    assert "no column `nmae`" in error.what and "sku, name, price" in error.what and "`name`" in error.mend
    assert "gone.csv is not there" in refused(tmp_path, source(file="gone.csv")).what
    assert "no file fits" in refused(tmp_path, source(file="gone*.csv")).what


@pytest.mark.parametrize(
    "where", ["pricee > 3", "price >", "1 = 1) UNION SELECT (1", "true; DROP TABLE stage", "sum(price) > 1", "SELECT 1"]
)
def test_a_condition_that_is_none_names_the_source(tmp_path: Path, where: str) -> None:
    error = refused(write(tmp_path, goods_csv=GOODS), source(where=where))
    assert isinstance(error, SettingsError) and "goods.csv" in error.what and where in error.what


def test_an_unknown_event_type_in_types(tmp_path: Path) -> None:
    given = source(table="events", columns={"type": "name", "user_id": "sku", "item_id": "sku", "order": "price"}, types={"Lamp": "clik"})
    assert "`click`" in refused(write(tmp_path, goods_csv=GOODS), given).mend


def test_rows_that_would_feed_a_table_twice_are_refused(tmp_path: Path) -> None:
    error = refused(write(tmp_path, goods_csv=GOODS), source(where="sku > 1"), source(where="sku < 3"))
    assert "1 rows, the first is row 2, feed items twice" in error.what


def test_an_unknown_encoding_and_a_wrong_one(tmp_path: Path) -> None:
    assert "klingon" in refused(write(tmp_path, goods_csv=GOODS), source(encoding="klingon")).what
    write(tmp_path, goods_csv="sku,name\n1,台灯\n".encode("gbk"))
    assert "not valid UTF-8" in refused(tmp_path, source(encoding="utf-8")).what


@pytest.mark.parametrize("url", ["postgres://host/shop", "sqlite:///none.db", "sqlite:///goods.csv"])
def test_databases_that_cannot_be_read(tmp_path: Path, url: str) -> None:
    assert url in refused(write(tmp_path, goods_csv=GOODS), source(file=url)).what


def test_a_good_file_beside_a_bad_name_is_still_read(tmp_path: Path) -> None:
    found = read(write(tmp_path, items_csv=ITEMS, events_csv=EVENTS, notes_txt="hello"))
    assert found.tables.rows == {"items.csv": 2, "events.csv": 1}
