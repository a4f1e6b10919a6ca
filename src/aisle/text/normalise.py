"""The matching form of a text: what queries and titles are turned into before they are compared; display keeps the original."""

from __future__ import annotations

import html
import json
import re
import unicodedata
from functools import cache

from zhconv import zhconv

MARKS = {
    "½": " 1/2", "¼": " 1/4", "¾": " 3/4", "⅓": " 1/3", "⅔": " 2/3", "⅛": " 1/8", "⅜": " 3/8", "⅝": " 5/8", "⅞": " 7/8", "⁄": "/",
    "×": "x", "“": '"', "”": '"', "″": '"', "‘": "'", "’": "'", "′": "'", "–": "-", "—": "-", "°": " degree ", "\u3000": " ",
    "™": "", "®": "", "©": "",
}  # fmt: skip
"""Characters that NFKC would turn into something else than a shopper types."""

INVISIBLE = (
    (0xAD, 0xAD), (0x61C, 0x61C), (0x180E, 0x180E), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
)  # fmt: skip
"""Zero-width characters, marks of direction and variation selectors, first and last."""

_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,300}>|<!--.{0,300}?-->", re.DOTALL)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,31});")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def normalise(text: str) -> str:
    """NFKC, half-width, lower case, simplified characters, no HTML, no invisible characters, single spaces.

    >>> normalise("ＩＰＨＯＮＥ&nbsp;15 <b>護膚</b>")
    'iphone 15 护肤'
    """
    if "&" in text:
        text = _ENTITY.sub(lambda found: html.unescape(found.group()), text)
    if "<" in text:
        text = _TAG.sub(" ", text)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(_before())).translate(_simplified())
    return " ".join(_CONTROL.sub(" ", text).lower().split())


@cache
def _before() -> dict[int, str]:
    table = {ord(mark): plain for mark, plain in MARKS.items()}
    for first, last in INVISIBLE:
        table |= dict.fromkeys(range(first, last + 1), "")
    return table | {surrogate: "\ufffd" for surrogate in range(0xD800, 0xE000)}


@cache
def _simplified() -> dict[int, str]:
    """One character to one: both sides pass through it, so it need not know words, only be the same for both. The library itself would
    keep every table of words that its file holds, 8 MB, for as long as the process lives."""
    with zhconv.get_module_res(zhconv.DICTIONARY) as file:
        tables: dict[str, dict[str, str]] = json.load(file)
    table = tables["zh2Hans"] | tables["zh2CN"]
    return {ord(old): new for old, new in table.items() if len(old) == 1 == len(new) and _is_han(old)}


def _is_han(character: str) -> bool:
    return "\u3400" <= character <= "\u9fff" or "\U00020000" <= character <= "\U0003ffff"
