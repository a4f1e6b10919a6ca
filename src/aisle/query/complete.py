"""Ways to go on typing: what shoppers asked for, categories, brands and titles that begin so, the most wanted first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from aisle.core.answer import Completion
from aisle.core.arrays import mapped
from aisle.core.events import Dataset
from aisle.core.strings import Strings
from aisle.query.pinyin import Pinyin
from aisle.query.prefixes import Prefixes
from aisle.query.slips import Slips
from aisle.query.spelling import Speller
from aisle.text.chinese import cut
from aisle.text.normalise import normalise
from aisle.text.segment import HAN

KINDS = ("query", "category", "brand", "item")
"""A kind's code is its place here."""
LONGEST = 80
MOST = 200_000
"""Entries kept; the least wanted go first."""
STARTS = 5
"""Words of an entry that it can be found by: its first, and so many further on less one."""
KEY = 48
"""Characters of a key that are kept; what was typed is cut to as many."""
FEW = 3
"""Completions below which slips of the finger are looked for."""
Entry = tuple[str, str, float]
_HAN = re.compile(f"[{HAN}]+")


class Completer:
    """Entries by rank, 0 the most wanted, and three ways to them: `Prefixes` of words, `Pinyin`, `Slips`.

    ``lamp`` completes to ``red lamp`` too, by a later word; ``lmap`` to ``lamp``; ``kh`` to 口红.
    """

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        held = list(entries)
        self.texts = Strings.of(text for text, _, _ in held)
        self.kinds: NDArray[np.uint8] = np.array([KINDS.index(kind) for _, kind, _ in held], np.uint8)
        self.scores: NDArray[np.float32] = np.array([score for _, _, score in held], np.float32)
        words = [_words(normalise(text)) for text, _, _ in held]
        starts = [(found[at:], rank) for rank, found in enumerate(words) for at in range(min(len(found), STARTS))]
        self.keys = Prefixes.of(("".join(rest).strip()[:KEY], rank) for rest, rank in starts)
        self.pinyin = Pinyin.of(starts)
        self.slips = Slips.of((word.strip(), rank) for rank, found in enumerate(words) for word in found)

    @classmethod
    def fit(cls, data: Dataset) -> Self:
        """Gather queries that were typed at least twice (their spelling mended), categories, brands and titles, weighed by their events."""
        weight: dict[tuple[str, str], float] = {}
        for text, kind, score in _found(data):
            shown = " ".join(text.split())
            if shown and len(shown) <= LONGEST:
                weight[shown, kind] = weight.get((shown, kind), 0.0) + score
        best = sorted(weight.items(), key=lambda entry: (-entry[1], entry[0]))[:MOST]
        return cls((text, kind, score) for (text, kind), score in best)

    def complete(self, prefix: str, limit: int) -> list[Completion]:
        """At most ``limit`` completions, the most wanted first; nothing for an empty beginning.

        Those that mend a slip of the finger come last, their score halved for each slip.
        """
        typed = normalise(prefix[:LONGEST])[:KEY]
        if not typed or limit < 1:
            return []
        most = 2 * limit + 8  # an entry may stand there as a query and as a category
        ranks = np.union1d(self.keys.best(typed, most), self.pinyin.best(typed, most))
        found: dict[str, Completion] = {}
        self._add(found, ranks, limit, 1.0)
        if len(found) < min(limit, FEW):
            for slips, mended in self.slips.mended(typed):
                self._add(found, self.keys.best(mended, most), limit, 0.5**slips)
        return list(found.values())

    def _add(self, found: dict[str, Completion], ranks: NDArray[np.int32], limit: int, share: float) -> None:
        for rank in ranks.tolist():
            if len(found) == limit:
                return
            text = self.texts[rank]
            found.setdefault(text.lower(), Completion(text, KINDS[self.kinds[rank]], float(self.scores[rank]) * share))

    def save(self, folder: Path) -> None:
        """Write the entries and the three indexes."""
        folder.mkdir(parents=True, exist_ok=True)
        self.texts.save(folder, "texts")
        self.keys.save(folder, "keys")
        self.pinyin.save(folder)
        for name, values in (("kinds", self.kinds), ("scores", self.scores), ("words", self.slips.words), ("best", self.slips.rank)):
            np.save(folder / f"{name}.npy", values)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open what `save` wrote; a bundle of before there was such an index completes nothing."""
        model = cls()
        if (folder / "kinds.npy").exists():
            arrays = (mapped(folder / f"{name}.npy") for name in ("kinds", "scores", "words", "best"))
            model.kinds, model.scores, words, best = arrays
            model.texts, model.keys = Strings.load(folder, "texts"), Prefixes.load(folder, "keys")
            model.pinyin, model.slips = Pinyin.load(folder), Slips(words, best).warm()
        return model


def _found(data: Dataset) -> Iterator[Entry]:
    events, catalogue = data.events, data.catalogue
    typed = np.bincount(events.query[events.query >= 0], minlength=len(events.queries))
    speller = Speller.fit(catalogue)
    yield from ((_spelt(text, speller), "query", float(n)) for text, n in zip(events.queries, typed, strict=True) if n >= 2)
    wanted = np.bincount(events.item[events.item >= 0], minlength=len(catalogue))
    for name in ("category", "brand"):
        labels = catalogue.labels(name)
        owner = np.repeat(np.arange(len(catalogue)), np.diff(labels.offsets))
        total = np.bincount(labels.codes, 1 + wanted[owner], minlength=len(labels.names))
        yield from ((text.split(" > ")[-1], name, float(n)) for text, n in zip(labels.names, total, strict=True))
    for name in ("title", "title_en", "title_zh"):
        if name in catalogue.texts:
            yield from ((text, "item", 0.5 * float(n)) for text, n in zip(catalogue.text(name), wanted, strict=True))


def _spelt(query: str, speller: Speller) -> str:
    """A query as it would be searched: what many mistype is no way to go on."""
    return speller(normalise(query)) or query


def _words(text: str) -> list[str]:
    """The words of a text in matching form, each with the space behind it; Chinese cut into words too."""
    found: list[str] = []
    for word in text.split(" "):
        at = 0
        for run in _HAN.finditer(word):
            found += [word[at : run.start()]] if at < run.start() else []
            found += cut(run[0])
            at = run.end()
        found += [word[at:]] if at < len(word) else []
        found[-1:] = [found[-1] + " "] if found else []
    return found
