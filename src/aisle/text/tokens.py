"""The shop's text as numbers: each field's tokens item by item in order, and turned round with BM25 scores, for search and features."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from aisle.core.arrays import looked_up, mapped
from aisle.core.catalogue import Catalogue
from aisle.core.strings import Strings
from aisle.text.normalise import normalise
from aisle.text.segment import bigrams, grams, language, words

Ids = NDArray[np.int32]
Offsets = NDArray[np.int64]
Weights = NDArray[np.float32]
Posting = tuple[Ids, NDArray[np.float16]]
"""Items, ascending, and what a word gives each of them: half precision, for these are most of the index and a thousandth is enough."""
TITLES = ("title", "title_en", "title_zh")
APART = ("brand", "category", "description")
HIDDEN = frozenset({"item_id", "parent_id", "image", "language", "currency"})
"""Text columns that say nothing a shopper would search for."""
SATURATION, LENGTH = 0.5, 0.5
"""BM25's k1 and b (Robertson and Zaragoza 2009), lower than for pages: a word said twice in a title is a size, not a subject."""


class Words:
    """The distinct tokens of some fields and their numbers."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)

    @cached_property
    def number(self) -> dict[str, int]:
        """Token to number."""
        return {name: number for number, name in enumerate(self.names)}

    def __len__(self) -> int:
        return len(self.names)

    def get(self, token: str) -> int:
        """The token's number, -1 for an unknown one."""
        return self.number.get(token, -1)

    def find(self, tokens: Iterable[str]) -> list[int]:
        """The numbers of the tokens that are known, in order."""
        return [number for token in tokens if (number := self.get(token)) >= 0]


@dataclass(frozen=True)
class Field:
    """One field of ``n`` items over ``v`` words. Item ``i`` has the tokens ``token[offsets[i]:offsets[i + 1]]`` in their order; word ``w``
    stands in the items ``row[starts[w]:starts[w + 1]]``, ascending, and gives each of them ``value`` (BM25 with ``idf[w]`` in it).
    ``usual`` ``(1,)`` is the mean length."""

    offsets: Offsets
    token: Ids
    starts: Offsets
    row: Ids
    value: NDArray[np.float16]
    idf: Weights
    usual: Weights

    ARRAYS = ("offsets", "token", "starts", "row", "value", "idf", "usual")

    @classmethod
    def of(cls, offsets: Offsets, token: Ids, size: int) -> Field:
        """Count what ``token`` holds; an item without any token in this field counts neither for the mean length nor for rarity."""
        items = len(offsets) - 1
        length = np.diff(offsets)
        owner = np.repeat(np.arange(items), length)
        pairs, count = np.unique(token.astype(np.int64) * items + owner, return_counts=True)
        number, row = pairs // max(items, 1), pairs % max(items, 1)
        frequency = np.bincount(number, minlength=size)
        filled = max(int((length > 0).sum()), 1)
        idf = np.log1p((filled - frequency + 0.5) / (frequency + 0.5)).astype(np.float32)
        usual = max(float(length.sum()) / filled, 1e-9)
        value = (idf[number] * saturated(count, length[row] / usual)).astype(np.float16)
        starts = np.zeros(size + 1, np.int64)
        np.cumsum(frequency, out=starts[1:])
        return cls(offsets, token, starts, row.astype(np.int32), value, idf, np.array([usual], np.float32))

    def postings(self, word: int) -> Posting:
        """The items that have ``word`` and what it gives them."""
        part = slice(int(self.starts[word]), int(self.starts[word + 1]))
        return self.row[part], self.value[part]

    def given(self, word: int, slots: Ids) -> Weights:
        """``(k,) float32``: what ``word`` gives each of ``slots``, 0 where it does not stand."""
        return looked_up(*self.postings(word), slots)

    def add(self, score: Weights, words: Iterable[int], weight: float) -> None:
        """Add the words' BM25 times ``weight`` to ``score`` ``(n,) float32``."""
        for word in words:
            rows, values = self.postings(word)
            score[rows] += values * np.float32(weight)

    def most(self, words: Iterable[int]) -> float:
        """More than any item can get for ``words``."""
        return float(sum(self.idf[word] for word in words)) * (SATURATION + 1)

    def bm25(self, counts: Weights, length: Offsets, words: NDArray[np.int64]) -> Weights:
        """``(k,) float32``: what `add` gives ``k`` items but for its rounding, by ``counts`` ``(k, q)`` of ``words`` ``(q,)`` (-1: unknown)
        and length."""
        rarity = np.where(words >= 0, self.idf[words] if len(self.idf) else 0, 0).astype(np.float32)
        return np.asarray(saturated(counts, (length / self.usual[0])[:, None]) @ rarity, np.float32)

    def read(self, rows: NDArray[np.integer]) -> tuple[Offsets, Ids]:
        """``(k,) int64``: how many tokens each of ``rows`` has, and all those tokens one behind the other."""
        start = self.offsets[rows]
        length = self.offsets[rows + 1] - start
        within = np.arange(int(length.sum())) - np.repeat(np.cumsum(length) - length, length)
        return length, self._at(np.repeat(start, length) + within)

    def _at(self, places: Offsets) -> Ids:
        return self.token[places]


def saturated(count: NDArray[np.floating] | Offsets, length: NDArray[np.floating]) -> Weights:
    """What BM25 makes of ``count`` in a text of ``length`` (a share of the usual one), before rarity."""
    norm = SATURATION * (1 - LENGTH + LENGTH * length)
    return np.asarray(count * (SATURATION + 1) / (count + norm), np.float32)


class Tokens:
    """All fields: ``title`` (every title column), ``brand``, ``category``, ``description``, ``other`` (further attributes) over one list of
    words; ``pieces`` (characters and bigrams of Chinese titles) and ``grams`` (letter trigrams of titles and brands) over their own.
    ``plain`` is each item's titles in matching form, to check that a piece stands there as typed.

    All of it is kept by slot. In a bundle an item's slot is its row; a text that was written later has a slot behind those
    (`aisle.text.later`): `slots` leads from rows to slots, `fold` from values by slot to values by row."""

    def __init__(self, vocabularies: dict[str, Words], fields: dict[str, Field], plain: Strings) -> None:
        self.vocabularies, self.fields, self.plain = vocabularies, fields, plain

    def __len__(self) -> int:
        return len(self.plain)

    @property
    def words(self) -> Words:
        """The words of all word fields."""
        return self.vocabularies["words"]

    @cached_property
    def rarest(self) -> float:
        """The rarity of a word that no item has."""
        return float(np.log1p(2.0 * len(self) + 1))

    def common(self, word: int, share: float) -> bool:
        """Whether ``word`` stands in more than ``share`` of the titles."""
        starts = self.fields["title"].starts
        return bool(starts[word + 1] - starts[word] > share * len(self))

    def slots(self, rows: Ids) -> Ids:
        """``(k,)``: where the texts of ``rows`` are kept."""
        return rows

    def fold(self, values: NDArray[Any]) -> NDArray[Any]:
        """From ``(slots,)`` to ``(items,)``."""
        return values

    @classmethod
    def fit(cls, catalogue: Catalogue) -> Self:
        """Read every text column of the catalogue."""
        texts = written(catalogue.texts, len(catalogue))
        spoken = {name: column for name, column in texts.items() if name not in PARTS and (name == "title" or any(column))}
        fields, names = _number({name: [words(text) for text in column] for name, column in spoken.items()}, len(catalogue))
        vocabularies = {"words": Words(names)}
        for name, cut in PARTS.items():
            found, names = _number({name: [cut(text) for text in texts[name]]}, len(catalogue), ordered=False)
            fields |= found
            vocabularies[name] = Words(names)
        return cls(vocabularies, fields, Strings.of(texts["title"]))

    def save(self, folder: Path) -> None:
        """Write one file an array and ``tokens.json``, which lists the fields."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, field in self.fields.items():
            for part in Field.ARRAYS:
                np.save(folder / f"{name}.{part}.npy", getattr(field, part))
        for name, known in self.vocabularies.items():
            Strings.of(known.names).save(folder, f"{name}.names")
        self.plain.save(folder, "plain")
        listing = {"fields": list(self.fields), "vocabularies": list(self.vocabularies)}
        (folder / "tokens.json").write_text(json.dumps(listing), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open what `save` wrote."""
        listing = json.loads((folder / "tokens.json").read_text(encoding="utf-8"))
        fields = {name: Field(**{part: mapped(folder / f"{name}.{part}.npy") for part in Field.ARRAYS}) for name in listing["fields"]}
        vocabularies = {name: Words(list(Strings.load(folder, f"{name}.names"))) for name in listing["vocabularies"]}
        return cls(vocabularies, fields, Strings.load(folder, "plain"))


def written(columns: Mapping[str, Iterable[str]], items: int) -> dict[str, list[str]]:
    """What is cut into tokens, by field: of the text columns of ``items`` items, whole or some of their rows, in matching form."""
    texts = {"title": _column(columns, TITLES, items)} | {name: _column(columns, (name,), items) for name in APART}
    texts["other"] = _column(columns, tuple(name for name in columns if name not in (*TITLES, *APART, *HIDDEN)), items)
    texts["pieces"] = texts["title"]
    texts["grams"] = [f"{brand} {title}" for brand, title in zip(texts["brand"], texts["title"], strict=True)]
    return texts


def _column(columns: Mapping[str, Iterable[str]], names: Iterable[str], items: int) -> list[str]:
    held = [columns[name] for name in names if name in columns]
    if not held:
        return [""] * items
    return [normalise(" | ".join(text for text in dict.fromkeys(parts) if text)) for parts in zip(*held, strict=True)]


def _pieces(text: str) -> list[str]:
    return bigrams(text) if language(text) == "zh" else []


PARTS: dict[str, Callable[[str], list[str]]] = {"pieces": _pieces, "grams": grams}
"""Fields of parts of words, each over a vocabulary of its own, and what cuts them."""


def _number(columns: dict[str, list[list[str]]], items: int, ordered: bool = True) -> tuple[dict[str, Field], list[str]]:
    """The fields over one common list of words. Without ``ordered`` the order of tokens is not kept, which halves the field."""
    number: dict[str, int] = {}
    raw: dict[str, tuple[Offsets, Ids]] = {}
    for name, column in columns.items():
        offsets = np.zeros(items + 1, np.int64)
        np.cumsum([len(tokens) for tokens in column], out=offsets[1:])
        token = np.fromiter((number.setdefault(word, len(number)) for tokens in column for word in tokens), np.int32, int(offsets[-1]))
        raw[name] = offsets, token
    fields = {name: Field.of(offsets, token, len(number)) for name, (offsets, token) in raw.items()}
    if not ordered:
        empty = np.zeros(items + 1, np.int64), np.zeros(0, np.int32)
        fields = {name: replace(field, offsets=empty[0], token=empty[1]) for name, field in fields.items()}
    return fields, list(number)
