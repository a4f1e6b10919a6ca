"""Spelling from the catalogue's own words: a word that no item has becomes a near one that many have, or two that stand side by side."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from copy import copy
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Self

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import OSA

from aisle.core.catalogue import Catalogue
from aisle.core.strings import Strings
from aisle.text.normalise import normalise
from aisle.text.segment import UNIT, stem

WORD = re.compile(r"[a-z]+")
SHORTEST = 4
"""Shorter words are codes and units more often than slips."""
LONGEST = 24
MOST_PAIRS = 200_000
READ = ("title", "title_en", "brand", "category")


class Speller:
    """Knows each word of the catalogue's titles, brands and categories and how many items have it."""

    def __init__(self, words: Sequence[str] = (), counts: Sequence[int] = (), pairs: Sequence[str] = ()) -> None:
        self.count_ = dict(zip(words, counts, strict=True))
        self.pairs_ = frozenset(pairs)
        self._stems = frozenset(stem(word) for word in words)
        self._by_length: dict[int, list[str]] = {}
        for word in words:
            if len(word) >= SHORTEST:
                self._by_length.setdefault(len(word), []).append(word)
        self._later: frozenset[str] = frozenset()
        self._mend = lru_cache(10_000)(self._find)

    @classmethod
    def fit(cls, catalogue: Catalogue) -> Self:
        """Count words, and the pairs of words that stand side by side in at least two items."""
        count: Counter[str] = Counter()
        pairs: Counter[str] = Counter()
        for parts in zip(*(list(catalogue.text(name)) for name in READ), strict=True):
            found = WORD.findall(normalise(" ".join(dict.fromkeys(parts))))
            count.update(set(found))
            pairs.update({f"{a} {b}" for a, b in pairwise(found)})
        words = sorted(count)
        return cls(words, [count[word] for word in words], sorted(pair for pair, n in pairs.most_common(MOST_PAIRS) if n >= 2))

    def knowing(self, texts: Iterable[str]) -> Self:
        """The same, leaving alone the words of ``texts`` (matching form) too: what came into the shop after the bundle."""
        found = {word for text in texts for word in WORD.findall(text)}
        more = copy(self)
        more._later = self._later | found | {stem(word) for word in found}
        return more

    def __call__(self, text: str) -> str | None:
        """``text`` (matching form) with unknown words mended, None when there is nothing to mend."""
        better = WORD.sub(lambda found: self._word(found[0], text, found.start(), found.end()), text)
        return better if better != text else None

    def _word(self, word: str, text: str, start: int, end: int) -> str:
        touches_number = (start > 0 and text[start - 1].isdigit()) or (end < len(text) and text[end].isdigit())
        known = word in self.count_ or stem(word) in self._stems or not self._later.isdisjoint((word, stem(word)))
        if known or word in UNIT or touches_number or not SHORTEST <= len(word) <= LONGEST:
            return word
        return self._mend(word)

    def _find(self, word: str) -> str:
        near = self._near(word)
        parted = self._parted(word)
        if near and (not parted or OSA.distance(word, near) == 1):
            return near
        return parted or near or word

    def _near(self, word: str) -> str:
        reach = 1 if len(word) < 6 else 2
        choices = [known for length in range(len(word) - reach, len(word) + reach + 1) for known in self._by_length.get(length, ())]
        found = process.extract(word, choices, scorer=OSA.distance, score_cutoff=reach, limit=50)
        return max(found, key=lambda hit: (self._worth(word, hit[0], hit[1]), hit[0]))[0] if found else ""

    def _worth(self, word: str, known: str, distance: float) -> float:
        """More items are better; a second slip must be repaid forty times, a wrong first letter ten times."""
        return float(np.log(self.count_[known])) - 3.7 * distance - 2.3 * (word[0] != known[0])

    def _parted(self, word: str) -> str:
        cuts = [(word[:at], word[at:]) for at in range(2, len(word) - 1)]
        known = [(min(self.count_[a], self.count_[b]), f"{a} {b}") for a, b in cuts if f"{a} {b}" in self.pairs_]
        return max(known)[1] if known else ""

    def save(self, folder: Path) -> None:
        """Write words, counts and pairs."""
        folder.mkdir(parents=True, exist_ok=True)
        Strings.of(self.count_).save(folder, "words")
        Strings.of(sorted(self.pairs_)).save(folder, "pairs")
        np.save(folder / "counts.npy", np.fromiter(self.count_.values(), np.int64, len(self.count_)))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open what `save` wrote."""
        counts = np.load(folder / "counts.npy", allow_pickle=False).tolist()
        return cls(list(Strings.load(folder, "words")), counts, list(Strings.load(folder, "pairs")))
