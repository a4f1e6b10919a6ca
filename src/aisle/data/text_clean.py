"""Tidying a display text: HTML remains, control characters and runs of spaces go, the script and letters stay. Used live as well."""

from __future__ import annotations

import html
import re

UNTIDY = (
    r"&[#a-zA-Z][a-zA-Z0-9]{1,9};|</?[a-zA-Z][^<>]*>|<!--|[ \x{A0}\x{3000}]{2}"
    r"|[\x00-\x1F\x7F-\x9F\x{200B}\x{2028}\x{2029}\x{2060}\x{FEFF}\x{FFFD}]"
)
"""What marks a text as worth a look, in the syntax that RE2 and Java share."""

COMMENT = re.compile(r"<!--.*?(?:-->|$)", re.DOTALL)
HIDDEN = re.compile(r"<(script|style)\b.*?(?:</\1\s*>|$)", re.DOTALL | re.IGNORECASE)
BREAK = re.compile(r"</?(?:br|p|div|li|ul|ol|tr|td|th|table|h[1-6])\b[^<>]*>", re.IGNORECASE)
TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u2060\ufeff\ufffd]")
SPACES = re.compile(r"[\s\u3000]+")


def tidy(text: str) -> str:
    """The text as a shopper should read it; joiners inside emoji and all scripts are kept.

    >>> tidy("Lamp &amp; shade<br>red&nbsp; one")
    'Lamp & shade red one'
    """
    for _ in range(2):  # shops escape twice: &amp;nbsp;
        text = html.unescape(text)
    for pattern, into in ((COMMENT, " "), (HIDDEN, " "), (BREAK, " "), (TAG, ""), (CONTROL, "")):
        text = pattern.sub(into, text)
    return SPACES.sub(" ", text).strip()
