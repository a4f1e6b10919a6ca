"""The matching form: what a shopper types and what a title says meet in it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from aisle.text.normalise import normalise


@pytest.mark.parametrize(
    ("typed", "form"),
    [
        ("ＩＰＨＯＮＥ１５", "iphone15"),
        ("護膚乾燥", "护肤干燥"),
        ("Bed &amp; Bath&#39;s", "bed & bath's"),
        ("<b>Red</b> lamp<br/>", "red lamp"),
        ("less < 5 lbs > 2", "less < 5 lbs > 2"),
        ("1½ in. × 2″", '1 1/2 in. x 2"'),
        ("Frost King™", "frost king"),
        ("re\u200bd\u00ad  \t lamp\u0000x\u202e", "red lamp x"),
        ("", ""),
    ],
)
def test_forms_that_mean_the_same_become_the_same(typed: str, form: str) -> None:
    assert normalise(typed) == form


@settings(max_examples=150, deadline=None)
@given(some.text(some.characters(codec=None), max_size=60))
def test_any_text_gets_a_form_that_is_lower_case_single_spaced_and_can_be_stored(text: str) -> None:
    form = normalise(text)
    form.encode("utf-8")
    assert form == " ".join(form.split())
    assert "\x00" not in form and "\u200b" not in form


def test_a_form_is_its_own_form() -> None:
    for text in ("½ in. ＰＶＣ", "臺灣 護膚", "a™ b &amp;", "ﬁne ① ㎏"):
        assert normalise(normalise(text)) == normalise(text)


def test_the_librarys_tables_of_words_are_not_kept() -> None:
    said = "from aisle.text.normalise import normalise; print(normalise('護膚')); from zhconv import zhconv; print(zhconv.zhcdicts)"
    found = subprocess.run([sys.executable, "-X", "utf8", "-c", said], capture_output=True, text=True, encoding="utf-8", check=True)
    assert found.stdout.split() == ["护肤", "None"]
