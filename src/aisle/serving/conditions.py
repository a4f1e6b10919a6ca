"""The ``filters`` of a request's JSON to `Condition`: a list is any of, one value is any of one, an object holds bounds and ``not``."""

from __future__ import annotations

from collections.abc import Mapping

from aisle.core.request import Condition
from aisle.serving import fields
from aisle.serving.fields import FieldError

BOUNDS = ("lt", "lte", "gt", "gte")
MOST_FILTERS = 50
MOST_VALUES = 1_000


def conditions(value: object) -> dict[str, Condition]:
    """Attribute to condition. Numbers among the values become their shortest text (30.0 is ``30``), truths ``true`` and ``false``."""
    if not isinstance(value, Mapping):
        raise FieldError("filters", "wrong_type", f"must be an object, not {fields.kind(value)}.", 'As {"category": ["Lamps"]}.')
    if len(value) > MOST_FILTERS:
        raise FieldError("filters", "too_long", f"names {len(value)} attributes, at most {MOST_FILTERS} are read.")
    return {fields.identifier(name, "filters"): _condition(asked, f"filters.{name}") for name, asked in value.items() if asked is not None}


def _condition(value: object, name: str) -> Condition:
    if isinstance(value, Mapping):
        return _object(value, name)
    return Condition(any_of=_values(value, name))


def _object(value: Mapping[str, object], name: str) -> Condition:
    fields.known(value, (*BOUNDS, "not"), f"{name}.")
    if not value:
        raise FieldError(name, "missing_value", "asks for nothing.", "Leave it out, or give one of: lt, lte, gt, gte, not.")
    lt, lte, gt, gte = (_bound(value[bound], f"{name}.{bound}") if bound in value else None for bound in BOUNDS)
    return Condition(none_of=_values(value["not"], f"{name}.not") if "not" in value else (), lt=lt, lte=lte, gt=gt, gte=gte)


def _bound(value: object, name: str) -> float:
    """A number, or a time as ISO 8601 text, since time attributes are seconds inside."""
    if not isinstance(value, str):
        return fields.number(value, name)
    try:
        return fields.instant(value, name)
    except FieldError as error:
        mend = "Write a number without quotes, a time as 2024-05-01T12:00:00Z."
        raise FieldError(name, error.code, "is text that is no time.", mend) from None


def _values(value: object, name: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        return (_value(value, name),)
    if not value:
        raise FieldError(name, "missing_value", "is an empty list, which nothing can match.", "Leave it out or name a value.")
    return tuple(dict.fromkeys(_value(one, f"{name}[{index}]") for index, one in enumerate(fields.items(value, name, MOST_VALUES))))


def _value(value: object, name: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        found = fields.number(value, name)
        return str(int(found)) if found.is_integer() and abs(found) < 1e15 else repr(found)
    return fields.text(value, name)
