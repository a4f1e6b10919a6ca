"""The words of reasons: both languages say the same things, and nothing from a catalogue can bend them."""

from __future__ import annotations

import json
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.explain.phrases import FOLDER, LANGUAGES, LONGEST, cut, phrases

DAY = 1_714_900_000.0


def templates(language: str) -> dict[str, str]:
    read: dict[str, str] = json.loads((FOLDER / f"{language}.json").read_text(encoding="utf-8"))
    return {key: text for key, text in read.items() if key != "months"}


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_both_languages_have_the_same_templates_with_the_same_places() -> None:
    english, chinese = templates("en"), templates("zh")
    assert {key: places(text) for key, text in english.items()} == {key: places(text) for key, text in chinese.items()}


def test_chinese_is_chinese_and_english_is_english() -> None:
    assert all(text.isascii() or set(text) & set("“”") for text in templates("en").values())
    assert all(any("一" <= sign <= "龥" for sign in text) for key, text in templates("zh").items() if key not in ("quoted", "joint"))


@pytest.mark.parametrize(("language", "near"), [("en", "nearest"), ("zh", "最接近")])
def test_what_is_found_by_meaning_is_called_nearest_which_holds_of_any_words_and_not_close_which_need_not(language: str, near: str) -> None:
    assert near in templates(language)["matched_meaning"]


@pytest.mark.parametrize(("language", "day"), [("en", "5 May 2024"), ("zh", "2024年5月5日"), ("fr", "5 May 2024")])
def test_dates_are_written_as_the_language_does(language: str, day: str) -> None:
    assert phrases(language).date(DAY) == day


@pytest.mark.parametrize("moment", [float("nan"), float("inf"), 1e20, -1e20])
def test_a_day_out_of_the_calendar_is_no_day(moment: float) -> None:
    assert phrases("en").date(moment) == ""


def test_braces_in_a_title_mean_nothing() -> None:
    say = phrases("en")
    assert say("similar_to", title=say.quoted("{0.__class__} {title}")) == "Similar to “{0.__class__} {title}”"


@given(st.text(max_size=400), st.sampled_from(LANGUAGES))
def test_what_is_quoted_is_one_short_line(text: str, language: str) -> None:
    shown = cut(text)
    assert len(shown) <= LONGEST
    assert not any(ord(sign) < 32 or 127 <= ord(sign) < 160 for sign in shown)
    assert shown in phrases(language)("similar_to", title=phrases(language).quoted(text))
