"""From what a shopper typed to a `Query`: matching form, words, language, a better spelling where the catalogue knows one."""

from __future__ import annotations

from collections.abc import Callable

from aisle.core.stage import Query
from aisle.text.normalise import normalise
from aisle.text.segment import language, words

LONGEST = 400
"""Characters of a query that are read; the rest is cut off, since no shopper types more."""

Correct = Callable[[str], str | None]


def understand(text: str, correct: Correct | None = None) -> Query:
    """Any text becomes a query; one without letters and digits has no tokens. ``correct`` proposes another spelling of the matching form.

    >>> understand("Red  LAMPS").tokens
    ('red', 'lamp')
    """
    raw = text[:LONGEST]
    form = normalise(raw)
    spoken = language(form)
    better = correct(form) if correct is not None and spoken == "en" else None
    return Query(raw, form, tuple(words(better or form)), spoken, better)
