"""The pages' words in English and Chinese, and how prices, counts and dates are written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from urllib.parse import quote, unquote

from aisle.core.answer import Value

TEMPLATES = Path(__file__).parent / "templates"
LANGUAGES = {"en": "English", "zh": "中文"}
NOTICES = frozenset({"added", "basket_full", "hidden", "ordered", "forgotten", "removed"})
"""Keys of the short notices that a page may open with."""
_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "CNY": "¥", "RMB": "¥", "JPY": "¥", "INR": "₹", "KRW": "₩", "HKD": "HK$", "TWD": "NT$"}
_WITHOUT_CENTS = {"JPY", "KRW"}


@cache
def strings() -> Mapping[str, Mapping[str, str]]:
    """Language to key to words, from ``templates/strings*.json``."""
    result: dict[str, dict[str, str]] = {name: {} for name in LANGUAGES}
    for path in sorted(TEMPLATES.glob("strings*.json")):
        for language, known in json.loads(path.read_text(encoding="utf-8")).items():
            result[language] |= known
    return result


class Words:
    """The words of one language. ``words("total", count="12")`` fills what stands in braces."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._known = strings()[language]

    def __call__(self, key: str, **filled: str | int) -> str:
        return self._known[key].format(**filled)

    def known(self, key: str, otherwise: str) -> str:
        """The words of a key, ``otherwise`` where there are none."""
        return self._known.get(key, otherwise)

    def attribute(self, name: str) -> str:
        """An attribute's name: ours in this language, any other as the shop writes it."""
        return self.known(f"attribute_{name}", name.replace("_", " ").strip().capitalize()[:60])

    def count(self, key: str, number: int) -> str:
        """How many there are of something: ``key`` for several, ``key_one`` for one."""
        return self(f"{key}_one") if number == 1 else self(key, count=f"{number:,}")


def preferred(accepted: str) -> str:
    """The language of an ``Accept-Language`` header: whichever of ours it names first, English where it names none."""
    named = (part.partition(";")[0].strip().lower()[:2] for part in accepted[:200].split(","))
    return next((name for name in named if name in LANGUAGES), "en")


def encoded(text: str) -> str:
    """Any text as a cookie's value."""
    return quote(text, safe="")


def decoded(cookie: str) -> str:
    """What `encoded` wrote."""
    return unquote(cookie)


def price(amount: Value, currency: Value) -> str:
    """A price as a shopper reads it, empty where there is none; without a currency the bare number."""
    if not isinstance(amount, int | float):
        return ""
    code = str(currency or "").upper()
    number = f"{amount:,.0f}" if code in _WITHOUT_CENTS else f"{amount:,.2f}"
    return f"{_SYMBOLS[code]}{number}" if code in _SYMBOLS else f"{number} {code[:8]}".strip()


def title(attributes: Mapping[str, Value], language: str) -> tuple[str, str]:
    """The title in this language where there is one, and the name of the attribute it stands in."""
    name = f"title_{language}"
    if attributes.get(name):
        return str(attributes[name]), name
    return str(attributes.get("title") or attributes.get("item_id") or ""), "title"


def moment(seconds: Value) -> str:
    """A second of a day in UTC, empty where there is none."""
    try:
        return datetime.fromtimestamp(float(seconds or "nan"), UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, ValueError, OSError):
        return ""


def date(seconds: float) -> str:
    """A day, empty outside the calendar."""
    try:
        return datetime.fromtimestamp(seconds, UTC).date().isoformat()
    except (OverflowError, ValueError, OSError):
        return ""
