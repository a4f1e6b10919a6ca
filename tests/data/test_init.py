"""What `aisle init` proposes is valid, reads unchanged, and maps raw files of many shapes as a person would."""

from __future__ import annotations

import json
import random
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import pytest

from aisle.core.errors import InputError
from aisle.data.init import propose, write_proposal
from aisle.data.read import read_raw
from aisle.settings import Settings, Source, load
from tests.data.reading import EVENTS, ITEMS, write


def proposed(folder: Path, *files: Path) -> dict[str, Source]:
    """The sources proposed, under ``file:table``; the proposal is written, loaded and read as training would."""
    write_proposal(folder, list(files), force=True)
    settings = load(folder)
    with duckdb.connect() as connection:
        read_raw(folder, settings, connection)
        assert connection.execute("SELECT count(*) FROM raw_items WHERE item_id IS NOT NULL AND title IS NOT NULL").fetchall()[0][0] > 0
    return {f"{Path(source.file).name}:{source.table}": source for source in settings.sources}


def table(header: str, row: Callable[[int, random.Random], Sequence[object]], rows: int = 400, cut: str = ",") -> str:
    """A file of made-up rows."""
    draw = random.Random(7)
    body = "".join(cut.join(str(cell) for cell in row(place, draw)) + "\n" for place in range(rows))
    return (header + "\n" if header else "") + body


def test_an_invoice_file_gives_items_and_events_with_returns(tmp_path: Path) -> None:
    def row(place: int, draw: random.Random) -> Sequence[object]:
        back = place % 50 == 0
        code = f"{draw.randrange(20000, 20040)}{draw.choice(['', 'A'])}"
        number = f"{'C' if back else ''}{536365 + place // 4}"
        return (
            number,
            code,
            f"LANTERN {code}",
            -2 if back else 3,
            f"2010-12-0{1 + place % 9} 08:26:00",
            2.55,
            draw.randrange(17000, 17100),
            "UK",
        )

    header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
    found = proposed(write(tmp_path, orders_csv=table(header, row)))
    assert found["orders.csv:items"].columns == {"item_id": "StockCode", "title": "Description", "price": "UnitPrice"}
    events = found["orders.csv:events"]
    assert events.types == {"C*": "return", "*": "purchase"} and events.columns["type"] == "InvoiceNo" == events.columns["session_id"]
    assert (
        events.columns["user_id"] == "CustomerID"
        and events.columns["timestamp"] == "InvoiceDate"
        and events.columns["quantity"] == "Quantity"
    )


def test_a_chinese_order_file_in_gbk(tmp_path: Path) -> None:
    def row(place: int, draw: random.Random) -> Sequence[object]:
        item = draw.randrange(60)
        return f"D{place // 3}", f"U{draw.randrange(90)}", f"{item:05d}", f"红色台灯{item}", 2, "9.5", f"2023/5/{1 + place % 28} 10:05"

    text = table("订单号,用户ID,商品编号,商品名称,数量,单价,下单时间", row)
    found = proposed(write(tmp_path, 订单_csv=text.encode("gbk")))
    assert found["订单.csv:items"].columns == {"item_id": "商品编号", "title": "商品名称", "price": "单价"}
    events = found["订单.csv:events"]
    assert events.constants == {"type": "purchase"}
    assert {"timestamp": "下单时间", "user_id": "用户ID", "session_id": "订单号", "quantity": "数量"}.items() <= events.columns.items()


def test_event_words_are_mapped_and_items_come_from_the_events(tmp_path: Path) -> None:
    kinds = ["view"] * 8 + ["addtocart", "transaction"]
    log = table(
        "timestamp,visitorid,event,itemid,transactionid",
        lambda place, draw: (1_433_221_332_117 + place, draw.randrange(90), draw.choice(kinds), draw.randrange(100_000, 100_200), ""),
    )
    tree = table("categoryid,parentid", lambda place, _: (place, place // 2), 50)
    found = proposed(write(tmp_path, log_csv=log, tree_csv=tree))
    assert found["log.csv:events"].types == {"view": "click", "addtocart": "cart", "transaction": "purchase"}
    assert found["log.csv:events"].columns == {"timestamp": "timestamp", "type": "event", "item_id": "itemid", "user_id": "visitorid"}
    assert found["log.csv:items"].columns == {"item_id": "itemid", "title": "itemid"}
    text = (tmp_path / "aisle.toml").read_text()
    assert "tree.csv: not used" in text and "taken from the events" in text


def test_brand_and_category_make_a_title_where_there_is_none(tmp_path: Path) -> None:
    def row(place: int, draw: random.Random) -> Sequence[object]:
        kind = draw.choice(["view", "cart", "remove_from_cart", "purchase"])
        when = f"2019-10-01 00:00:{place % 60:02d} UTC"
        return (
            when,
            kind,
            44_600_000 + place % 90,
            "home.oven" if place % 3 else "",
            "lg",
            35.79,
            541_312_140 + place % 70,
            f"{place // 3:08x}-8bb3",
        )

    header = "event_time,event_type,product_id,category_code,brand,price,user_id,user_session"
    found = proposed(write(tmp_path, oct_csv=table(header, row)))
    assert found["oct.csv:items"].columns["title"] == "{brand}, {category_code}, {product_id}"
    assert found["oct.csv:events"].columns["session_id"] == "user_session"
    assert "remove_from_cart" in (tmp_path / "aisle.toml").read_text()


def test_sessions_without_users_and_semicolons(tmp_path: Path) -> None:
    text = table("session_id;item_id;timeframe", lambda place, draw: (place // 4, draw.randrange(90), place % 4 * 1_000), cut=";")
    found = proposed(write(tmp_path, views_csv=text))
    assert found["views.csv:events"].columns == {"order": "timeframe", "item_id": "item_id", "session_id": "session_id"}
    assert found["views.csv:events"].constants == {"type": "click"}


@pytest.mark.parametrize(("name", "cut"), [("u.data", "\t"), ("ratings.dat", "::")])
def test_ratings_without_a_header(tmp_path: Path, name: str, cut: str) -> None:
    text = table(
        "", lambda place, draw: (draw.randrange(1, 99), draw.randrange(1, 200), draw.randrange(1, 6), 881_250_949 + place), cut=cut
    )
    (tmp_path / name).write_text(text)
    found = proposed(tmp_path)
    expected = {"timestamp": "column_4", "item_id": "column_2", "user_id": "column_1", "rating": "column_3"}
    assert found[f"{name}:events"].columns == expected and found[f"{name}:events"].constants == {"type": "rating"}
    assert "no header" in (tmp_path / "aisle.toml").read_text()


def test_a_behaviour_log_without_a_header(tmp_path: Path) -> None:
    kinds = ["pv"] * 8 + ["buy", "cart", "fav"]
    text = table("", lambda place, draw: (draw.randrange(99), 1_000 + draw.randrange(300), 77, draw.choice(kinds), 1_511_544_070 + place))
    found = proposed(write(tmp_path, behaviour_csv=text))
    assert found["behaviour.csv:events"].types == {"pv": "click", "buy": "purchase", "fav": "favourite"}
    assert found["behaviour.csv:events"].columns["type"] == "column_4"


def test_ratings_without_any_time_take_the_order_of_the_rows(tmp_path: Path) -> None:
    text = table(
        "", lambda place, draw: (draw.randrange(1, 99), draw.randrange(1, 200), draw.choice(["0.5", "2.0", "4.0", "3.5"])), cut=" "
    )
    labels = "".join(f"{user} {int(user > 90)}\n" for user in range(1, 99))
    found = proposed(write(tmp_path, ratings_txt=text, labels_of_users_txt=labels))
    assert found["ratings.txt:events"].columns == {"order": "_row", "item_id": "column_2", "user_id": "column_1", "rating": "column_3"}
    assert found["labels_of_users.txt:labels"].columns == {"user_id": "column_1", "label": "column_2"}


def test_a_file_of_items_is_preferred_and_a_doubtful_log_left_out(tmp_path: Path) -> None:
    ratings = table(
        "userId,movieId,rating,timestamp", lambda place, draw: (draw.randrange(90), draw.randrange(99), 3.5, 964_982_703 + place)
    )
    movies = table("movieId,title,genres", lambda place, _: (place, f'"Toy, {place}"', f"Comedy|Drama{place % 5}"), 99)
    tags = table(
        "userId,movieId,tag,timestamp", lambda place, draw: (draw.randrange(90), place % 99, f"funny {place}", 964_982_703 + place)
    )
    links = table("movieId,imdbId", lambda place, _: (place, f"0{place + 100_000}"), 99)
    found = proposed(write(tmp_path, ratings_csv=ratings, movies_csv=movies, tags_csv=tags, links_csv=links))
    assert set(found) == {"movies.csv:items", "ratings.csv:events"}
    assert found["movies.csv:items"].columns == {"item_id": "movieId", "title": "title", "category": "genres"}
    text = (tmp_path / "aisle.toml").read_text()
    assert "tags.csv: not used" in text and "links.csv: not used" in text


def test_json_lines_of_reviews_and_their_catalogue(tmp_path: Path) -> None:
    reviews = "\n".join(
        json.dumps({"reviewerID": f"A{place % 50}", "asin": f"B{place % 40:04d}", "reviewText": f"Nice thing {place}",
        "overall": 1.0 + place % 5,
                    "unixReviewTime": 1_390_000_000 + place * 86_400})
        for place in range(300)
    )  # fmt: skip
    meta = "\n".join(
        json.dumps({"asin": f"B{place:04d}", "title": f"Red shampoo {place}", "price": place + 0.5, "brand": "X"}) for place in range(40)
    )
    found = proposed(write(tmp_path, reviews_json=reviews, meta_json=meta))
    assert found["meta.json:items"].columns == {"item_id": "asin", "title": "title", "price": "price", "brand": "brand"}
    events = found["reviews.json:events"]
    assert {"text": "reviewText", "rating": "overall", "timestamp": "unixReviewTime"}.items() <= events.columns.items()


def test_files_about_other_items_or_users_are_left_out(tmp_path: Path) -> None:
    sales = table(
        "customer_id,product_id,quantity,date", lambda place, draw: (draw.randrange(90), draw.randrange(99), 1, f"2024-01-0{1 + place % 9}")
    )
    goods = table("product_id,name", lambda place, _: (place, f"Lamp {place}"), 99)
    coupons = table("customer_id,upc,date,quantity", lambda place, draw: (draw.randrange(90), 10_000_000_000 + place, "2024-01-01", 1))
    people = table("customer_id,age", lambda place, _: (f"X{place}", 20 + place % 50), 90)
    found = proposed(write(tmp_path, sales_csv=sales, goods_csv=goods, coupons_csv=coupons, people_csv=people))
    assert set(found) == {"sales.csv:events", "goods.csv:items"}
    text = (tmp_path / "aisle.toml").read_text()
    assert "the catalogue knows 0% of them" in text and "the events know 0% of them" in text


def test_snapshots_of_items_take_the_newest(tmp_path: Path) -> None:
    text = table(
        "update_time,id,title,price,店名",
        lambda place, _: (f"2016/11/{5 + place % 10}", f"A{place // 10}", f"面霜 {place // 10}", 9, "自然堂"),
    )
    columns = proposed(write(tmp_path, shop_csv=text))["shop.csv:items"].columns
    assert columns == {"item_id": "id", "title": "title", "price": "price", "brand": "店名", "updated_at": "update_time"}


def test_questions_with_answers_make_a_support_project(tmp_path: Path) -> None:
    faq = table(
        "Question,Answer,Class",
        lambda place, _: (f"How do I close account {place}?", f"Call us and say that {place}.", f"c{place % 5}"),
        60,
    )
    talk = table("text,category", lambda place, _: (f"Where is my card {place}?", f"intent_{place % 7}"))
    found = proposed(write(tmp_path, faq_csv=faq, talk_csv=talk))
    assert found["faq.csv:items"].columns == {"item_id": "_row", "title": "Question", "description": "Answer", "category": "Class"}
    assert found["talk.csv:examples"].columns == {"text": "text", "intent": "category"}
    assert load(tmp_path).kind == "support"


def test_a_day_and_an_hour_in_two_columns_make_one_time(tmp_path: Path) -> None:
    text = table(
        "date,time,customer,product,product name,qty",
        lambda place, draw: ("2024-01-05", "10:15", place % 40, place % 30, f"Lamp {place % 30}", 1),
    )
    assert proposed(write(tmp_path, sales_csv=text))["sales.csv:events"].columns["timestamp"] == "{date} {time}"


def test_files_that_need_no_mapping_get_none(tmp_path: Path) -> None:
    more = EVENTS + "".join(f"2026-01-0{1 + place % 9},click,{['007', '8'][place % 2]},u{place % 9}\n" for place in range(50))
    text = propose(write(tmp_path, items_csv=ITEMS, events_csv=more), [])
    assert Settings.model_validate(tomllib.loads(text)).sources == ()
    assert "items.csv: read by its name" in text


def test_a_log_beside_our_own_items_leaves_them_alone(tmp_path: Path) -> None:
    log = table(
        "when,user,product_id,action", lambda place, _: (f"2026-01-0{1 + place % 9}", place % 30, ["007", "8"][place % 2], "view"), 60
    )
    assert set(proposed(write(tmp_path, items_csv=ITEMS, log_csv=log.replace("when", "time")))) == {"log.csv:events"}


def test_an_existing_aisle_toml_is_not_overwritten_unless_told(tmp_path: Path) -> None:
    write(tmp_path, items_csv=ITEMS, aisle_toml="seed = 1\n")
    with pytest.raises(InputError, match="is there already"):
        write_proposal(tmp_path, [])
    assert (tmp_path / "aisle.toml").read_text() == "seed = 1\n"
    assert write_proposal(tmp_path, [], force=True).read_text() != "seed = 1\n"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "nothing to look at"),
        ({"a_csv": "x,y\n1,2\n"}, "No items"),
        ({"a_csv": "text,intent\n" + "hello to you,a\nwhere is my card,b\n" * 9}, "examples"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, files: dict[str, str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        propose(write(tmp_path, **files), [])


def test_a_named_file_that_cannot_be_read_is_refused_another_only_noted(tmp_path: Path) -> None:
    write(tmp_path, goods_csv="sku,name\n" + "".join(f"{place},Lamp {place}\n" for place in range(30)), photo_txt=b"\x89PNG\r\n")
    assert "photo.txt: not used" in propose(tmp_path, [])
    with pytest.raises(InputError, match="picture"):
        propose(tmp_path, [tmp_path / "photo.txt"])


def test_online_retail(real_data: Path, tmp_path: Path) -> None:
    found = proposed(tmp_path, real_data / "online_retail" / "online_retail.csv.gz")
    events = found["online_retail.csv.gz:events"]
    assert events.types == {"C*": "return", "*": "purchase"}
    assert events.columns == {
        "timestamp": "InvoiceDate", "type": "InvoiceNo", "item_id": "StockCode", "user_id": "CustomerID", "session_id": "InvoiceNo",
        "quantity": "Quantity", "price": "UnitPrice",
    }  # fmt: skip
    assert found["online_retail.csv.gz:items"].columns == {"item_id": "StockCode", "title": "Description", "price": "UnitPrice"}


def test_home_depot(real_data: Path, tmp_path: Path) -> None:
    home = real_data / "homedepot"
    found = proposed(tmp_path, home / "judgements.csv.gz", home / "products.csv.gz")
    assert found["judgements.csv.gz:judgements"].columns == {"query": "search_term", "item_id": "product_uid", "grade": "relevance"}
    assert found["products.csv.gz:items"].columns == {"item_id": "product_uid", "title": "product_title"}
    assert len(found) == 2


def test_tmall_beauty(real_data: Path, tmp_path: Path) -> None:
    found = proposed(tmp_path, real_data / "tmall_beauty" / "tmall_beauty_1111.csv.gz")
    assert [source.columns for source in found.values()] == [
        {"item_id": "id", "title": "title", "price": "price", "brand": "店名", "updated_at": "update_time"}
    ]


def test_complete_journey(real_data: Path, tmp_path: Path) -> None:
    found = proposed(tmp_path, *sorted((real_data / "completejourney").iterdir()))
    assert set(found) == {"transactions_sample.csv.gz:events", "products.csv.gz:items", "demographics.csv.gz:users"}
    assert "{product_type}" in found["products.csv.gz:items"].columns["title"]
    assert found["products.csv.gz:items"].columns["category"] == "{department} > {product_category}"
    assert found["transactions_sample.csv.gz:events"].columns["session_id"] == "basket_id"


def test_best_buy_with_its_backslashes(real_data: Path, tmp_path: Path) -> None:
    found = proposed(tmp_path, real_data / "bestbuy_catalogue" / "products.csv.gz")
    columns = found["products.csv.gz:items"].columns
    assert columns == {"item_id": "upc", "title": "name", "description": "long_description", "brand": "manufacturer"}
    with duckdb.connect() as connection:
        tables = read_raw(tmp_path, load(tmp_path), connection)
        assert tables.files[0].rows == 48_194 and tables.files[0].bad == 0
