"""Any text becomes a query, quickly cut, in matching form, mended from the catalogue's words."""

from __future__ import annotations

from pathlib import Path

import pytest

from aisle.core.catalogue import Catalogue
from aisle.core.strings import Strings
from aisle.query.spelling import Speller
from aisle.query.understand import LONGEST, understand

TITLES = [
    "Stainless Steel Toilet Seat",
    "Oak Cabinet Door",
    "Outdoor Lounge Chair Cushions",
    "Outdoor Lounge Table",
    "Toilet Paper",
    "Toilet Brush",
] * 3


@pytest.fixture(scope="module")
def speller() -> Speller:
    return Speller.fit(Catalogue(Strings.of(map(str, range(len(TITLES)))), {"title": Strings.of(TITLES)}, {}))


def test_a_query_is_understood() -> None:
    query = understand("Red  ＬＡＭＰＳ 1/2 in.")
    assert (query.raw, query.text, query.language, query.correction) == ("Red  ＬＡＭＰＳ 1/2 in.", "red lamps 1/2 in.", "en", None)
    assert query.tokens == ("red", "lamp", "0.5inch", "0.5", "inch")


@pytest.mark.parametrize(
    "text", ["", " ", "🙂🙂", "\u200b\u200d", "\x00", "\ud800\udfff"[0], "((((", "\u202eabc", "%%%", "a" * 1_000_000, "补" * 1_000_000]
)
def test_hostile_texts_become_queries(text: str) -> None:
    query = understand(text)
    assert len(query.raw) <= LONGEST
    query.text.encode("utf-8")
    assert all(query.tokens)


@pytest.mark.parametrize(
    ("typed", "better"),
    [("toliet seat", "toilet seat"), ("cabnet", "cabinet"), ("outdoorlounge", "outdoor lounge"), ("STAINLES steel", "stainless steel")],
)
def test_a_slip_is_mended_by_the_words_of_the_catalogue(speller: Speller, typed: str, better: str) -> None:
    query = understand(typed, speller)
    assert query.correction == better
    assert query.tokens == understand(better).tokens


@pytest.mark.parametrize("typed", ["toilet seats", "oak", "xq19 door", "256gb", "zzzzzzzz", "ok", "台灯 toliet", ""])
def test_what_is_known_short_a_code_or_like_nothing_is_left_alone(speller: Speller, typed: str) -> None:
    assert understand(typed, speller).correction is None


def test_a_saved_speller_mends_the_same(speller: Speller, tmp_path: Path) -> None:
    speller.save(tmp_path)
    opened = Speller.load(tmp_path)
    assert [opened(text) for text in ("toliet", "outdoorlounge", "oak")] == [speller(text) for text in ("toliet", "outdoorlounge", "oak")]


def test_a_speller_of_nothing_mends_nothing() -> None:
    assert understand("toliet", Speller()).correction is None
