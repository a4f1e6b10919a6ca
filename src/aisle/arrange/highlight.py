"""Where the words of a query stand in what the answer shows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from aisle.core.answer import Span, Value
from aisle.core.stage import Query
from aisle.text.normalise import normalise
from aisle.text.segment import words

SHOWN = ("title", "title_en", "title_zh", "description", "brand")
LONGEST = 1_000
_WORD = re.compile(r"[^\W_]+")
_CHINESE = re.compile(r"[\u3400-\u9fff]+")


def highlights(attributes: Mapping[str, Value], query: Query) -> dict[str, list[Span]]:
    """Attribute to spans in characters of the text as it is shown: words with the same stem as one of the query's, and Chinese pieces."""
    asked = _asked(query.tokens)
    pieces = [piece for run in _CHINESE.findall(query.text) for piece in _pieces(run)]
    found = {}
    for name in SHOWN:
        text = attributes.get(name)
        if isinstance(text, str) and (spans := _spans(text[:LONGEST], asked, pieces)):
            found[name] = spans
    return found


def _pieces(run: str) -> list[str]:
    return [run] if len(run) <= 2 else [run, *(run[start : start + 2] for start in range(len(run) - 1))]


class _Asked(dict[str, bool]):
    """Whether a word of a shown text is one of a query's, by the word; worked out once."""

    def __init__(self, stems: frozenset[str]) -> None:
        self.stems = stems

    def __missing__(self, word: str) -> bool:
        found = self[word] = not self.stems.isdisjoint(_tokens(word))
        return found


@lru_cache(maxsize=64)
def _asked(tokens: tuple[str, ...]) -> _Asked:
    return _Asked(frozenset(tokens))


def _spans(text: str, asked: _Asked, pieces: list[str]) -> list[Span]:
    spans: list[Span] = []
    if any([asked[word] for word in _WORD.findall(text)]):
        spans = [found.span() for found in _WORD.finditer(text) if asked[found.group()]]
    if pieces and not text.isascii() and len(simple := normalise(text)) == len(text):
        spans += [(at, at + len(piece)) for piece in pieces if piece in simple for at in _places(piece, simple)]
    return _merged(sorted(spans))


def _places(piece: str, text: str) -> Iterator[int]:
    at = text.find(piece)
    while at >= 0:
        yield at
        at = text.find(piece, at + 1)


@lru_cache(maxsize=65_536)
def _tokens(word: str) -> tuple[str, ...]:
    """What one word of a shown text is matched by; the words of a catalogue come again and again."""
    return () if _CHINESE.search(word) else tuple(words(normalise(word)))


def _merged(spans: list[Span]) -> list[Span]:
    result: list[Span] = []
    for start, end in spans:
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result
