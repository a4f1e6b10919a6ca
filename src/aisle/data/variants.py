"""Near-duplicate items, reported and grouped, never merged: the same title under several ids, and titles a few letters apart."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

NEAR = 93.0
"""Similarity (0 to 100, rapidfuzz' ratio of the sorted words) from which two titles are called nearly the same."""

CROWD = 60
"""A block larger than this is only compared along its sorted order, each title with the next `AHEAD`."""

AHEAD = 6
WORD = re.compile(r"[^\W_]+")
CJK = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True)
class Group:
    """Items with one title (``same``) or titles a few letters apart; ``rows`` are catalogue rows."""

    same: bool
    rows: tuple[int, ...]


def words(title: str) -> list[str]:
    """The words compared: folded, without signs; a run of Chinese is cut into pairs of characters."""
    found: list[str] = []
    for word in WORD.findall(unicodedata.normalize("NFKC", title).casefold().replace("'", "")):
        found += [word[at : at + 2] for at in range(max(1, len(word) - 1))] if CJK.search(word) else [word]
    return found


def groups(titles: Sequence[str]) -> list[Group]:
    """All groups, those of one title first, each by its lowest row. Titles whose numbers differ (`set of 3`, `set of 6`) are two things."""
    keys = [" ".join(sorted(words(title))) for title in titles]
    same: dict[str, list[int]] = defaultdict(list)
    for row, key in enumerate(keys):
        if key:
            same[key].append(row)
    exact = [Group(True, tuple(rows)) for rows in same.values() if len(rows) > 1]
    distinct = [rows[0] for rows in same.values()]
    return exact + [Group(False, tuple(rows)) for rows in _joined(_near([keys[row] for row in distinct], distinct))]


def _near(keys: list[str], rows: list[int]) -> Iterator[tuple[int, int]]:
    numbers = [tuple(word for word in key.split() if any(letter.isdigit() for letter in word)) for key in keys]
    for block in _blocks(keys):
        block.sort(key=lambda place: keys[place])
        ahead = len(block) if len(block) <= CROWD else AHEAD
        for at, one in enumerate(block):
            for two in block[at + 1 : at + 1 + ahead]:
                if numbers[one] == numbers[two] and fuzz.ratio(keys[one], keys[two], score_cutoff=NEAR):
                    yield rows[one], rows[two]


def _blocks(keys: list[str]) -> list[list[int]]:
    """Titles that share one of their three rarest words that another title has too."""
    split = [set(key.split()) for key in keys]
    often = Counter(word for parts in split for word in parts)
    blocks: dict[str, list[int]] = defaultdict(list)
    for place, parts in enumerate(split):
        shared = sorted((often[word], word) for word in parts if often[word] > 1)
        for _, word in shared[:3]:
            blocks[word].append(place)
    return [block for block in blocks.values() if len(block) > 1]


def _joined(pairs: Iterator[tuple[int, int]]) -> list[list[int]]:
    """The pairs put together to groups, each sorted, by lowest row."""
    root: dict[int, int] = {}

    def find(row: int) -> int:
        while root.setdefault(row, row) != row:
            root[row] = root[root[row]]
            row = root[row]
        return row

    for one, two in pairs:
        low, high = sorted((find(one), find(two)))
        root[high] = low
    found: dict[int, list[int]] = defaultdict(list)
    for row in sorted(root):
        found[find(row)].append(row)
    return list(found.values())
