"""Two bundles side by side on a list of queries: how much their first pages share, and what moved where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from aisle.core.answer import Answer
from aisle.core.request import Request
from aisle.serving import words
from aisle.serving.engine import Engine
from aisle.serving.parse import parse

PAGE, MOST_LINES, LONGEST_LINE = 10, 50, 200


@dataclass(frozen=True, slots=True)
class Place:
    """An item on one of the pages: its place there and on the other page, 0 first, None where it is not."""

    item_id: str
    title: str
    here: int
    other: int | None


@dataclass(frozen=True, slots=True)
class Pair:
    """One line of the list answered by both. ``overlap`` is the share of items that both pages show, ``moved`` the mean change of place of
    these, in places."""

    asked: str
    left: Sequence[Place]
    right: Sequence[Place]
    overlap: float
    moved: float


def lines(text: str) -> list[str]:
    """The queries of a text, one a line, each once; a line ``@ID`` asks for the front page of a user."""
    found = (" ".join(line.split())[:LONGEST_LINE] for line in text.splitlines())
    return [line for line in dict.fromkeys(found) if line and line != "@"][:MOST_LINES]


def compare(left: Engine, right: Engine, asked: Sequence[str], now: float, language: str) -> list[Pair]:
    """Both engines' first pages for every line."""
    requests = [_request(line, now, language) for line in asked]
    pages = zip(asked, left.answer(requests), right.answer(requests), strict=True)
    return [_pair(line, one, other, language) for line, one, other in pages]


def overall(pairs: Sequence[Pair]) -> tuple[float, float]:
    """Mean overlap and mean move over all lines."""
    return (mean(pair.overlap for pair in pairs), mean(pair.moved for pair in pairs)) if pairs else (1.0, 0.0)


def _request(line: str, now: float, language: str) -> Request:
    who = {"user_id": line[1:]} if line.startswith("@") else {"query": line}
    return parse({**who, "limit": PAGE, "language": language}, "home" if line.startswith("@") else "search", now, "aside")


def _pair(line: str, one: Answer, other: Answer, language: str) -> Pair:
    left, right = _places(one, other, language), _places(other, one, language)
    shared = [place for place in left if place.other is not None]
    size = max(len(left), len(right))
    moved = mean(abs(place.here - place.other) for place in shared if place.other is not None) if shared else 0.0
    return Pair(line, left, right, len(shared) / size if size else 1.0, moved)


def _places(here: Answer, other: Answer, language: str) -> list[Place]:
    there = {item.item_id: place for place, item in enumerate(other.items)}
    titles = [words.title({"item_id": item.item_id, **item.attributes}, language)[0][:80] for item in here.items]
    return [Place(item.item_id, titles[place], place, there.get(item.item_id)) for place, item in enumerate(here.items)]
