"""What a query names by the catalogue's own values, in either language, and the prices it asks for."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import numpy as np
import pytest

from aisle.core.catalogue import Catalogue
from aisle.core.strings import Strings
from aisle.query.attributes import Attributes
from aisle.query.prices import price_bounds
from aisle.text.normalise import normalise

COLOURS = {"Red": "红色", "Black": "黑色", "Navy Blue": "藏青色"}
THINGS = {"Home > Lighting > Desk Lamps": "台灯", "Home > Seats > Chairs": "椅子", "Bags > Bags": "背包"}
SIZES = ("30 cm", "60 cm", "L", "12")


def shop(chinese: bool = True) -> Catalogue:
    rows = [(colour, thing, size, number) for colour in COLOURS for thing in THINGS for size in SIZES for number in range(3)]
    brands = ["Acme", "Marlowe & Fen", "Next"]
    columns: dict[str, list[str | None]] = {
        "title": [f"{colour} {thing.rpartition(' > ')[2]} {number}" for colour, thing, _, number in rows],
        "title_zh": [f"{COLOURS[colour]}{THINGS[thing]}" if chinese else None for colour, thing, _, _ in rows],
        "category": [thing for _, thing, _, _ in rows],
        "colour": [colour for colour, _, _, _ in rows],
        "size": [size for _, _, size, _ in rows],
        "brand": [brands[number] for _, _, _, number in rows],
        "note": [f"a sentence that is this item's own, number {place}" for place in range(len(rows))],
        "language": ["en" for _ in rows],
    }
    texts = {name: Strings.of(values) for name, values in columns.items()}
    return Catalogue(Strings.of(map(str, range(len(rows)))), texts, {"price": np.full(len(rows), 20.0)})


@pytest.fixture(scope="module")
def attributes() -> Attributes:
    return Attributes().fit(shop())


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("red acme chair", {"colour": "Red", "brand": "Acme", "category": "Home > Seats > Chairs"}),
        ("DESK LAMP navy blue", {"category": "Home > Lighting > Desk Lamps", "colour": "Navy Blue"}),
        ("marlowe fen bag", {"brand": "Marlowe & Fen", "category": "Bags > Bags"}),
        ("chair 30cm", {"category": "Home > Seats > Chairs", "size": "30 cm"}),
        ("30 centimetre", {}),
        ("chairs l", {"category": "Home > Seats > Chairs", "size": "L"}),
        ("size L chairs", {"category": "Home > Seats > Chairs", "size": "L"}),
        ("l shaped chairs", {"category": "Home > Seats > Chairs"}),
        ("12 chairs", {"category": "Home > Seats > Chairs"}),
        ("the next chair", {"category": "Home > Seats > Chairs"}),
        ("red or black chair", {"colour": ["Red", "Black"], "category": "Home > Seats > Chairs"}),
        ("reddish", {}),
        ("红色台灯", {"colour": "Red", "category": "Home > Lighting > Desk Lamps"}),
        ("acme藏青色椅子 60cm", {"brand": "Acme", "colour": "Navy Blue", "category": "Home > Seats > Chairs", "size": "60 cm"}),
        ("red chair under 30", {"colour": "Red", "category": "Home > Seats > Chairs", "price": {"lte": 30.0}}),
        ("椅子 10到20元", {"category": "Home > Seats > Chairs", "price": {"gte": 10.0, "lte": 20.0}}),
        ("a sentence that is this item's own, number 3", {}),
        ("", {}),
        ("???", {}),
    ],
)
def test_a_query_names_the_catalogues_own_values(attributes: Attributes, query: str, named: dict[str, object]) -> None:
    assert attributes.find(normalise(query)) == named


def test_a_shop_without_chinese_titles_knows_no_chinese_names() -> None:
    assert Attributes().fit(shop(chinese=False)).find("红色台灯") == {}


def test_chinese_values_are_named_by_the_english_words_of_titles() -> None:
    rows = [(colour, number) for colour in ("红色", "黑色") for number in range(5)]
    english = {"红色": "red", "黑色": "black"}
    texts = {
        "title": Strings.of(f"{colour}椅子" for colour, _ in rows),
        "title_en": Strings.of(f"{english[colour]} chair no {number}" for colour, number in rows),
        "颜色": Strings.of(colour for colour, _ in rows),
    }
    found = Attributes().fit(Catalogue(Strings.of(map(str, range(10))), texts, {}))
    assert found.find("black chair") == {"颜色": "黑色"}
    assert found.find("黑色的椅子 30元以下") == {"颜色": "黑色"}, "a shop without prices reads none"


def test_saved_attributes_find_the_same(attributes: Attributes, tmp_path: Path) -> None:
    attributes.save(tmp_path)
    opened = Attributes.load(tmp_path)
    for query in ("marlowe & fen desk lamps 30 cm under $20", "红色台灯"):
        assert opened.find(query) == attributes.find(query) != {}


def test_an_empty_catalogue_names_nothing() -> None:
    assert Attributes().fit(Catalogue(Strings.of([]), {}, {})).find("red lamp under 30") == {}


def test_a_query_is_read_in_a_fraction_of_a_millisecond(attributes: Attributes) -> None:
    start = perf_counter()
    for _ in range(100):
        attributes.find("navy blue marlowe fen desk lamp 30 cm under 30")
    assert (perf_counter() - start) / 100 < 0.02
    start = perf_counter()
    attributes.find(("红色台灯" * 100 + " 1 red 2")[:400])
    assert perf_counter() - start < 0.5


@pytest.mark.parametrize(
    ("query", "bounds"),
    [
        ("lamp under $30", {"lte": 30}),
        ("30元以下的台灯", {"lte": 30}),
        ("不超过1,000元", {"lte": 1000}),
        ("between 10 and 20", {"gte": 10, "lte": 20}),
        ("100-200元", {"gte": 100, "lte": 200}),
        ("100元以上的耳机", {"gte": 100}),
        ("more than 20 dollars less than 50 dollars", {"gte": 20, "lte": 50}),
        ("1.5万以下", {"lte": 15_000}),
        ("under 1k", {"lte": 1_000}),
        ("３０元以下", {"lte": 30}),
        ("under 30 cm", {}),
        ("over 55 inch tv", {}),
        ("under 30% off", {}),
        ("at least 3 drawers", {}),
        ("10-20 mm bolts", {}),
        ("5 to 7 years", {}),
        ("between 30 and 10", {}),
        ("iphone 15", {}),
        ("under the sink", {}),
        ("", {}),
    ],
)
def test_bounds_are_read_from_words_and_measures_are_not_prices(query: str, bounds: dict[str, float]) -> None:
    assert price_bounds(normalise(query)) == bounds
