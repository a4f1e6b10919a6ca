"""The words of reasons and absences in English and Chinese, from ``phrases/*.json``; what comes from a catalogue is cut, mere text."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from functools import cache, lru_cache
from math import isfinite
from pathlib import Path

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
FOLDER = Path(__file__).parent / "phrases"
LANGUAGES = ("en", "zh")
LONGEST = 80
"""Characters of a title, value or query that a reason repeats."""
DAY = 86_400
REMEMBERED = 4_096
"""Days kept as they are written: what many did lately lies on few days."""


class Phrases:
    """The templates of one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._known: dict[str, str] = {}
        read = json.loads((FOLDER / f"{language}.json").read_text(encoding="utf-8"))
        self._months: list[str] = read.pop("months")
        self._known = read
        self._opening, self._closing = read["quoted"].split("{text}")
        self._day = lru_cache(REMEMBERED)(self._written)

    def __call__(self, key: str, **values: str | int) -> str:
        """The template of ``key`` with its places filled; braces inside a value mean nothing."""
        return self._known[key].format(**values)

    def __contains__(self, key: str) -> bool:
        return key in self._known

    def date(self, moment: float) -> str:
        """The day of ``moment`` (UTC seconds), empty where there is none."""
        return self._day(int(moment // DAY)) if isfinite(moment) else ""

    def _written(self, number: int) -> str:
        try:
            day = datetime.fromtimestamp(number * DAY, UTC)
        except (OverflowError, ValueError, OSError):
            return ""
        return self("date", day=day.day, month=self._months[day.month - 1], year=day.year)

    def quoted(self, text: str) -> str:
        """``text`` cut and in quotation marks."""
        return f"{self._opening}{cut(text)}{self._closing}"

    def joined(self, texts: list[str]) -> str:
        """Several texts, each in quotation marks."""
        return self("joint").join(self.quoted(text) for text in texts)


@cache
def phrases(language: str) -> Phrases:
    """The templates of ``language``, read once; English for one that there is not."""
    return Phrases(language if language in LANGUAGES else "en")


def cut(text: str) -> str:
    """One line of at most `LONGEST` characters, without control characters.

    >>> cut("a \\n b" + "c" * 100)[-3:]
    'cc…'
    """
    text = text[: 4 * LONGEST]
    plain = text.isprintable() and "  " not in text and text == text.strip(" ")
    line = text if plain else " ".join(_CONTROL.sub(" ", text).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
