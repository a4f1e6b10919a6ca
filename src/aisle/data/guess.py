"""Which of a file's columns is which of ours: a score from its name, in English or Chinese, and a check by what it holds."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.resources import files
from typing import TypedDict

from rapidfuzz import fuzz

from aisle.data.look import Column
from aisle.schema import TABLES


class _Words(TypedDict):
    ids: list[str]
    nouns: dict[str, list[str]]
    names: dict[str, list[str]]
    bare_ids: dict[str, str]
    codes: dict[str, dict[str, str]]


WORDS: _Words = json.loads((files("aisle.data") / "column_names.json").read_text(encoding="utf-8"))
ENOUGH = 0.5
"""Score from which a column is taken for one of ours."""


def bare(name: str) -> str:
    """A column's name without case, spaces and signs."""
    return re.sub(r"[\W_]+", "", name).lower()


def pieces(name: str) -> list[str]:
    """The words of a column's name: ``transaction_timestamp``, ``InvoiceDate``."""
    apart = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    return [piece.lower() for piece in re.split(r"[\W_]+", apart) if piece]


def _spellings(role: str) -> Mapping[str, float]:
    """The bare names of one of ours, the usual ones worth a little more."""
    found = {name: 1.0 - place * 0.005 for place, name in enumerate(WORDS["names"].get(role, ()))}
    for place, noun in enumerate(WORDS["nouns"].get(role, ())):
        for ending in WORDS["ids"]:
            found[bare(noun + ending)] = (1.0 if ending else 0.85) - place * 0.002
    return found


SPELLINGS = {role: _spellings(role) for role in {*WORDS["names"], *WORDS["nouns"]}}


def name_score(role: str, name: str) -> float:
    """From 0 to 1: how much a column's name says that it is ``role``."""
    spellings, whole = SPELLINGS.get(role, {}), bare(name)
    if whole == bare(role):
        return 1.0
    if whole in spellings:
        return spellings[whole]
    parts = pieces(name)
    ends = ["".join(parts[start:]) for start in range(1, len(parts))] + ["".join(parts[:stop]) for stop in range(len(parts) - 1, 0, -1)]
    inner = max((spellings.get(end, 0.0) for end in ends), default=0.0) * 0.7
    chinese = max(
        (score for spelling, score in spellings.items() if not spelling.isascii() and len(spelling) > 1 and spelling in whole), default=0.0
    )
    alike = max((fuzz.ratio(whole, spelling) for spelling in spellings if len(spelling) > 4), default=0.0)
    return max(inner, chinese * 0.7, 0.6 if alike >= 88 else 0.0)


def _is_type(column: Column) -> bool:
    return bool(column.values) and len(column.values) <= 30 and (column.event_words > 0 or bool(codes(column)))


def codes(column: Column) -> dict[str, str]:
    """What numbers for event types usually stand for, where the column's name and values are such."""
    known = next((coded for name, coded in WORDS["codes"].items() if name in bare(column.name)), {})
    return dict(known) if column.values and set(column.values) <= set(known) else {}


CHECKS: dict[str, Callable[[Column], bool]] = {
    **dict.fromkeys(("item_id", "user_id", "session_id", "event_id", "parent_id", "other_user_id"), lambda column: column.id_like),
    "title": lambda column: column.words and column.length > 2 and column.different > 1,
    "title_en": lambda column: column.words,
    "title_zh": lambda column: column.words,
    "description": lambda column: column.words and column.length > 8,
    "category": lambda column: column.words and column.different <= max(40, column.rows * column.filled * 0.5),
    "brand": lambda column: column.words and column.length < 60,
    "price": lambda column: column.number > 0.8 and column.time is False,
    "timestamp": lambda column: column.time,
    "order": lambda column: column.whole > 0.99 and not column.time,
    "type": _is_type,
    "query": lambda column: column.words and column.different > 1,
    "rank": lambda column: column.whole > 0.95 and column.high < 10_000,
    "propensity": lambda column: column.number > 0.9 and column.low >= 0 and column.high <= 1,
    "quantity": lambda column: column.number > 0.9,
    "rating": lambda column: column.number > 0.9 and column.different <= 200 and column.low >= -10 and column.high <= 100,
    "grade": lambda column: column.number > 0.95 and column.different <= 200,
    "text": lambda column: column.words and column.length > 8,
    "dwell_ms": lambda column: column.number > 0.9,
    "label": lambda column: set(column.values) <= {"0", "1", "0.0", "1.0"} and len(column.values) == 2,
    "intent": lambda column: column.words and 1 < column.different <= max(10, column.rows // 5),
    "split": lambda column: len(column.values) <= 3 and column.words,
    "created_at": lambda column: column.time,
    "available_from": lambda column: column.time,
    "available_until": lambda column: column.time,
    "in_stock": lambda column: 0 < len(column.values) <= 4,
    "image": lambda column: column.words and column.length > 4,
    "language": lambda column: 0 < len(column.values) <= 20,
    "currency": lambda column: 0 < len(column.values) <= 20,
    "surface": lambda column: 0 < len(column.values) <= 30,
}


def assign(columns: Sequence[Column], table: str, leave: Iterable[str] = ()) -> dict[str, Column]:
    """Our columns of ``table`` and the best column for each: the highest scores first, each column once."""
    roles = [role for role in TABLES[table] if role in SPELLINGS and role not in set(leave)]
    scored = [(score(role, column, table), -column.place, role, column) for role in roles for column in columns]
    found: dict[str, Column] = {}
    for points, _, role, column in sorted(scored, key=lambda entry: entry[:2], reverse=True):
        if points >= ENOUGH and role not in found and all(column is not other for other in found.values()):
            found[role] = column
    return found


def score(role: str, column: Column, table: str) -> float:
    """How much a column looks like ``role``: its name, 0 where its cells contradict."""
    named = name_score(role, column.name)
    if WORDS["bare_ids"].get(table) == role and bare(column.name) in ("id", "uid", "编号"):
        named = 0.9
    if table == "items" and role == "item_id" and column.unique and named:
        named += 0.1
    check = CHECKS.get(role)
    if not named or (check is not None and not check(column)):
        return 0.0
    return named


def _rates(column: Column) -> bool:
    return column.place > 2 and CHECKS["rating"](column) and 3 <= column.different <= 21 and 3 <= column.high <= 10


def without_header(columns: Sequence[Column]) -> dict[str, Column]:
    """Guesses for a file of nameless columns: time and event words by their cells, a small range of numbers is a rating; of the ids
    that are left the first is the user and the second the item."""
    found: dict[str, Column] = {}
    left = list(columns)
    tests: tuple[tuple[str, Callable[[Column], bool]], ...] = (
        ("timestamp", lambda column: column.time and column.place > 1),
        ("type", lambda column: column.event_words > 0.5),
        ("rating", _rates),
    )
    for role, test in tests:
        fitting = [column for column in left if test(column)]
        if fitting:
            found[role] = fitting[-1]
            left.remove(fitting[-1])
    ids = [column for column in left if column.id_like]
    return found | dict(zip(("user_id", "item_id"), ids, strict=False))
