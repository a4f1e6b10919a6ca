"""Tokens: codes and measures whole and in parts, stems, Chinese words and pieces."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from aisle.text.normalise import normalise
from aisle.text.segment import asked, bigrams, compounds, grams, language, words


def of(text: str) -> set[str]:
    return set(words(normalise(text)))


def test_a_code_is_found_whole_and_in_parts() -> None:
    assert {"iphone15pro", "15", "pro"} <= of("iPhone15Pro")
    assert of("#SC-141") == {"sc141", "sc", "141"}
    assert of("iphone 15 pro") <= of("iPhone15Pro")


@pytest.mark.parametrize(
    "ways",
    [
        ("1/2 in.", "1/2-inch", "½ in", '1/2"', "0.5 inches", ".5in"),
        ("1-1/2 in.", "1 1/2 inch", "1.5in", '1½"'),
        ("256GB", "256 gb"),
        ("8 ft.", "8ft", "8-foot", "8 feet", "8'"),
        ("5 gal.", "5-gallon", "5 gallons"),
        ("25 sq. ft.", "25 sqft", "25 square feet"),
        ("6,800-Watt", "6800 W".replace(" ", ""), "6800 watts"),
    ],
)
def test_every_way_to_write_a_measure_gives_the_same_tokens(ways: tuple[str, ...]) -> None:
    assert len({frozenset(of(way)) for way in ways}) == 1, [of(way) for way in ways]


@pytest.mark.parametrize("way", ["2x4x8", "2 x 4 x 8", "2 in. x 4 in. x 8 ft.", "2×4×8"])
def test_a_size_is_joined_whatever_its_units(way: str) -> None:
    assert {"2x4x8", "2x4", "2", "4", "8"} <= of(way)


def test_four_in_one_is_no_length() -> None:
    assert "4inch" not in of("4-in-1 tool") and "4inch" in of("4 in. pipe")


def test_words_are_stemmed_and_keep_their_order() -> None:
    assert words("red lamps for baker's racks") == ["red", "lamp", "for", "baker", "rack"]


def test_two_words_and_their_compound_meet() -> None:
    assert compounds("deck over stain")[0] in of("deckover")
    assert "deckov" in of("deck-over") and {"deck", "over"} <= of("deck-over")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("red dress", ["Red linen dress"]), ("t-shirt", ["tshirts", "T Shirt", "t-shirt"]), ("deck over", ["DeckOver paint"]),
        ("iphone15pro", ["case for iPhone 15 Pro"]), ("wd40", ["WD-40 spray"]), ("5 gallon", ["5-gal. bucket"]),
        ("8 ft x 10 ft", ["rug 8x10", "10 ft. runner of 8 ft."]), ("8x10", ["8 ft. x 10 ft. rug"]), ("红色的台灯", ["红色护眼台灯"]),
    ],
)  # fmt: skip
def test_a_text_says_a_word_of_a_query_in_any_of_its_ways(typed: str, said: list[str]) -> None:
    for text in said:
        tokens = of(text)
        assert all(any(tokens.issuperset(way) for way in ways) for ways in asked(normalise(typed)))


def test_a_measure_a_code_and_a_size_are_one_word_and_joining_words_none() -> None:
    assert [len(asked(text)) for text in ("5 gallon bucket", "dcd771c2", "2x4x8 lumber", "lamp for the desk", "of the", "🙂")] == [
        2,
        1,
        2,
        2,
        2,
        0,
    ]
    assert not of("8 step ladder of 5 ft").issuperset(asked("8 ft")[0][0])


def test_chinese_is_cut_for_search_and_latin_in_it_too() -> None:
    assert {"面霜", "50gram"} <= of("水润面霜50g")
    assert bigrams("补水霜") == ["补", "水", "霜", "补水", "水霜"]
    assert "水 " not in bigrams("补水 霜") and "水霜" not in bigrams("补水 霜")


def test_trigrams_mark_the_edges_of_words() -> None:
    assert grams("ab 面霜 cd") == [" ab", "ab ", " cd", "cd "]


@pytest.mark.parametrize(("text", "spoken"), [("red lamp", "en"), ("口红 red", "zh"), ("", "en"), ("123", "en"), ("カメラ", "zh")])
def test_the_script_tells_the_language(text: str, spoken: str) -> None:
    assert language(text) == spoken


@settings(max_examples=200, deadline=None)
@given(some.text(alphabet="0123456789/.,-x\"' infte", max_size=40))
def test_numbers_of_any_kind_are_no_accident(text: str) -> None:
    assert all(token and token == token.strip() for token in words(normalise(text)))


@settings(max_examples=100, deadline=None)
@given(some.text(max_size=60))
def test_any_text_is_cut_without_an_accident(text: str) -> None:
    form = normalise(text)
    assert all(isinstance(token, str) and token for cut in (words, bigrams, grams) for token in cut(form))
