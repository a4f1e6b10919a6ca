"""Pieces of a text that still say what it is about: made-up queries (a few words or characters of a title), and two halves."""

from __future__ import annotations

import re

import numpy as np

from aisle.text.segment import HAN

WORDS = (1, 4)
"""Words of a title that a made-up query takes, fewest and most."""
CHARACTERS = (2, 6)
"""Characters, where a title has no spaces."""
MARKS, SPACES = re.compile(r"[,.;:!?|，。；：！？、…~～]+\s*"), re.compile(r"\s+")
"""Where a text is best cut in two, and where else."""
UNSPACED = re.compile(f"[{HAN}]")
LEAST = 20
"""Characters of a text of which a half still says something."""


def piece(text: str, random: np.random.Generator) -> str:
    """Some words of ``text`` in their order, or of a text without spaces some characters beside each other."""
    words = text.split()
    if len(words) > 1:
        count = min(len(words), int(random.integers(WORDS[0], WORDS[1] + 1)))
        return " ".join(words[place] for place in sorted(random.permutation(len(words))[:count].tolist()))
    length = min(len(text), int(random.integers(CHARACTERS[0], CHARACTERS[1] + 1)))
    start = int(random.integers(0, len(text) - length + 1))
    return text[start : start + length]


def holds(text: str, query: str) -> bool:
    """Whether the title has all of the query's words, or of a title without spaces the characters."""
    words, asked = set(text.split()), query.split()
    return words.issuperset(asked) if len(asked) > 1 or query in words else query in text


def halves(text: str) -> tuple[str, str] | None:
    """``text`` in two, cut near its middle: after a mark, else between words, else between Chinese characters. None where it is short or
    cannot be cut."""
    if len(text) < LEAST:
        return None
    middle, reach = len(text) / 2, len(text) / 4
    for where in (MARKS, SPACES):
        ends = [found.end() for found in where.finditer(text) if abs(found.end() - middle) <= reach]
        if ends:
            cut = min(ends, key=lambda end: abs(end - middle))
            return text[:cut].strip(), text[cut:].strip()
    cut = len(text) // 2
    return (text[:cut], text[cut:]) if UNSPACED.match(text, cut) else None
