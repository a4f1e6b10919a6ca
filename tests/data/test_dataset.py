"""From a folder to the data set: numbers, order, actors, judgements; nothing from the order of a file, nothing from later events."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pytest

from aisle.core.errors import InputError
from aisle.core.events import Dataset
from aisle.data.dataset import load_dataset
from aisle.data.rules.order import RULES
from aisle.schema import EVENT_CODE
from aisle.settings import Cleaning, Evaluation, Settings, Source

Rows = Iterable[Mapping[str, object]]
LATE = Settings(cleaning=Cleaning(off=tuple({rule.name for rule in RULES if not rule.point_in_time})))


def folder(path: Path, **tables: Rows) -> Path:
    path.mkdir(exist_ok=True)
    for name, rows in tables.items():
        told = list(rows)
        with (path / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(dict.fromkeys(cell for row in told for cell in row)))
            writer.writeheader()
            writer.writerows(told)
    return path


def items(*ids: str) -> list[dict[str, object]]:
    return [{"item_id": name, "title": f"Title of {name}"} for name in ids]


def events(data: Dataset) -> list[tuple[str, str, float]]:
    log = data.events
    named = [data.catalogue.ids[row] if row >= 0 else "?" for row in log.item]
    return [(log.users[user], item, time) for user, item, time in zip(log.user, named, log.time.tolist(), strict=True)]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """A small shop with a bit of everything."""
    item = ("item_id", "title", "price", "in_stock", "created_at", "watts", "code", "brand")
    wares = [
        dict(zip(item, row, strict=True))
        for row in (
            ("007", "Lamp", "£1,200", "是", "2020-01-01", "40", "01", "Lux"),
            ("7", "台燈", "", "", "", "", "2", ""),
            ("8", "", "1", "no", "", "60", "3", ""),
        )
    ]
    event = ("timestamp", "type", "item_id", "user_id", "session_id", "query", "rank", "quantity")
    log = [
        dict(zip(event, row, strict=True))
        for row in (
            ("1577923200", "buy", "007", "u", "s1", "", "0", "2"),
            ("2020-01-01T00:00:00Z", "view", "7", "", "s1", "", "", ""),
            ("2020-01-01", "search", "", "", "s2", "red lamp", "", ""),
            ("2020-01-03", "view", "gone", "v", "", "", "3", ""),
        )
    ]
    graded = [
        {"query": "lamp", "item_id": "7", "grade": 3, "split": "test"},
        {"query": "lamp", "item_id": "x", "grade": 1, "split": "test"},
    ]
    marked = [{"user_id": "u", "label": "1"}]
    return load_dataset(folder(tmp_path_factory.mktemp("shop"), items=wares, events=log, judgements=graded, labels=marked), Settings())[0]


def test_numbers_times_and_truths_are_numbers_ids_keep_their_zeros_and_missing_is_not_zero(shop: Dataset) -> None:
    told = shop.catalogue.item(shop.catalogue.row_of["007"])
    texts = {"item_id": "007", "title": "Lamp", "brand": "Lux", "code": "01"}
    assert told == {**texts, "price": 1200.0, "in_stock": 1.0, "created_at": 1577836800.0, "watts": 40.0}
    other = shop.catalogue.row_of["7"]
    assert np.isnan(shop.catalogue.number("price")[other]) and np.isnan(shop.catalogue.number("in_stock")[other])
    assert shop.catalogue.item(other) == {"item_id": "7", "title": "台燈", "code": "2"}


def test_an_item_without_title_is_not_in_the_catalogue(shop: Dataset) -> None:
    assert set(shop.catalogue.ids) == {"007", "7"}


def test_events_stand_in_order_of_time_and_ties_in_order_of_the_file(shop: Dataset) -> None:
    kinds = [EVENT_CODE[name] for name in ("click", "query", "purchase", "click")]
    assert shop.events.type.tolist() == kinds
    assert shop.events.time.tolist() == [1577836800.0, 1577836800.0, 1577923200.0, 1578009600.0]
    assert shop.until == 1578009600.0


def test_a_session_joins_the_user_it_names_and_else_acts_for_itself(shop: Dataset) -> None:
    assert [actor for actor, _, _ in events(shop)] == ["u", "session:s2", "u", "v"]
    assert shop.events.session[0] == shop.events.session[2] != shop.events.session[1]


def test_an_event_of_an_unknown_item_is_kept_without_a_row(shop: Dataset) -> None:
    assert shop.events.item[-1] == -1 and shop.events.item[1] == -1
    assert shop.events.query.tolist() == [-1, 0, -1, -1]
    assert np.isnan(shop.events.rank[0]) and shop.events.rank[2:].tolist() == [0.0, 3.0]


def test_judgements_carry_their_split_and_the_middle_of_the_scale(shop: Dataset) -> None:
    assert shop.judgements is not None
    assert shop.judgements.split.tolist() == [2]
    assert shop.judgements.item.tolist() == [shop.catalogue.row_of["7"], -1]
    assert (shop.judgements.grade >= shop.judgements.relevant_from).tolist() == [True, False]
    assert shop.judgements.relevant_from == pytest.approx(2)


def test_the_middle_itself_is_not_relevant_and_the_settings_may_say_otherwise(tmp_path: Path) -> None:
    graded = [{"query": "q", "item_id": "a", "grade": grade} for grade in (1, 2, 3)]
    made = folder(tmp_path, items=items("a"), judgements=[{**row, "query": str(row["grade"])} for row in graded])
    found = [load_dataset(made, settings)[0].judgements for settings in (Settings(), Settings(evaluation=Evaluation(relevant_from=2)))]
    assert [(one.grade >= one.relevant_from).tolist() for one in found if one] == [[False, False, True], [False, True, True]]


def test_other_tables_come_as_text(shop: Dataset) -> None:
    assert [list(column) for column in shop.tables["labels"].values()] == [["u"], ["1"]]


def test_rows_of_the_catalogue_follow_seed_and_ids_and_never_the_file(tmp_path: Path) -> None:
    ids = [f"item{place}" for place in range(40)]
    orders = []
    for place, (names, seed) in enumerate(((ids, 7), (ids[::-1], 7), (ids, 8))):
        made = folder(tmp_path / str(place), items=items(*names))
        orders.append(list(load_dataset(made, Settings(seed=seed))[0].catalogue.ids))
    assert orders[0] == orders[1] != orders[2]
    assert orders[0] != ids and sorted(orders[0]) == sorted(ids)


def test_the_fingerprint_follows_the_content_and_not_the_order_of_the_catalogue(tmp_path: Path) -> None:
    log = [{"timestamp": f"2020-01-0{day}", "type": "click", "item_id": "a", "user_id": "u"} for day in (1, 2)]
    made = [folder(tmp_path / "1", items=items("a", "b"), events=log), folder(tmp_path / "2", items=items("b", "a"), events=log)]
    made.append(folder(tmp_path / "3", items=items("a", "b"), events=log[:1]))
    one, two, three = (load_dataset(path, Settings())[0].fingerprint for path in made)
    assert one == two != three


def test_a_log_without_a_clock_is_ordered_within_each_user_and_has_no_cut_sessions(tmp_path: Path) -> None:
    log = [{"order": order, "type": "purchase", "item_id": name, "user_id": "u"} for order, name in ((1, "b"), (0, "a"))]
    data, quality = load_dataset(folder(tmp_path, items=items("a", "b"), events=log), Settings())
    assert not data.events.clock
    assert events(data) == [("u", "a", 0.0), ("u", "b", 1.0)]
    assert data.events.session.tolist() == [-1, -1]
    assert quality.windows["by"] == "position"


def test_sessions_are_cut_by_inactivity_where_none_are_stated(tmp_path: Path) -> None:
    log = [{"timestamp": minute * 60 + 1_600_000_000, "type": "click", "item_id": "a", "user_id": "u"} for minute in (0, 20, 80)]
    made = folder(tmp_path, items=items("a"), events=log)
    assert load_dataset(made, Settings())[0].events.session.tolist() == [0, 0, 1]
    assert load_dataset(made, Settings(cleaning=Cleaning(session_minutes=60)))[0].events.session.tolist() == [0, 0, 0]


def test_with_all_later_events_removed_the_earlier_ones_are_cleaned_alike(tmp_path: Path) -> None:
    draw = np.random.default_rng(3)
    log = [
        {"timestamp": f"2020-01-{1 + place // 4:02}", "type": str(draw.choice(["buy", "view", "dance"])),
        "item_id": str(draw.choice(["a", "b", "c"])),
         "user_id": str(draw.choice(["u", "v"])), "quantity": str(draw.choice(["1", "0", "x"])), "price": str(draw.choice(["2", "inf"]))}
        for place in range(80)
    ]  # fmt: skip
    whole = load_dataset(folder(tmp_path / "whole", items=items("a", "b"), events=log), LATE)[0]
    part = load_dataset(folder(tmp_path / "part", items=items("a", "b"), events=log[:40]), LATE)[0]
    until = whole.known(whole.events.time <= part.until)
    assert 0 < len(part.events) < len(whole.events)
    assert events(until) == events(part)
    for name in ("item", "type", "time", "quantity", "price", "session"):
        assert np.array_equal(getattr(until.events, name), getattr(part.events, name), equal_nan=name in ("quantity", "price")), name


def test_the_rules_that_look_at_the_whole_log_are_just_these() -> None:
    whole = {rule.name for rule in RULES if not rule.point_in_time}
    assert whole == {"clock", "stock_corrections", "cancellations", "quantity_outliers", "price_outliers", "same_item", "spellings"}


def test_with_every_rule_off_the_data_set_is_still_sound(tmp_path: Path) -> None:
    log = [{"timestamp": time, "type": kind, "item_id": "a", "user_id": user}
           for time, kind, user in (("2020-01-01", "click", "u"), ("x", "click", "u"), ("2020-01-01", "dance", "u"), ("2020-01-01",
           "click", ""))]  # fmt: skip
    made = folder(tmp_path, items=[*items("a", "b"), {"item_id": "a", "title": "again"}, {"item_id": "", "title": "?"}], events=log)
    data, _ = load_dataset(made, Settings(cleaning=Cleaning(off=tuple({rule.name for rule in RULES}))))
    assert sorted(data.catalogue.ids) == ["a", "b"]
    assert events(data) == [("u", "a", 1577836800.0)]


def test_without_an_item_there_is_nothing_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No item can be read"):
        load_dataset(folder(tmp_path, items=[{"item_id": "1", "title": " "}]), Settings())


def test_what_only_the_whole_shows_is_reported(tmp_path: Path) -> None:
    log = [{"timestamp": "2020-01-01", "type": "click", "item_id": name, "user_id": "u"} for name in ("a", "x", "y")]
    _, quality = load_dataset(folder(tmp_path, items=items("a", "b"), events=log), Settings())
    assert quality.counts["events of unknown items"] == 2
    assert quality.counts["items without events"] == 1
    assert any("Events of items that the catalogue does not hold: 2." in remark for remark in quality.remarks)


def test_the_first_lines_of_online_retail_become_a_shop(real_data: Path, tmp_path: Path) -> None:
    import gzip

    with gzip.open(real_data / "online_retail" / "online_retail.csv.gz", "rt", encoding="utf-8") as lines:
        (tmp_path / "invoices.csv").write_text("".join(line for _, line in zip(range(20_001), lines, strict=False)), encoding="utf-8")
    told = {"item_id": "StockCode", "title": "Description", "price": "UnitPrice"}
    acted = {"type": "InvoiceNo", "session_id": "InvoiceNo", "item_id": "StockCode", "user_id": "CustomerID", "quantity": "Quantity",
             "timestamp": "InvoiceDate", "price": "UnitPrice"}  # fmt: skip
    sources = (Source(file="invoices.csv", table="items", columns=told),
               Source(file="invoices.csv", table="events", columns=acted, types={"C*": "return", "*": "purchase"}))  # fmt: skip
    data, quality = load_dataset(tmp_path, Settings(sources=sources))
    count = quality.files["invoices.csv"]
    assert count.read == 20_000 == count.kept + count.repaired + count.rejected
    assert min(count.repaired, count.rejected) > 100
    assert not {"POST", "DOT", "M", "D", "BANK CHARGES", "AMAZONFEE"} & set(data.catalogue.ids)
    assert np.nanmin(data.events.quantity) > 0 and np.nanmin(data.events.price) > 0
    assert (data.events.item >= 0).all()
    rejected = {tally.rule for tally in quality.rules if tally.rejected}
    assert {"duplicates", "non_products", "stock_corrections", "cancellations"} <= rejected


def test_the_probability_of_what_was_shown_is_read_where_the_log_says_it(tmp_path: Path) -> None:
    """One that cannot be is missing; a log without the column has none."""
    shown = {"timestamp": "1577923200", "type": "impression", "item_id": "a", "user_id": "u", "rank": "0"}
    log = [{**shown, "timestamp": str(1577923200 + place), "propensity": said} for place, said in enumerate(("0.25", "0", "1.5", ""))]
    read, _ = load_dataset(folder(tmp_path / "told", items=items("a"), events=log), Settings())
    assert read.events.propensity is not None
    assert np.array_equal(read.events.propensity, [0.25, np.nan, np.nan, np.nan], equal_nan=True)
    assert np.array_equal(read.events.where(np.array([True, False, False, False])).propensity, [0.25])  # type: ignore[arg-type]
    silent, _ = load_dataset(folder(tmp_path / "silent", items=items("a"), events=[shown]), Settings())
    assert silent.events.propensity is None


@pytest.mark.parametrize(
    ("grade", "relevant_from", "said", "relevant"),
    [
        (3, None, "no item is known to be a wrong answer", True),
        (3, 3, "no item is known to be a wrong answer", True),
        (3, 4, "none counts as relevant.*relevant_from = 3", False),
        (0, None, "none counts as relevant.*relevant_from = 0", False),
    ],
)
def test_grades_that_are_all_equal_are_noticed(tmp_path: Path, grade: int, relevant_from: float | None, said: str, relevant: bool) -> None:
    graded = [{"query": "lamp", "item_id": item, "grade": grade} for item in "ab"]
    settings = Settings(evaluation=Evaluation(relevant_from=relevant_from))
    data, quality = load_dataset(folder(tmp_path, items=items("a", "b"), judgements=graded), settings)
    assert data.judgements is not None and (data.judgements.grade >= data.judgements.relevant_from).all() == relevant
    assert any(re.search(f"All 2 judgements have the grade {grade}.*{said}", remark) for remark in quality.remarks)
