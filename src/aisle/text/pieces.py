"""Made-up queries: a few words of a title, or a few characters of one without spaces."""

from __future__ import annotations

import numpy as np

WORDS = (1, 4)
"""Words of a title that a made-up query takes, fewest and most."""
CHARACTERS = (2, 6)
"""Characters, where a title has no spaces."""


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
