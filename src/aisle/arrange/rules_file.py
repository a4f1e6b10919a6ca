"""Reads `rules.toml`, the shop's own hand on its pages; what is wrong with a rule is said by its number, with the mend."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import nan
from pathlib import Path
from typing import cast, get_args

from aisle.arrange.rules import Rule, Rules
from aisle.core.catalogue import Catalogue
from aisle.core.errors import InputError
from aisle.core.nearest import mend_of
from aisle.core.request import Surface
from aisle.query.understand import understand

FILE = "rules.toml"
ACTIONS = ("pin", "boost", "bury", "block")
KEYS = ("action", "item", "category", "query", "query_has", "surface", "at", "factor", "from", "until")
MOVING: tuple[str, ...] = tuple(name for name in get_args(Surface) if name != "rank")
"""`rank` scores what another engine found: there only blocking counts."""


def read_rules(folder: Path, catalogue: Catalogue) -> Rules:
    """The rules of ``folder/rules.toml``, none without the file.

    Raises `InputError` naming the rule, what is wrong with it and the mend: broken TOML, an unknown key, action, surface, item or
    category, a date that is none or ends before it begins, a rule that names nothing. A day in `until` counts to its end.
    """
    path = folder / FILE
    if not path.exists():
        return Rules(catalogue)
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not valid TOML: {error}.", "Mend that line; text values need quotes.") from None
    tables = raw.get("rules", [])
    if set(raw) - {"rules"} or not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise InputError(f"{path} must hold [[rules]] tables alone.", 'As: [[rules]], then action = "pin", item = "A1", query = "lamp".')
    return Rules(catalogue, [_Reader(f"{FILE}, rule {number}", table, catalogue).rule(number) for number, table in enumerate(tables, 1)])


@dataclass(frozen=True)
class _Reader:
    """One table of the file being read."""

    where: str
    table: Mapping[str, object]
    catalogue: Catalogue

    def rule(self, number: int) -> Rule:
        for key in self.table:
            self._one_of(key, KEYS, "key")
        action = self._one_of(str(self.table.get("action", "")), ACTIONS, "action")
        items, categories = self._known("item", self.catalogue.row_of), self._known("category", self._categories())
        if not items and (action == "pin" or not categories):
            raise self._wrong("names no item" + ("" if action == "pin" else " and no category"), 'Add: item = "A1".')
        since, until = (self._moment(name) for name in ("from", "until"))
        if since >= until:
            raise self._wrong("ends before it begins", "`until` must be later than `from`.")
        exact, words = self._words()
        return Rule(
            number, action, items, categories if action != "pin" else (), words, exact, self._surfaces(action, bool(words)),
            int(self._number("at", 1, 1, 500)), self._number("factor", 2.0, 0.01, 100), since, until,
        )  # fmt: skip

    def _words(self) -> tuple[bool, tuple[str, ...]]:
        exact = "query" in self.table
        if exact and "query_has" in self.table:
            raise self._wrong("has both `query` and `query_has`", "Keep one: exactly these words, or at least these.")
        texts = self._texts("query" if exact else "query_has")
        words = tuple(dict.fromkeys(word for text in texts for word in understand(text).tokens))
        if len(texts) > 1 or (texts and not words):
            raise self._wrong("has a query without words, or several queries", "One query a rule, as text.")
        return exact, words

    def _surfaces(self, action: str, asked: bool) -> tuple[str, ...]:
        named = tuple(self._one_of(name, get_args(Surface), "surface") for name in self._texts("surface"))
        if named:
            return named if action == "block" else tuple(name for name in named if name != "rank")
        if asked:
            return ("search", "rank") if action == "block" else ("search",)
        return ("home",) if action == "pin" else get_args(Surface) if action == "block" else MOVING

    def _categories(self) -> set[str]:
        names = self.catalogue.labels("category").names
        return {" > ".join(name.split(" > ")[:end]) for name in names for end in range(1, name.count(" > ") + 2)}

    def _known(self, key: str, known: Iterable[str]) -> tuple[str, ...]:
        held = known if isinstance(known, set | dict) else set(known)
        for text in self._texts(key):
            if text not in held:
                mend = mend_of(text, sorted(held), "Correct it or remove the rule.")
                raise self._wrong(f"names the {key} `{text}`, which the catalogue does not have", mend)
        return self._texts(key)

    def _texts(self, key: str) -> tuple[str, ...]:
        value = self.table.get(key, ())
        texts = (value,) if isinstance(value, str) else value
        if not isinstance(texts, list | tuple) or not all(isinstance(text, str) and text.strip() for text in texts):
            raise self._wrong(f"has a {key} that is no text", f'Write {key} = "..." or a list of texts.')
        return tuple(cast(Sequence[str], texts))

    def _number(self, key: str, default: float, least: float, most: float) -> float:
        value = self.table.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise self._wrong(f"has {key} = {value!r}", f"It must be a number from {least:g} to {most:g}.")
        return float(value)

    def _moment(self, key: str) -> float:
        value = self.table.get(key)
        if value is None:
            return nan
        try:
            found = _read(value) if isinstance(value, str) else value
            if isinstance(found, date) and not isinstance(found, datetime):
                found = datetime.combine(found, time()) + timedelta(days=key == "until")
            if isinstance(found, datetime):
                return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
        except ValueError:
            pass
        raise self._wrong(f"has {key} = {value!r}, which is no date", "Write a day or a moment in UTC: 2025-11-28, 2025-11-28T09:00:00.")

    def _one_of(self, text: str, known: Sequence[str], what: str) -> str:
        if text not in known:
            raise self._wrong(f"has the unknown {what} `{text}`", mend_of(text, known))
        return text

    def _wrong(self, what: str, mend: str) -> InputError:
        return InputError(f"{self.where} {what}.", mend)


def _read(text: str) -> date | datetime:
    return date.fromisoformat(text) if len(text) <= 10 else datetime.fromisoformat(text)
