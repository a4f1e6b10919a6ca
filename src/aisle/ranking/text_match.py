"""How well a query's words match an item's text: columns of the feature function, worked out from the tokens alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from aisle.core.candidates import Candidates
from aisle.core.stage import Block, Query
from aisle.text.tokens import Field, Ids, Tokens

Column = NDArray[np.float32]
Table = NDArray[np.float32]
MOST = 32
"""Words of a query that are read."""
TURNS = ("in", "with", "for", "and", "of", "by")
"""Words before which an English title has said what the thing is."""
TITLE = (
    "title_bm25", "title_covered", "title_words", "title_all", "title_head", "title_first", "title_rarest", "title_missed",
    "title_adjacent", "title_numbers", "title_place", "title_said", "title_subject", "title_subject_last", "title_opening",
    "title_length",
)  # fmt: skip
QUERY = ("query_words", "query_unknown", "query_rarest", "query_numbers")
OTHERS = ("brand", "category", "description", "other")


@dataclass(frozen=True)
class Terms:
    """A query as word numbers: ``word`` ``(q,)`` in order, each once; ``weight`` ``(q,)`` rarity, unknown words the rarest; ``number``
    marks tokens with digits, ``head`` the last word that has none."""

    word: NDArray[np.int64]
    weight: Table
    number: NDArray[np.bool_]
    head: int
    unknown: int

    @classmethod
    def of(cls, query: Query, tokens: Tokens) -> Terms:
        """The query's tokens; those that no item has are -1."""
        names = list(dict.fromkeys(query.tokens))[:MOST]
        word = np.array([tokens.words.get(name) for name in names], np.int64)
        idf = tokens.fields["title"].idf
        weight = np.where(word >= 0, idf[word] if len(idf) else 0, tokens.rarest).astype(np.float32)
        number = np.array([any(c.isdigit() for c in name) for name in names], bool)
        plain = np.flatnonzero(~number)
        return cls(word, weight, number, int(plain[-1]) if len(plain) else len(names) - 1, int((word < 0).sum()))


@dataclass(frozen=True)
class Matches:
    """Where the tokens of some items are the query's: ``owner``, ``slot`` and ``place`` ``(m,)``; ``slot`` is -1 for other words."""

    items: int
    owner: NDArray[np.int64]
    token: Ids
    slot: NDArray[np.int64]
    place: NDArray[np.int64]
    length: NDArray[np.int64]

    @classmethod
    def of(cls, field: Field, rows: Ids, terms: Terms, lookup: NDArray[np.int16]) -> Matches:
        """Gather the tokens of ``rows``; ``lookup`` is scratch space over all words, -1 everywhere before and after."""
        length, token = field.read(rows)
        owner = np.repeat(np.arange(len(rows)), length)
        place = np.arange(len(owner)) - np.repeat(np.cumsum(length) - length, length)
        known = terms.word >= 0
        lookup[terms.word[known]] = np.flatnonzero(known)
        slot = lookup[token].astype(np.int64)
        lookup[terms.word[known]] = -1
        return cls(len(rows), owner, token, slot, place, length)

    @cached_property
    def asked(self) -> NDArray[np.bool_]:
        """``(m,) bool``: the token is one of the query's."""
        return self.slot >= 0

    def counts(self, terms: Terms) -> Table:
        """``(items, q) float32``: how often each of the query's words stands in each item."""
        size = len(terms.word)
        keys = self.owner[self.asked] * size + self.slot[self.asked]
        return np.bincount(keys, minlength=self.items * size).reshape(self.items, size).astype(np.float32)


@dataclass(frozen=True)
class TextMatch:
    """A group of the feature function. NaN everywhere where the request has no query, in an attribute's columns where the item has none."""

    tokens: Tokens

    def __call__(self, block: Block, candidates: Candidates) -> Mapping[str, Column]:
        """Feature name to ``(n,) float32``."""
        others = [name for name in OTHERS if name in self.tokens.fields]
        names = [*TITLE, *QUERY, *(f"{name}_{what}" for name in others for what in ("bm25", "covered"))]
        table = np.full((len(candidates), len(names)), np.nan, np.float32)
        lookup = np.full(max(len(self.tokens.words), 1), -1, np.int16)
        for request, query in enumerate(block.queries):
            part = candidates.of_request(request)
            if query is None or not query.tokens or part.start == part.stop:
                continue
            terms, rows = Terms.of(query, self.tokens), self.tokens.slots(candidates.item[part])
            table[part, : len(TITLE) + len(QUERY)] = self._title(rows, terms, lookup)
            for place, name in enumerate(others):
                table[part, len(TITLE) + len(QUERY) + 2 * place :][:, :2] = self._other(name, rows, terms)
        return dict(zip(names, table.T, strict=True))

    @cached_property
    def _turns(self) -> NDArray[np.bool_]:
        """``(words,) bool``: what stands behind the word does not say what the thing is."""
        turns = np.zeros(max(len(self.tokens.words), 1), bool)
        turns[self.tokens.words.find(TURNS)] = True
        return turns

    def _title(self, rows: Ids, terms: Terms, lookup: NDArray[np.int16]) -> Table:
        field = self.tokens.fields["title"]
        found = Matches.of(field, rows, terms, lookup)
        counts = found.counts(terms)
        hit = counts > 0
        total = max(float(terms.weight.sum()), 1e-6)
        length = np.maximum(found.length, 1)
        subject = self._subjects(found)
        said = np.bincount(found.owner[found.asked], field.idf[found.token[found.asked]], minlength=len(rows))
        spoken = np.maximum(np.bincount(found.owner, field.idf[found.token], minlength=len(rows)), 1e-6)
        first = np.full(len(rows), np.inf)
        np.minimum.at(first, found.owner[found.asked], found.place[found.asked])
        columns = [
            field.bm25(counts, found.length, terms.word),
            np.where(hit, terms.weight, 0).sum(axis=1) / total,
            hit.mean(axis=1),
            hit.all(axis=1),
            hit[:, terms.head],
            hit[:, 0],
            hit[:, int(np.argmax(terms.weight))],
            np.where(hit, 0, terms.weight).max(axis=1),
            _adjacent(found, len(terms.word)),
            hit[:, terms.number].mean(axis=1) if terms.number.any() else np.full(len(rows), np.nan),
            np.where(np.isfinite(first), first / length, np.nan),
            said / spoken,
            subject >= 0,
            subject == terms.head,
            _opening(found),
            found.length,
        ]
        about = (len(terms.word), terms.unknown, float(terms.weight.max()), float(terms.number.mean()))
        return np.column_stack([*columns, *(np.full(len(rows), value) for value in about)]).astype(np.float32)

    def _subjects(self, found: Matches) -> NDArray[np.int64]:
        """``(items,)``: which query word is the title's subject, the one before the first `in`, `with` or the end; -1 for none."""
        turn = self._turns[found.token] & (found.place > 0)
        end = found.length.copy()
        np.minimum.at(end, found.owner[turn], found.place[turn])
        starts = np.cumsum(found.length) - found.length
        result = np.full(found.items, -1, np.int64)
        some = found.length > 0
        result[some] = found.slot[(starts + end - 1)[some]]
        return result

    def _other(self, name: str, rows: Ids, terms: Terms) -> Table:
        """``(items, 2) float32``: BM25 and the share of the query's rarity that stands in the field; its tokens need not be read for it."""
        field = self.tokens.fields[name]
        result = np.zeros((len(rows), 2), np.float32)
        for word, weight in zip(terms.word.tolist(), terms.weight.tolist(), strict=True):
            if word >= 0:
                given = field.given(word, rows)
                result[:, 0] += given
                result[:, 1] += (given > 0) * np.float32(weight)
        result[:, 1] /= max(float(terms.weight.sum()), 1e-6)
        result[field.offsets[rows + 1] == field.offsets[rows]] = np.nan
        return result


def _adjacent(found: Matches, size: int) -> NDArray[np.float64]:
    """The share of the query's pairs of neighbours that stand side by side in the title; NaN for one word."""
    if size < 2:
        return np.full(found.items, np.nan)
    slot, owner = found.slot, found.owner
    pair = (slot[:-1] >= 0) & (slot[1:] == slot[:-1] + 1) & (owner[:-1] == owner[1:])
    return np.bincount(owner[:-1][pair], minlength=found.items) / (size - 1)


def _opening(found: Matches) -> NDArray[np.float64]:
    """Whether the title's first word, mostly its brand, is asked for."""
    return np.bincount(found.owner[found.asked & (found.place == 0)], minlength=found.items).astype(float)
