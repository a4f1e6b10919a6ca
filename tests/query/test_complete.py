"""Completions: by beginning, later word, slip of the finger and pinyin, the most wanted first, the same every time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.core.strings import Strings
from aisle.query.complete import LONGEST, Completer
from aisle.query.pinyin import spells, syllables
from aisle.query.slips import Slips
from aisle.testing import toys
from aisle.text.normalise import normalise

ENTRIES = [
    ("红色口红", "query", 9.0),
    ("red lamp", "query", 8.0),
    ("口红", "category", 7.0),
    ("Lamps", "category", 6.0),
    ("lamps", "query", 5.0),
    ("重庆火锅底料", "item", 3.0),
    ("iPhone手机壳", "item", 2.0),
    ("哑光口红套装", "item", 1.0),
    ("Outdoor lounge chair", "item", 0.5),
]


@pytest.fixture(scope="module")
def completer() -> Completer:
    return Completer(ENTRIES)


def texts(completer: Completer, typed: str, limit: int = 8) -> list[str]:
    return [one.text for one in completer.complete(typed, limit)]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("re", "red lamp"),
        ("RED  L", "red lamp"),
        ("lou", "Outdoor lounge chair"),
        ("口", "红色口红"),
        ("红色", "红色口红"),
        ("紅色", "红色口红"),
        ("ｌａｍ", "red lamp"),
        ("套装", "哑光口红套装"),
        ("手机", "iPhone手机壳"),
        ("iphone手", "iPhone手机壳"),
    ],
)
def test_a_beginning_or_a_later_word_is_found(completer: Completer, typed: str, first: str) -> None:
    assert texts(completer, typed)[0] == first


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("hongse", ["红色口红"]),
        ("hs", ["红色口红"]),
        ("kouhong", ["红色口红", "口红", "哑光口红套装"]),
        ("kou hong", ["红色口红", "口红", "哑光口红套装"]),
        ("kh", ["红色口红", "口红", "哑光口红套装"]),
        ("kouh", ["红色口红", "口红", "哑光口红套装"]),
        ("khong", ["红色口红", "口红", "哑光口红套装"]),
        ("chongqing", ["重庆火锅底料"]),
        ("chqhuog", ["重庆火锅底料"]),
        ("iphonesjk", ["iPhone手机壳"]),
        ("zhongqing", []),
    ],
)
def test_chinese_is_found_by_pinyin_initials_and_mixtures(completer: Completer, typed: str, found: list[str]) -> None:
    assert texts(completer, typed) == found


@pytest.mark.parametrize(
    ("typed", "first"), [("lmap", "red lamp"), ("rde la", "red lamp"), ("red lmp", "red lamp"), ("outdor lo", "Outdoor lounge chair")]
)
def test_a_slip_is_forgiven_where_the_first_letter_is_right(completer: Completer, typed: str, first: str) -> None:
    found = completer.complete(typed, 8)
    assert found[0].text == first
    assert all(one.score < next(score for text, _, score in ENTRIES if text == one.text) for one in found)


@pytest.mark.parametrize("typed", ["", "   ", "zamp", "qq", "\u200b", "😀", "a" * 10_000, "lamp\x00", "%_", "''"])
def test_what_is_like_nothing_completes_to_nothing_or_harmlessly(completer: Completer, typed: str) -> None:
    assert len(texts(completer, typed)) <= 8
    if typed in ("", "   ", "zamp", "qq", "😀"):
        assert texts(completer, typed) == []


def test_the_most_wanted_come_first_and_one_text_comes_once(completer: Completer) -> None:
    found = completer.complete("lam", 8)
    assert [(one.text, one.kind) for one in found] == [("red lamp", "query"), ("Lamps", "category")]
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert texts(completer, "lam", 1) == ["red lamp"]
    assert texts(completer, "lam", 0) == []


def test_the_catalogue_and_the_log_are_gathered() -> None:
    data = toys.bilingual()
    made = Completer.fit(data)
    assert {one.kind for one in made.complete("l", 20)} == {"category", "brand", "item"}
    assert "红色台灯" in texts(made, "hongsetaid")
    assert texts(made, "desk")[0] in ("Red desk lamp", "Blue desk lamp")
    assert texts(made, "Home") == []  # a path completes to its last part


def test_a_query_that_many_mistype_completes_as_it_is_spelt() -> None:
    items = {f"bag{n}": {"title": f"Coffee beans {n}"} for n in range(3)}
    data = toys.shop(toys.catalogue(items), [("u1", "bag1", float(n), "click") for n in range(5)])
    typed = replace(data.events, queries=Strings.of(["coffe", "coffee"]), query=np.array([0, 0, 1, 1, 1], np.int32))
    found = Completer.fit(replace(data, events=typed)).complete("coff", 8)
    assert [(one.text, one.score) for one in found if one.kind == "query"] == [("coffee", 5.0)]


def test_two_entries_of_one_weight_keep_one_order() -> None:
    log = [(f"u{n}", item, n + 1.0, "click") for n, item in enumerate(("b", "a", "c"))]
    data = toys.shop(toys.catalogue({name: {"title": f"same {name}"} for name in ("b", "a", "c")}), log)
    assert texts(Completer.fit(data), "same") == ["same a", "same b", "same c"]


def test_a_saved_completer_does_the_same(completer: Completer, tmp_path: Path) -> None:
    completer.save(tmp_path)
    opened = Completer.load(tmp_path)
    for typed in ("lam", "lmap", "khong", "口", "x"):
        assert opened.complete(typed, 5) == completer.complete(typed, 5)
    assert Completer.load(tmp_path / "nowhere").complete("lam", 5) == []


def test_a_shop_of_nothing_completes_nothing(tmp_path: Path) -> None:
    empty = Completer()
    empty.save(tmp_path)
    assert Completer.load(tmp_path).complete("lam", 5) == []


words = st.sampled_from(["red", "lamp", "large", "lamb", "口红", "红色", "台灯", "iphone", "x5"])
entry = st.lists(words, min_size=1, max_size=4).map(" ".join)


@given(st.lists(entry, min_size=1, max_size=12, unique=True), st.data())
def test_every_beginning_of_an_entry_finds_it(held: list[str], data: st.DataObject) -> None:
    made = Completer([(text, "item", float(len(held) - at)) for at, text in enumerate(held)])
    text = data.draw(st.sampled_from(held))
    end = data.draw(st.integers(1, len(text)))
    typed = text[:end]
    found = made.complete(typed, 50)
    assert text in [one.text for one in found]
    exact = [one for one in held if normalise(one).startswith(normalise(typed))]
    assert set(exact) <= {one.text for one in found}


@given(st.text(max_size=LONGEST), st.integers(0, 20))
def test_any_text_is_completed_within_the_limit_and_without_repeats(typed: str, limit: int) -> None:
    found = [one.text.lower() for one in Completer(ENTRIES).complete(typed, limit)]
    assert len(found) <= limit
    assert len(set(found)) == len(found)


def test_syllables_are_read_by_the_word() -> None:
    assert syllables("重庆") == ("chong", "qing")
    assert syllables("重量") == ("zhong", "liang")
    assert syllables("x5绿") == ("x5", "lv")


@pytest.mark.parametrize(
    ("letters", "fits"),
    [("k", True), ("ko", True), ("kouhong", True), ("kh", True), ("kho", True), ("kouhongs", True), ("koh", False), ("kouhongx", False)],
)
def test_letters_spell_syllables_in_full_or_by_initials(letters: str, fits: bool) -> None:
    assert spells(letters, ["kou", "hong", "se"]) is fits


def test_nearer_words_come_before_those_with_two_slips() -> None:
    slips = Slips.of([("shoulder", 0), ("shoulders", 1), ("shovel", 2), ("smoulder", 3)])
    assert slips.mended("shouler")[0] == (1, "shoulder")
    assert all(mended.startswith("s") for _, mended in slips.mended("shouler"))
    assert slips.mended("sh") == []
    assert Slips.of([]).mended("shoulder") == []
