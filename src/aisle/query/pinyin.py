"""Chinese typed in letters: full pinyin, initials, or a mixture, so that `kouhong`, `kh` and `khong` all find 口红.

The syllables are worked out when a bundle is made; serving reads what was stored and needs no dictionary.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from aisle.query.prefixes import Prefixes, Ranks

LONGEST = 12
"""Syllables of an entry that are indexed."""
LONGEST_SYLLABLE = 6
CHECKED = 500
"""Entries, the most wanted first, that are compared with a mixture of syllables and initials."""
MOST_READINGS = 32
DOUBLE = ("zh", "ch", "sh")
_HAN = re.compile(r"[\u3400-\u9fff]")
_PARTS = re.compile(r"[\u3400-\u9fff]|[a-z0-9]+")
_TYPED = re.compile(r"[a-z0-9' ü-]+")
BREAK = "\0"


class Pinyin:
    """``full`` holds each entry's syllables run together, ``short`` its initials, then `BREAK`, then the syllables with spaces; ``known``
    are all syllables that occur."""

    def __init__(self, full: Prefixes, short: Prefixes, known: Iterable[str] = ()) -> None:
        self.full, self.short, self.known = full, short, frozenset(known)
        self._begun = frozenset(syllable[:end] for syllable in self.known for end in range(1, len(syllable) + 1))

    @classmethod
    def of(cls, pieces: Iterable[tuple[Sequence[str], int]]) -> Self:
        """``pieces``: the words from some word of an entry on (matching form), and the entry's rank. Those without Chinese are left out."""
        full, short, known = [], [], set[str]()
        for words, rank in pieces:
            if any(_HAN.search(word) for word in words):
                read = [syllable for word in words for syllable in syllables(word)][:LONGEST]
                full.append(("".join(read), rank))
                known.update(one for one in read if one.isalpha() and len(one) <= LONGEST_SYLLABLE)
                short.append(("".join(_initial(one) for one in read) + BREAK + " ".join(read), rank))
        return cls(Prefixes.of(full), Prefixes.of(short), known)

    def best(self, typed: str, most: int) -> Ranks:
        """Ranks of entries that ``typed`` (matching form) may stand for, ascending; none where it is not in letters."""
        if not len(self.full) or not _TYPED.fullmatch(typed):
            return np.zeros(0, np.int32)
        letters = re.sub(r"[' -]", "", typed).replace("ü", "v")
        found = np.union1d(self.full.best(letters, most), self.short.best(letters, most))
        return np.asarray(found if len(found) >= most else np.union1d(found, self._mixed(letters, most)), np.int32)

    def _mixed(self, letters: str, most: int) -> NDArray[np.int32]:
        """Entries whose syllables are typed partly in full and partly by their initial."""
        found: set[int] = set()
        for initials in self._readings(letters):
            span = self.short.span(initials)
            ranks = self.short.rank[span]
            order = np.argsort(ranks, kind="stable")[:CHECKED]
            for at in order.tolist():
                if len(found) >= most:
                    break
                if int(ranks[at]) not in found and spells(letters, self.short[span.start + at].decode().partition(BREAK)[2].split(" ")):
                    found.add(int(ranks[at]))
        return np.array(sorted(found), np.int32)

    def _readings(self, letters: str) -> list[str]:
        """The initials that ``letters`` can stand for: each part is a syllable, an initial, or at the end the beginning of a syllable."""
        open_: list[tuple[int, str]] = [(0, "")]
        found: dict[str, None] = {}
        while open_ and len(found) < MOST_READINGS:
            at, initials = open_.pop()
            if at >= len(letters):
                found[initials] = None
                continue
            first = letters[at]
            for end in range(min(at + LONGEST_SYLLABLE, len(letters)), at, -1):
                part = letters[at:end]
                if _whole(part, part if part in self.known else "") or (end == len(letters) and part in self._begun):
                    open_.append((end, initials + first))
        return [initials for initials in found if 2 <= len(initials) < len(letters)]

    def save(self, folder: Path) -> None:
        """Write both indexes and the syllables."""
        (folder / "pinyin.json").write_text(json.dumps(sorted(self.known)), encoding="utf-8")
        self.full.save(folder, "pinyin.full")
        self.short.save(folder, "pinyin.short")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open what `save` wrote."""
        known = json.loads((folder / "pinyin.json").read_text(encoding="utf-8"))
        return cls(Prefixes.load(folder, "pinyin.full"), Prefixes.load(folder, "pinyin.short"), known)


@lru_cache(200_000)
def syllables(word: str) -> tuple[str, ...]:
    """The syllables of a word, read by the words it is made of; letters and digits stand for themselves.

    >>> syllables("重庆x5")
    ('chong', 'qing', 'x5')
    """
    from pypinyin import lazy_pinyin

    parts = _PARTS.findall(word)
    read = iter(lazy_pinyin("".join(part for part in parts if _HAN.match(part)), errors=list))  # type: ignore[arg-type]  # one reading a character
    return tuple(next(read) if _HAN.match(part) else part for part in parts)


def spells(letters: str, read: Sequence[str]) -> bool:
    """Whether ``letters`` are the beginning of ``read``, each syllable in full or by its initial, the last one begun.

    >>> spells("khong", ["kou", "hong"]), spells("kouh", ["kou", "hong"]), spells("hk", ["kou", "hong"])
    (True, True, False)
    """
    places = {0}
    for syllable in read:
        further: set[int] = set()
        for place in places:
            rest = letters[place:]
            if syllable.startswith(rest):
                return True
            parts = (part for part in (syllable, syllable[:2], syllable[:1]) if _whole(part, syllable))
            further |= {place + len(part) for part in parts if rest.startswith(part)}
        places = further
    return len(letters) in places


def _whole(part: str, syllable: str) -> bool:
    return part == syllable or part in DOUBLE or len(part) == 1


def _initial(syllable: str) -> str:
    return syllable[0] if syllable.isalpha() else syllable
