"""What a query and a title say of each other, as columns: words, letters, numbers and units, brands, meaning, the catalogue beside them.

No column reads a grade, and none counts how often anything was judged.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz
from rapidfuzz.process import cdist
from sklearn.feature_extraction.text import TfidfVectorizer

from aisle.core.candidates import Candidates
from aisle.core.events import Dataset, Events
from aisle.core.profiles import Profiles, Slices
from aisle.core.request import Request
from aisle.core.stage import Block, Query
from aisle.query.understand import understand
from aisle.ranking.text_match import TextMatch
from aisle.retrieval.lexical import Lexical
from aisle.retrieval.rows import Full
from aisle.text.normalise import normalise
from aisle.text.segment import JOINING, UNITS, words
from benchmarks.homedepot_parts import HomeDepot
from benchmarks.query_types import product_type

Column = NDArray[np.floating]
Columns = dict[str, NDArray[np.float32]]
Numbers = NDArray[np.int64]
LETTERS = (3, 5)
"""Characters of a piece of a word."""
NEAREST = 10
"""First titles of the catalogue for a query: how good they are, and what they have in common."""
BRAND, OPENS = 10, 0.6
"""A word is a brand that begins so many titles, and so large a share of those that hold it."""
BLOCK = 512
MEASURE = re.compile(rf"^[\d./-]+(?:{'|'.join(UNITS)})$")
NUMBER = re.compile(r"^[\d./-]*\d[\d./-]*$")


@dataclass(frozen=True)
class Judged:
    """Pair ``k``: query ``query[k]`` of ``texts``, title ``item[k]``, its ``grade``; ``test`` ``(pairs,) bool``: of a test query. Pairs
    stand in order of query, then title."""

    texts: Sequence[str]
    query: Numbers
    item: Numbers
    grade: NDArray[np.float64]
    test: NDArray[np.bool_]

    @classmethod
    def of(cls, shop: HomeDepot) -> Judged:
        """Everything judged."""
        order = [np.argsort(rows, kind="stable") for rows in shop.rows]
        item = np.concatenate([rows[one] for rows, one in zip(shop.rows, order, strict=True)])
        grade = np.concatenate([grades[one] for grades, one in zip(shop.grades, order, strict=True)])
        query = np.repeat(np.arange(len(shop.texts)), [len(rows) for rows in shop.rows])
        return cls(shop.texts, query, item, grade, np.isin(query, shop.split()[1]))

    def block(self, understood: Sequence[Query]) -> tuple[Block, Candidates]:
        """The queries as requests, and their titles as candidates."""
        count = len(self.texts)
        requests = [Request(f"q{number}", "search", query=text) for number, text in enumerate(self.texts)]
        nobody = Slices.none(count)
        held = Candidates.of(np.split(self.item.astype(np.int32), np.flatnonzero(np.diff(self.query)) + 1))
        return Block(requests, np.full(count, np.nan), list(understood), Profiles.strangers(count), nobody, nobody), held


class Words:
    """Queries and titles as words, by the shop's own lexical source."""

    def __init__(self, shop: HomeDepot, judged: Judged) -> None:
        self.judged = judged
        self.lexical = Lexical().fit(Dataset(shop.catalogue, Events.none()))
        self.understood = [understand(text, self.lexical.speller_) for text in judged.texts]
        self.titles = [normalise(str(title)) for title in shop.catalogue.text("title")]
        self.types = [product_type(str(title)) for title in shop.catalogue.text("title")]

    def plain(self) -> Columns:
        """What the feature function says of words (`ranking.text_match`)."""
        return {name: np.asarray(column) for name, column in TextMatch(self.lexical.tokens_)(*self.judged.block(self.understood)).items()}

    def catalogue(self) -> tuple[Columns, NDArray[np.int32]]:
        """The lexical score beside that of the best titles of the catalogue, its rank among all; and each query's best titles."""
        block, _ = self.judged.block(self.understood)
        scores = (row.scores for row in self.lexical.rows(block) if isinstance(row, Full))
        return beside(scores, self.judged, "lexical")

    def letters(self) -> Columns:
        """Pieces of words in common, by rarity; how near each word of the query comes to one of the title; both texts as wholes."""
        judged, asked = self.judged, [query.correction or query.text for query in self.understood]
        grams = TfidfVectorizer(analyzer="char_wb", ngram_range=LETTERS, sublinear_tf=True, min_df=2, dtype=np.float32)
        shown = grams.fit_transform(self.titles)
        found: Columns = {}
        for name, texts in {"letters": asked, "letters_typed": [query.text for query in self.understood]}.items():
            held = grams.transform(texts)
            pairs = held[judged.query]
            total = np.asarray(pairs.sum(axis=1)).ravel()
            both = pairs.multiply(shown[judged.item] > 0)
            found[f"{name}_cosine"] = np.asarray(pairs.multiply(shown[judged.item]).sum(axis=1)).ravel()
            found[f"{name}_covered"] = np.asarray(both.sum(axis=1)).ravel() / np.maximum(total, 1e-6)
        found |= self._near(asked)
        return found

    def _near(self, asked: Sequence[str]) -> Columns:
        names = ("near_mean", "near_least", "near_rare", "near_first", "near_last", "near_whole", "near_sorted", "near_part", "near_type")
        table = np.full((len(self.judged.query), len(names)), np.nan, np.float32)
        parts = [[word for word in text.split() if word not in JOINING] or text.split() for text in asked]
        rare = [np.array([self.rarity(word) for word in some]) for some in parts]
        titles: dict[int, list[str]] = {}
        for row, (query, item) in enumerate(zip(self.judged.query.tolist(), self.judged.item.tolist(), strict=True)):
            title = titles.get(item) or titles.setdefault(item, self.titles[item].split())
            if not parts[query] or not title:
                continue
            best = cdist(parts[query], title, scorer=fuzz.ratio).max(axis=1) / 100
            weight = rare[query]
            text, whole = asked[query], self.titles[item]
            as_wholes = fuzz.token_set_ratio(text, whole), fuzz.token_sort_ratio(text, whole), fuzz.partial_ratio(text, whole)
            kind = fuzz.ratio(parts[query][-1], self.types[item].split()[-1]) if self.types[item] else np.nan
            table[row] = (best.mean(), best.min(), best @ weight / weight.sum(), best[0], best[-1], *as_wholes, kind)
        return dict(zip(names, table.T, strict=True))

    def rarity(self, word: str) -> float:
        """How rare a word of a query is among the titles."""
        count = self._counts[word]
        return float(np.log1p(len(self.titles) / (1 + count)))

    @cached_property
    def _counts(self) -> Counter[str]:
        return Counter(word for title in self.titles for word in set(title.split()))

    def numbers(self) -> Columns:
        """Measures (a number with its unit) and numbers that both have, those that differ, and how many there are."""
        asked = [_measured(query.tokens) for query in self.understood]
        shown = {item: _measured(words(self.titles[item])) for item in np.unique(self.judged.item).tolist()}
        names = ("measures", "measures_held", "measures_other", "numbers", "numbers_held", "numbers_shown", "measures_shown")
        table = np.zeros((len(self.judged.query), len(names)), np.float32)
        for row, (query, item) in enumerate(zip(self.judged.query.tolist(), self.judged.item.tolist(), strict=True)):
            (measures, numbers), (theirs, more) = asked[query], shown[item]
            units = {unit for _, unit in theirs}
            other = sum(unit in units and (number, unit) not in theirs for number, unit in measures)
            held = len(measures & theirs) / len(measures) if measures else np.nan
            same = len(numbers & more) / len(numbers) if numbers else np.nan
            table[row] = (len(measures), held, other, len(numbers), same, len(more), len(theirs))
        return dict(zip(names, table.T, strict=True))

    def brands(self) -> Columns:
        """Whether the query names a brand, the title's or another one, and how common the title's is."""
        opening = [title.split()[0] if title.split() else "" for title in self.titles]
        begins = Counter(opening)
        brands = {word for word, count in begins.items() if count >= BRAND and count / self._counts[word] >= OPENS}
        named = [brands & set((query.correction or query.text).split()) for query in self.understood]
        query, item = self.judged.query.tolist(), self.judged.item.tolist()
        own = [float(opening[row] in named[one]) if named[one] else np.nan for one, row in zip(query, item, strict=True)]
        other = [bool(named[one]) and opening[row] in brands - named[one] for one, row in zip(query, item, strict=True)]
        known = [np.log1p(begins[opening[row]]) if opening[row] in brands else np.nan for row in item]
        found = {"brands": [len(named[one]) for one in query], "brand_own": own, "brand_other": other, "brand_known": known}
        return {name: np.array(values, np.float32) for name, values in found.items()}

    def shape(self) -> Columns:
        """Lengths, whether the query was mended and how far, and words of the query that join others."""
        texts = [(query.text, query.correction or query.text) for query in self.understood]
        each = {
            "typed_length": [len(text) for text, _ in texts],
            "typed_words": [len(text.split()) for text, _ in texts],
            "mended": [fuzz.ratio(*pair) for pair in texts],
            "joining": [sum(word in JOINING for word in text.split()) for text, _ in texts],
            "rarest": [max((self.rarity(word) for word in better.split()), default=np.nan) for _, better in texts],
            "commonest": [min((self.rarity(word) for word in better.split()), default=np.nan) for _, better in texts],
        }
        found = {name: np.array(values, np.float32)[self.judged.query] for name, values in each.items()}
        found["title_letters"] = np.array([len(title) for title in self.titles], np.float32)[self.judged.item]
        return found


class Meaning:
    """Queries ``(queries, d)`` and titles ``(titles, d)`` as unit vectors of an encoder."""

    def __init__(self, judged: Judged, asked: NDArray[np.float32], shown: NDArray[np.float32]) -> None:
        self.judged, self.asked, self.shown = judged, asked, shown

    def cosine(self) -> Columns:
        """Of each pair."""
        return {"cosine": (self.asked[self.judged.query] * self.shown[self.judged.item]).sum(axis=1)}

    def catalogue(self) -> tuple[Columns, NDArray[np.int32]]:
        """The cosine beside those of the best titles of the catalogue, its rank among all; and each query's best titles."""
        starts = range(0, len(self.asked), BLOCK)
        rows = (row for start in starts for row in self.asked[start : start + BLOCK] @ self.shown.T)
        return beside(rows, self.judged, "meaning")

    def common(self, best: NDArray[np.int32], name: str) -> Columns:
        """How like the title is to the mean of the query's ``best`` titles ``(queries, k)``, -1 for none, and how alike those are."""
        there = (best >= 0)[:, :, None]
        middle = (self.shown[best] * there).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
        alike = np.linalg.norm(middle, axis=1)
        unit = middle / np.maximum(alike, 1e-6)[:, None]
        query = self.judged.query
        return {f"{name}_common": (unit[query] * self.shown[self.judged.item]).sum(axis=1), f"{name}_alike": alike[query],
                f"{name}_asked": (unit * self.asked).sum(axis=1)[query]}  # fmt: skip


def beside(rows: Iterator[NDArray[np.float32]], judged: Judged, name: str) -> tuple[Columns, NDArray[np.int32]]:
    """Of scores over the whole catalogue, a row a query: each judged title's score, the same beside the best and the tenth best, its rank;
    and the first titles of each query ``(queries, NEAREST)``, -1 where no more score."""
    count = len(judged.texts)
    first, ends = np.searchsorted(judged.query, np.arange(count)), np.searchsorted(judged.query, np.arange(count), side="right")
    best = np.full((count, NEAREST), -1, np.int32)
    table = np.zeros((len(judged.query), 5), np.float32)
    for query, row in enumerate(rows):
        part = slice(int(first[query]), int(ends[query]))
        own = row[judged.item[part]]
        top = np.argpartition(-row, NEAREST)[:NEAREST]
        top = top[np.argsort(-row[top], kind="stable")]
        best[query] = np.where(row[top] > 0, top, -1)
        table[part, 0], table[part, 1] = own, row[top[0]]
        table[part, 2], table[part, 3] = own / max(float(row[top[0]]), 1e-6), own / max(float(row[top[-1]]), 1e-6)
        table[part, 4] = np.log1p([(row > one).sum() for one in own])
    return {f"{name}_{what}": column for what, column in zip(("score", "best", "share", "tenth", "rank"), table.T, strict=True)}, best


def _measured(tokens: Sequence[str]) -> tuple[set[tuple[str, str]], set[str]]:
    """Measures as (number, unit), and plain numbers."""
    measures = {(found.rstrip("abcdefghijklmnopqrstuvwxyz"), found.lstrip("0123456789./-")) for found in tokens if MEASURE.match(found)}
    return measures, {token for token in tokens if NUMBER.match(token)}


def joined(*groups: Mapping[str, Column]) -> Columns:
    """All columns."""
    return {name: np.asarray(column, np.float32) for group in groups for name, column in group.items()}
