"""The lexical source: BM25 over words, Chinese pieces and letter trigrams of every field, exact for every item, filters inside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from operator import and_, or_
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset
from aisle.core.stage import Block, Held, Mask, Query, Scores
from aisle.query.spelling import Speller
from aisle.retrieval.base import Scored
from aisle.retrieval.overlay import Step
from aisle.retrieval.rows import Few, Full
from aisle.text.later import rewritten
from aisle.text.segment import Ways, asked, bigrams, compounds, grams, language
from aisle.text.tokens import Tokens

WEIGHTS = {"title": 1.0, "brand": 0.6, "category": 0.5, "description": 0.3, "other": 0.3}
PIECES, GRAMS = 0.5, 0.2
"""What a bigram and a trigram count beside a word; measured by ``benchmarks/homedepot_parts.py``."""
LONGEST, MOST = 200, 64
"""Characters and tokens of a query that are read."""
SHORT = 4
"""A query of at most so many characters is looked for as a piece of Chinese titles even when it has no Chinese in it."""
COMMON = 0.2
"""A word in more than this share of all items does not make an item a match, unless all words are so common."""


class Lexical(Scored):
    """Scores every item for the query; silent without one. A title that holds a Chinese query literally stands before all that do not.

    ``speller_`` knows the same catalogue's words and mends queries before they come here (`aisle.query.understand`).
    """

    name = "lexical"
    surfaces = frozenset({"search", "rank"})

    def __init__(self, tokens: Tokens | None = None, speller: Speller | None = None) -> None:
        self._tokens = tokens
        self.speller_ = speller or Speller()
        self._last: tuple[Tokens, str, NDArray[np.int32]] | None = None

    @property
    def tokens_(self) -> Tokens:
        """The shop's text as numbers, shared with the features."""
        if self._tokens is None:
            raise ValueError("fit or load first")
        return self._tokens

    def fit(self, data: Dataset) -> Self:
        """Index every text column; events and judgements are not read."""
        self._tokens = Tokens.fit(data.catalogue)
        self.speller_ = Speller.fit(data.catalogue)
        return self

    def over(self, step: Step) -> Lexical:
        """With the texts that were written since, found by the words and rarities that the bundle knows."""
        if not len(step.rewritten):
            return self
        tokens, texts = rewritten(self.tokens_, step.catalogue, step.rewritten.tolist())
        return Lexical(tokens, self.speller_.knowing(texts))

    def rows(self, block: Block) -> Iterator[Full | Few]:
        """One row of scores per request."""
        return (Few.none() if query is None else Full(self._row(query)) for query in block.queries)

    def _row(self, query: Query) -> Scores:
        score = np.zeros(len(self.tokens_), np.float32)
        bound = self._words(score, query) + self._grams(score, query)
        if _piecewise(query):
            bound += self._pieces(score, query)
            score[self._holding(query)] += bound
        return self.tokens_.fold(score)

    def _words(self, score: Scores, query: Query) -> float:
        found = self.tokens_.words.find(dict.fromkeys([*query.tokens[:MOST], *compounds(_wanted(query))[:MOST]]))
        return sum(self._add(score, name, found, weight) for name, weight in WEIGHTS.items() if name in self.tokens_.fields)

    def _grams(self, score: Scores, query: Query) -> float:
        found = self.tokens_.vocabularies["grams"].find(dict.fromkeys(grams(_wanted(query))[:MOST]))
        return self._add(score, "grams", found, GRAMS)

    def _pieces(self, score: Scores, query: Query) -> float:
        found = self.tokens_.vocabularies["pieces"].find(dict.fromkeys(bigrams(_wanted(query))[:MOST]))
        return self._add(score, "pieces", found, PIECES)

    def _add(self, score: Scores, name: str, words: list[int], weight: float) -> float:
        """Add one field's scores; returned is the most that any item could have got."""
        field = self.tokens_.fields[name]
        field.add(score, words, weight)
        return weight * field.most(words)

    def literal(self, query: Query) -> NDArray[np.int32]:
        """The rows, ascending, of which a Chinese title holds the whole query as typed."""
        hit = np.zeros(len(self.tokens_), bool)
        hit[self._holding(query)] = True
        return np.flatnonzero(self.tokens_.fold(hit)).astype(np.int32)

    def _holding(self, query: Query) -> NDArray[np.int32]:
        """The same as slots, in any order; kept for the last query, which one answer asks two or three times."""
        piece, last = _wanted(query), self._last
        if last is None or last[0] is not self._tokens or last[1] != piece:
            self._last = last = self.tokens_, piece, self._with(piece)
        return last[2]

    def _with(self, piece: str) -> NDArray[np.int32]:
        cut = {part for word in piece.split() for part in _cut(word)}
        words = self.tokens_.vocabularies["pieces"].find(cut)
        if not cut or len(words) < len(cut):
            return np.zeros(0, np.int32)
        lists = sorted((self.tokens_.fields["pieces"].postings(word)[0] for word in words), key=len)
        slots: NDArray[np.int32] = lists[0]
        for other in lists[1:]:
            slots = np.intersect1d(slots, other, assume_unique=True) if len(slots) else slots
        if len(piece) > 2 and len(slots):
            plain = self.tokens_.plain
            slots = slots[[piece in plain[int(slot)] for slot in slots]]
        return slots

    def matches(self, query: Query) -> NDArray[np.int32]:
        """The rows, ascending, that have one of the query's words in any field (very common words aside) or hold it literally."""
        found = self.tokens_.words.find(dict.fromkeys(query.tokens[:MOST]))
        rare = [word for word in found if not self.tokens_.common(word, COMMON)]
        hit = self._standing(rare or found, WEIGHTS)
        if _piecewise(query):
            hit[self._holding(query)] = True
        return np.flatnonzero(self.tokens_.fold(hit)).astype(np.int32)

    def held(self, query: Query, mask: Mask) -> Held | None:
        """How many of the query's words the items have in any field; None where it has but one, or where no item of ``mask`` has two of
        them: whatever `matches` is then as good as all else. A common word counts here, since who asks for a red dress among dresses
        wants no red notebook."""
        words = asked(_wanted(query))[:MOST]
        if len(words) < 2:
            return None
        count = np.zeros(len(self.tokens_), np.uint8)
        for ways in words:
            count += self._says(ways)
        count = self.tokens_.fold(count)
        most = int(count.max(where=mask, initial=0))
        return Held(count, most, len(words)) if most > 1 else None

    def _says(self, ways: Ways) -> Mask:
        """``(slots,) bool``: who has all tokens of one of the ways; Chinese anywhere in a title counts as well."""
        hit = reduce(or_, (reduce(and_, (self._has("words", token, WEIGHTS) for token in tokens)) for tokens in ways))
        word = ways[0][0]
        if language(word) == "zh":
            more = reduce(and_, (self._has("pieces", part, ("pieces",)) for part in _cut(word))) & ~hit
            hit[[slot for slot in np.flatnonzero(more).tolist() if len(word) < 3 or word in self.tokens_.plain[slot]]] = True
        return hit

    def _has(self, vocabulary: str, token: str, fields: Iterable[str]) -> Mask:
        return self._standing(self.tokens_.vocabularies[vocabulary].find([token]), fields)

    def _standing(self, words: Sequence[int], fields: Iterable[str]) -> Mask:
        """``(slots,) bool``: where any of ``words`` stands in any of ``fields``."""
        hit = np.zeros(len(self.tokens_), bool)
        for name in fields:
            for word in words if name in self.tokens_.fields else ():
                hit[self.tokens_.fields[name].postings(word)[0]] = True
        return hit

    def save(self, folder: Path) -> None:
        """Write the tokens and the speller."""
        self.tokens_.save(folder)
        self.speller_.save(folder / "spelling")

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> Self:
        """Open what `save` wrote."""
        return cls(Tokens.load(folder), Speller.load(folder / "spelling"))


def _wanted(query: Query) -> str:
    return (query.correction or query.text)[:LONGEST]


def _piecewise(query: Query) -> bool:
    return query.language == "zh" or len(query.text) <= SHORT


def _cut(word: str) -> list[str]:
    """The pieces that stand in whatever holds ``word``."""
    return [word] if len(word) == 1 else bigrams(word)[len(word) :]
