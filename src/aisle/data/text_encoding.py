"""Which encoding a file's bytes are in: UTF-8 unless the bytes say otherwise, told by what each encoding would make of them."""

from __future__ import annotations

import codecs
import re

BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with theirs
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
COMMON = {"gb18030": re.compile(rb"[\xa1-\xa3\xb0-\xd7][\xa1-\xfe]"), "big5": re.compile(rb"[\xa1-\xc6][\x40-\x7e\xa1-\xfe]")}
"""The byte pairs of punctuation and of the commoner half of the characters (level 1 of GB 2312 and of Big5)."""

CHINESE = 0.7
"""Share of common characters from which bytes count as Chinese; real text has .95, the same bytes read wrongly about .5."""


def by_mark(head: bytes) -> str | None:
    """The encoding that a byte order mark, or the place of the zero bytes, gives away."""
    for mark, name in BOMS:
        if head.startswith(mark):
            return name
    pairs = len(head) // 2
    even, odd = head[0 : 2 * pairs : 2].count(0), head[1 : 2 * pairs : 2].count(0)
    if odd > pairs * 0.2 and even < odd * 0.1:
        return "utf-16-le"
    if even > pairs * 0.2 and odd < even * 0.1:
        return "utf-16-be"
    return None


def legacy(sample: bytes) -> list[str]:
    """Encodings to try on bytes that are not valid UTF-8, the likeliest first. ``sample`` is whole lines that hold bytes above 127."""
    text = sample.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    if wrong * 10 < sum(char > "\x7f" and char != "\ufffd" for char in text):
        return ["utf-8"]  # UTF-8 with a few damaged bytes
    share = {name: _common_share(sample, name) for name in COMMON}
    chinese = sorted((name for name in share if share[name] >= CHINESE), key=lambda name: -share[name])
    return [*chinese, "cp1252", "latin-1"]


def _common_share(sample: bytes, encoding: str) -> float:
    """Share of the characters beyond ASCII that are common ones, 0 when the bytes are not valid in ``encoding``."""
    try:
        text = sample.decode(encoding)
    except UnicodeDecodeError:
        return 0.0
    pieces = [char.encode(encoding) for char in text if char > "\x7f"]
    return sum(COMMON[encoding].fullmatch(piece) is not None for piece in pieces) / max(1, len(pieces))


def spoken(encoding: str, sample: bytes = b"") -> str:
    """The name to show: GBK where GB 18030's further characters do not occur."""
    if encoding == "gb18030":
        try:
            sample.decode("gbk")
        except UnicodeDecodeError:
            return "GB18030"
        return "GBK"
    names = {"utf-8-sig": "UTF-8", "cp1252": "Windows-1252", "latin-1": "Latin-1", "utf-16-le": "UTF-16 LE", "utf-16-be": "UTF-16 BE"}
    return names.get(encoding, encoding.upper())
