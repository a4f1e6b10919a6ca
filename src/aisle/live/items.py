"""Items as clients send them, read as cleaning reads those of files: each is taken or rejected with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from aisle.core.answer import Json, Value
from aisle.core.catalogue import Catalogue
from aisle.data.words import BEGINNING
from aisle.schema import ITEMS, Kind
from aisle.state.cells import UnreadableError, number, read

MOST = 200
"""Attributes that one item may name."""


@dataclass
class Taken:
    """What became of the rows: ``items`` to be stored, ``rejected`` places (from 0) and reasons, ``named`` the ids of rejected rows that
    the shop has: a full feed with a slip in a row does not take that item out of the shop."""

    items: list[dict[str, Value]] = field(default_factory=list)
    rejected: list[tuple[int, str]] = field(default_factory=list)
    named: list[str] = field(default_factory=list)


def take(rows: Sequence[Json], catalogue: Catalogue, now: float) -> Taken:
    """Read rows for a shop that has ``catalogue``. An item that it does not have needs a title; without ``created_at`` it came ``now``."""
    found = Taken()
    new: set[str] = set()
    for place, row in enumerate(rows):
        try:
            item = _item(row, catalogue)
            if not (has(catalogue, str(item["item_id"])) or item["item_id"] in new):
                if not item.get("title"):
                    raise UnreadableError("no title, and the shop has no such item")
                new.add(str(item["item_id"]))
                item.setdefault("created_at", now)
            found.items.append(item)
        except UnreadableError as error:
            found.rejected.append((place, str(error)))
            named = row.get("item_id") if isinstance(row, Mapping) else None
            if has(catalogue, str(named)):
                found.named.append(str(named))
    return found


def has(catalogue: Catalogue, item_id: str) -> bool:
    """Whether the shop has an item now."""
    row = catalogue.row_of.get(item_id)
    return row is not None and (catalogue.gone is None or not catalogue.gone[row])


def _item(row: Json, catalogue: Catalogue) -> dict[str, Value]:
    if not isinstance(row, Mapping):
        raise UnreadableError("an item is one JSON object")
    if len(row) > MOST:
        raise UnreadableError(f"the item has {len(row)} attributes, at most {MOST} are taken")
    found = {name: _cell(value, name, catalogue) for name, value in row.items() if name}
    if not isinstance(found.get("item_id"), str):
        raise UnreadableError("no item_id")
    if "title" in found and not found["title"]:
        raise UnreadableError("an item cannot be without a title")
    return found


def _cell(value: Json, name: str, catalogue: Catalogue) -> Value:
    """One attribute, by its kind in the contract, else as the bundle has it, else as it comes; several values are joined as in files."""
    if isinstance(value, Mapping):
        raise UnreadableError(f"{name} is an object; name its fields one by one")
    kind = ITEMS[name].kind if name in ITEMS else Kind.CATEGORY
    if isinstance(value, Sequence) and not isinstance(value, str):
        if kind is not Kind.CATEGORY:
            raise UnreadableError(f"{name} must be one value")
        parts = [str(read(part, name, kind) or "") for part in value]
        return "|".join(part for part in parts if part) or None
    if name in ITEMS:
        return _possible(read(value, name, kind), name)
    if name in catalogue.bundled.numbers and value is not None and not isinstance(value, bool):
        return number(value, name)
    return read(value, name, kind) if isinstance(value, str) else value


def _possible(value: Value, name: str) -> Value:
    """What cannot be is missing, as in files: a price of 0 or less, a date before 1990."""
    if not isinstance(value, float) or isinstance(value, bool):
        return value
    if name == "price":
        return value if value > 0 else None
    return None if ITEMS[name].kind is Kind.TIME and value < BEGINNING else value
