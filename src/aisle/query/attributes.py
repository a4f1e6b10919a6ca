"""Brands, colours, sizes, categories and prices that a query names: the longest match over the catalogue's own attribute values."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np

from aisle.core.answer import Json
from aisle.core.catalogue import Catalogue
from aisle.query.other_names import other_names
from aisle.query.prices import price_bounds
from aisle.text.normalise import normalise
from aisle.text.segment import GLUED_ONLY, HAN, UNIT, stem
from aisle.text.tokens import HIDDEN, TITLES

LONGEST = 8
"""Tokens of a value; a longer one is a sentence, which nobody types."""
MOST_VALUES = 20_000
SILENT = frozenset(
    {"a", "an", "and", "at", "by", "for", "from", "home", "in", "it", "me", "my", "new", "next", "no", "not", "of", "off", "on", "one"}
    | {"only", "or", "other", "out", "the", "this", "to", "up", "with", "you", "your"}
)
"""Words that are said without meaning the brand that is called so."""
_TOKEN = re.compile(rf"(?P<number>\d+(?:[.,]\d+)*)|(?P<han>[{HAN}])|(?P<word>[^\W\d_{HAN}]+)")
_POSSESSIVE = re.compile(r"(?<=[a-z])'s\b")
Key = tuple[str, ...]


class Attributes:
    """Knows each value as its tokens. ``values_``: tokens to (attribute, value as the catalogue writes it); the values of `category` are
    known by their last part and in any number (`lamps` is `Lamp`), all others as they are written."""

    def __init__(self, values: Mapping[Key, tuple[str, str]] | None = None, priced: bool = False) -> None:
        self.values_, self.priced = dict(values or {}), priced
        self._longest = max(map(len, self.values_), default=0)

    def fit(self, catalogue: Catalogue) -> Self:
        """Read every attribute whose values repeat, and what titles call them in the other language; of two attributes that share a value
        the one with more such items has it."""
        weight: Counter[tuple[Key, str, str]] = Counter()
        columns = list(_columns(catalogue))
        self.values_ = {tuple(tokens_of(piece)): match for piece, match in other_names(catalogue, columns).items()}
        for name in columns:
            labels = catalogue.labels(name)
            for value, items in zip(labels.names, np.bincount(labels.codes, minlength=len(labels.names)), strict=True):
                for key in keys_of(name, value):
                    weight[key, name, value] += int(items)
        for (key, name, value), _ in sorted(weight.items(), key=lambda one: (one[1], one[0])):
            self.values_[key] = (name, value)
        self._longest = max(map(len, self.values_), default=0)
        self.priced = bool(np.isfinite(catalogue.number("price")).any())
        return self

    def find(self, text: str) -> dict[str, Json]:
        """What a query in matching form names: attribute to value (a list where it names several), ``price`` to its bounds.

        >>> Attributes({("acme",): ("brand", "Acme"), ("red",): ("colour", "Red")}).find("red acme lamp")
        {'colour': 'Red', 'brand': 'Acme'}
        """
        result = together((name, value) for _, _, (name, value) in self.spans(tokens_of(text)))
        bounds = price_bounds(text) if self.priced else {}
        return {**result, "price": bounds} if bounds else result

    def spans(self, tokens: Sequence[str]) -> Iterator[tuple[int, int, tuple[str, str]]]:
        """Where the values stand: the first token, how many, and (attribute, value)."""
        at = 0
        while at < len(tokens):
            match, size = self._match(tokens, at)
            if match is not None:
                yield at, size, match
            at += max(size, 1)

    def value(self, name: str, tokens: Sequence[str]) -> str | None:
        """The value of one attribute that exactly these tokens name, None where they name none."""
        key = tuple(tokens)
        match = self.values_.get(key) or self._plain(key)
        return match[1] if match is not None and match[0] == name else None

    def _match(self, tokens: Sequence[str], at: int) -> tuple[tuple[str, str] | None, int]:
        """The longest value that starts at ``at``, and its length; a single letter is a size only at the end or after `size`."""
        for size in range(min(self._longest, len(tokens) - at), 0, -1):
            key = tuple(tokens[at : at + size])
            match = self.values_.get(key) or self._plain(key)
            lone = size == 1 and len(key[0]) == 1 and key[0].isascii()
            if match is not None and not (lone and at + 1 < len(tokens) and tokens[at - 1 : at] != ["size"]):
                return match, size
        return None, 1

    def _plain(self, key: Key) -> tuple[str, str] | None:
        """A category in another number."""
        match = self.values_.get(tuple(map(stem, key)))
        return match if match is not None and match[0] == "category" else None

    def save(self, folder: Path) -> None:
        """Write ``attributes.json``."""
        folder.mkdir(parents=True, exist_ok=True)
        rows = [[" ".join(key), *value] for key, value in self.values_.items()]
        (folder / "attributes.json").write_text(json.dumps({"priced": self.priced, "values": rows}, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open what `save` wrote."""
        held = json.loads((folder / "attributes.json").read_text(encoding="utf-8"))
        return cls({tuple(key.split(" ")): (name, value) for key, name, value in held["values"]}, bool(held["priced"]))


def together(pairs: Iterable[tuple[str, str]]) -> dict[str, Json]:
    """Attribute to value, to a list where several are named; each once, in their order."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        if value not in found.setdefault(name, []):
            found[name].append(value)
    return {name: [*values] if len(values) > 1 else values[0] for name, values in found.items()}


def _columns(catalogue: Catalogue) -> Iterable[str]:
    """Brand, category, and the attributes of which several items share a value."""
    for name, column in catalogue.texts.items():
        if name in (*TITLES, *HIDDEN, "description"):
            continue
        different = len(catalogue.labels(name).names)
        filled = len(column) - int(column.absent.sum())
        if name in ("brand", "category") or different <= max(min(filled / 2, MOST_VALUES), 50):
            yield name


def keys_of(name: str, value: str) -> Iterable[Key]:
    """How a value may be typed; nothing for one that is too long, a bare number or a word that means nothing."""
    tokens = tuple(tokens_of(normalise(value.rpartition(" > ")[2] if name == "category" else value)))
    if not 0 < len(tokens) <= LONGEST or all(token[0].isdigit() for token in tokens) or (len(tokens) == 1 and tokens[0] in SILENT):
        return
    yield tokens
    if name == "category" and (stems := tuple(map(stem, tokens))) != tokens:
        yield stems


def tokens_of(text: str) -> list[str]:
    """The tokens of a text in matching form.

    >>> tokens_of("30cm 红色 lamp")
    ['30', 'centimeter', '红', '色', 'lamp']
    """
    return [token for token, _ in placed(text)]


def placed(text: str) -> list[tuple[str, slice]]:
    """Each token and where it stands: words, numbers and single Chinese characters; a measure has one name: `30 cm`, `30cm` and `30 CM`
    are the same two tokens.

    >>> placed("30cm lamp")
    [('30', slice(0, 2, None)), ('centimeter', slice(2, 4, None)), ('lamp', slice(5, 9, None))]
    """
    text = _POSSESSIVE.sub(lambda ending: " " * len(ending[0]), text)
    tokens: list[tuple[str, slice]] = []
    end, counted = -1, False
    for found in _TOKEN.finditer(text):
        token, gap = found[0], text[end : found.start()] if end >= 0 else " "
        if found.lastgroup == "number":
            token = token.replace(",", "").rstrip(".")
        elif counted and token in UNIT and gap in ("", " ", "-") and (gap == "" or token not in GLUED_ONLY):
            token = UNIT[token]
        tokens.append((token, slice(found.start(), found.end())))
        end, counted = found.end(), found.lastgroup == "number"
    return tokens
