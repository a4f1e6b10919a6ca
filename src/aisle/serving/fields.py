"""Typed readers for the fields of a request's JSON: each gives a clean value or a `FieldError` that names the field and the mend."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from aisle.core.errors import RequestError
from aisle.core.nearest import mend_of

LONGEST_TEXT = 1_000
"""Characters in an id, a filter's value or a query; longer ones are refused, never cut."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_MILLISECONDS_FROM = 1e11
"""Unix times from here on are milliseconds: as seconds they would lie after the year 5000."""


class FieldError(RequestError):
    """One field of a request cannot be read. ``field`` is its path, as ``filters.price.lte``; ``code`` is stable."""

    def __init__(self, field: str, code: str, what: str, mend: str = "") -> None:
        super().__init__(f"`{printable(field)}` {what}", mend)
        self.field, self.code = printable(field), code


def printable(text: str) -> str:
    """At most 80 characters that can be encoded and shown, whatever a client sent."""
    clean = _CONTROL.sub(" ", _SURROGATE.sub("�", text))
    return clean if len(clean) <= 80 else clean[:79] + "…"


def text(value: object, name: str, longest: int = LONGEST_TEXT) -> str:
    """Text of at most ``longest`` characters; control characters become spaces, lone surrogates the replacement character."""
    if not isinstance(value, str):
        small = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18
        mend = f'Write it in quotes: "{value}".' if small else "Write it in quotes."
        raise FieldError(name, "wrong_type", f"must be text, not {kind(value)}.", mend)
    if len(value) > longest:
        raise FieldError(name, "too_long", f"has {len(value)} characters, at most {longest} are read.", "Shorten it.")
    return _SURROGATE.sub("�", _CONTROL.sub(" ", value))


def identifier(value: object, name: str) -> str:
    """An id: text that says something."""
    found = text(value, name)
    if not found.strip():
        raise FieldError(name, "missing_value", "is empty.", "Leave it out or name an id.")
    return found


def identifiers(value: object, name: str, most: int) -> tuple[str, ...]:
    """A list of ids, each kept once in its first place."""
    return tuple(dict.fromkeys(identifier(item, f"{name}[{index}]") for index, item in enumerate(items(value, name, most))))


def items(value: object, name: str, most: int) -> list[object]:
    """A list of at most ``most`` values."""
    if not isinstance(value, list | tuple):
        raise FieldError(name, "wrong_type", f"must be a list, not {kind(value)}.", "Put it in brackets: [ ].")
    if len(value) > most:
        raise FieldError(name, "too_long", f"has {len(value)} entries, at most {most} are read.", "Send fewer, or several requests.")
    return list(value)


def whole(value: object, name: str, least: int, most: int) -> int:
    """A whole number from ``least`` to ``most``; 10.0 counts as one."""
    found = number(value, name)
    if not found.is_integer():
        raise FieldError(name, "wrong_type", f"must be a whole number, not {found:g}.")
    if not least <= found <= most:
        raise FieldError(name, "out_of_range", f"must be from {least} to {most}, not {found:.6g}.")
    return int(found)


def number(value: object, name: str) -> float:
    """A finite number; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FieldError(name, "wrong_type", f"must be a number, not {kind(value)}.", "Write it without quotes.")
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise FieldError(name, "out_of_range", "must be a finite number.")
    return found


def truth(value: object, name: str) -> bool:
    """true or false, and nothing that only looks like it."""
    if not isinstance(value, bool):
        raise FieldError(name, "wrong_type", f"must be true or false, not {kind(value)}.")
    return value


def choice(value: object, name: str, choices: Collection[str]) -> str:
    """One of ``choices``; the error names the nearest."""
    found = text(value, name)
    if found not in choices:
        raise FieldError(name, "unknown_value", f"cannot be `{printable(found)}`.", mend_of(found, choices))
    return found


def instant(value: object, name: str) -> float:
    """An instant as UTC seconds, from ISO 8601 text (UTC where it names no zone) or Unix seconds or milliseconds."""
    if isinstance(value, str):
        return _iso(text(value, name, 64), name)
    seconds = number(value, name)
    if abs(seconds) >= _MILLISECONDS_FROM:
        seconds /= 1000
    if abs(seconds) >= _MILLISECONDS_FROM:
        raise FieldError(name, "out_of_range", "is no time that a shop has seen.", "Use Unix seconds or 2024-05-01T12:00:00Z.")
    return seconds


def known(body: Mapping[str, object], names: Collection[str], inside: str = "") -> None:
    """Refuse any field that is not among ``names``, naming the nearest."""
    for field in body:
        if not isinstance(field, str) or field not in names:
            raise FieldError(f"{inside}{field}", "unknown_field", "is not a field here.", mend_of(str(field), names))


def kind(value: object) -> str:
    """A JSON value's type as its writer would call it."""
    if value is None:
        return "null"
    names = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", tuple: "a list", dict: "an object"}
    return names.get(type(value), "something else")


def _iso(value: str, name: str) -> float:
    try:
        moment = datetime.fromisoformat(value.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise FieldError(name, "wrong_type", "is not a time.", "Use Unix seconds or 2024-05-01T12:00:00Z.") from None
