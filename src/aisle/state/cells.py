"""One field of a row as clients send it in JSON, read by its kind in the contract, as cleaning reads a cell of a file."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

from aisle.core.answer import Value
from aisle.data.text_clean import tidy
from aisle.data.words import FALSE, NOTHING, NOTHING_SHORT, TRUE
from aisle.schema import Kind

LONGEST = 1_000
"""Characters in an id, a word or a query; longer ones are refused, never cut."""

LONGEST_TEXT = 20_000
"""Characters in a review, a message, an item's description."""

LONG = ("text", "description")

COMPACT = re.compile(r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:\d{4}|\d{6})?")
_UNTIDY = re.compile(r"[&<\x00-\x1f\x7f-\xa0\u200b\u2028\u2029\u2060\u3000\ufeff\ufffd]|  ")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")


class UnreadableError(ValueError):
    """Why a field, and with it its row, cannot be read."""


def read(value: object, name: str, kind: Kind) -> Value:
    """The field ``name`` as text, number (times in UTC seconds) or truth; None where it says nothing.

    Raises `UnreadableError`. Whether a row can do without the field is for the caller to say.
    """
    if value is None:
        return None
    if kind in (Kind.NUMBER, Kind.INTEGER):
        return number(value, name)
    if kind is Kind.TIME:
        return moment(value, name)
    if kind is Kind.TRUTH:
        return truth(value, name)
    return text(value, name, kind)


def text(value: object, name: str, kind: Kind) -> str | None:
    """An id without spaces around it, or a text tidied as files' texts are. A whole number is taken as its digits. Control characters are
    refused in ids and go from texts."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise UnreadableError(f"{name} must be text")
    long = LONGEST_TEXT if name in LONG else LONGEST
    if len(value) > long:
        raise UnreadableError(f"{name} has {len(value)} characters, at most {long} are taken")
    found = tidy(value) if kind is not Kind.ID and _UNTIDY.search(value) else value.strip()
    if kind is Kind.ID and _CONTROL.search(found):
        raise UnreadableError(f"{name} holds a control character")
    return None if not found or found.lower() in (NOTHING if kind is Kind.TEXT else NOTHING_SHORT) else found


def number(value: object, name: str) -> float | None:
    """A finite number, None for NaN and infinity."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise UnreadableError(f"{name} must be a number")
    try:
        found = float(value)
    except (ValueError, OverflowError):
        raise UnreadableError(f"{name} cannot be read as a number") from None
    return found if math.isfinite(found) else None


def truth(value: object, name: str) -> bool | None:
    """Yes or no, in either language."""
    word = str(value).strip().lower()
    if word in TRUE or word in FALSE:
        return word in TRUE
    if not word or word in NOTHING_SHORT:
        return None
    raise UnreadableError(f"{name} must be true or false")


def moment(value: object, name: str = "timestamp") -> float | None:
    """UTC seconds of ISO 8601 or of Unix seconds, milliseconds, micro- or nanoseconds, told apart by size; without a zone it is UTC."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise UnreadableError(f"{name} must be ISO 8601 or Unix time")
    words = str(value).strip()
    if not words or words.lower() in NOTHING_SHORT:
        return None
    try:
        if not COMPACT.fullmatch(words) and (seconds := _unix(words)) is not None:
            return seconds
        found = datetime.fromisoformat(_spelt(words))
    except (ValueError, OverflowError):
        raise UnreadableError(f"{name} cannot be read as a time") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _unix(words: str) -> float | None:
    try:
        found = float(words)
    except ValueError:
        return None
    if not math.isfinite(found):
        raise ValueError
    size = abs(found)
    return found / (1.0 if size < 1e11 else 1e3 if size < 1e14 else 1e6 if size < 1e17 else 1e9)


def _spelt(words: str) -> str:
    """What `fromisoformat` reads: digits alone get the T before the time of day, slashes become hyphens."""
    if COMPACT.fullmatch(words):
        return f"{words[:8]}T{words[8:]}" if len(words) > 8 else words
    return words.replace("/", "-", 2)
