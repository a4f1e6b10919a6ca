"""Two bundles side by side on a list of queries, for `aisle compare` and the console: what both show, what moved, what only one has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from aisle.core.answer import Answer, Json
from aisle.core.errors import InputError
from aisle.core.request import Request
from aisle.serving.words import TEMPLATES, title

DEPTH = 10
MOST_QUERIES = 10_000


@dataclass(frozen=True, slots=True)
class Shown:
    """One item at a place (0 first) of one side; ``moved`` is by how many places it stands higher than on the other side, None where
    only this side shows it."""

    item_id: str
    title: str
    moved: int | None


@dataclass(frozen=True, slots=True)
class Pair:
    """One query: both pages, the share of items that both show (of the longer page; 1 where both are empty), and both totals."""

    query: str
    left: Sequence[Shown]
    right: Sequence[Shown]
    overlap: float
    totals: tuple[int, int]

    @property
    def moved(self) -> float:
        """By how many places the items that both show have moved, on average."""
        moves = [abs(one.moved) for one in self.left if one.moved is not None]
        return sum(moves) / len(moves) if moves else 0.0

    @property
    def same(self) -> bool:
        """Whether both show the same items in the same order."""
        return [one.item_id for one in self.left] == [one.item_id for one in self.right]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two bundles on all queries; ``depth`` items of each page count."""

    left: str
    right: str
    depth: int
    pairs: Sequence[Pair]

    @property
    def overlap(self) -> float:
        """The mean overlap; 1 of no queries."""
        return sum(pair.overlap for pair in self.pairs) / len(self.pairs) if self.pairs else 1.0

    @property
    def moved(self) -> float:
        """The mean move; 0 of no queries."""
        return sum(pair.moved for pair in self.pairs) / len(self.pairs) if self.pairs else 0.0

    @property
    def same(self) -> int:
        """How many queries have the same page."""
        return sum(pair.same for pair in self.pairs)

    def to_json(self) -> dict[str, Json]:
        """``{"left", "right", "queries", "same", "overlap@10", "pairs": [{"query", "overlap", "left": [ids], "right": [ids]}]}``."""
        pairs: list[Json] = [
            {"query": one.query, "overlap": one.overlap, "left": [x.item_id for x in one.left], "right": [x.item_id for x in one.right]}
            for one in self.pairs
        ]
        both: dict[str, Json] = {"left": self.left, "right": self.right, "queries": len(self.pairs), "same": self.same}
        return {**both, f"overlap@{self.depth}": round(self.overlap, 4), "pairs": pairs}


class Side(Protocol):
    """One open bundle."""

    @property
    def bundle_id(self) -> str: ...
    def answer(self, requests: Sequence[Request]) -> list[Answer]: ...


def compare(
    left: Side, right: Side, queries: Sequence[str], depth: int = DEPTH, now: float = float("nan"), language: str = ""
) -> Comparison:
    """Ask both the same, as of ``now`` (NaN: after everything that each knows). A query ``@ID`` asks for the front page of a user;
    ``language`` is that of the titles, empty for those that the shop calls its items by."""
    requests = [_request(query, depth, now) for query in queries]
    answers = zip(queries, left.answer(requests), right.answer(requests), strict=True)
    return Comparison(left.bundle_id, right.bundle_id, depth, [_pair(query, a, b, language) for query, a, b in answers])


def _request(query: str, depth: int, now: float) -> Request:
    """Nobody's question, so that no note is taken of it."""
    if query.startswith("@"):
        return Request("aside", "home", user_id=query[1:], limit=depth, as_of=now)
    return Request("aside", "search", query=query, limit=depth, as_of=now)


def read_queries(path: Path) -> list[str]:
    """One query a line, as text or as JSON with a ``query``; empty lines and repeats are left out. Raises `InputError`."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}.", "Name a text file with one query a line.") from None
    found = lines_of("\n".join(lines))
    if not found:
        raise InputError(f"{path} holds no query.", "Write one query a line.")
    return found


def lines_of(text: str, most: int = MOST_QUERIES) -> list[str]:
    """The queries of a text, one a line, each once."""
    return [query for query in dict.fromkeys(map(_query, text.splitlines())) if query not in ("", "@")][:most]


def page(found: Comparison) -> str:
    """One HTML file that needs nothing else."""
    made = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return made.get_template("compare.html").render(found=found, pairs=sorted(found.pairs, key=lambda pair: pair.overlap))


def table(found: Comparison, worst: int = 20) -> str:
    """A summary in plain text, the queries that changed most first."""
    changed = sorted((pair for pair in found.pairs if not pair.same), key=lambda pair: pair.overlap)[:worst]
    both = f"{found.left} and {found.right} on {len(found.pairs)} queries"
    head = f"{both}: overlap@{found.depth} {found.overlap:.3f}, {found.same} the same."
    return "\n".join([head, *(f"{pair.overlap:6.2f}  {pair.totals[0]:>6} {pair.totals[1]:>6}  {pair.query}" for pair in changed)])


def _query(line: str) -> str:
    text = line.strip()
    if text.startswith("{"):
        try:
            told = orjson.loads(text)
            text = str(told.get("query") or "")
        except orjson.JSONDecodeError:
            pass
    return " ".join(text.split())[:1_000]


def _pair(query: str, left: Answer, right: Answer, language: str) -> Pair:
    here, there = _places(left), _places(right)
    longer = max(len(here), len(there))
    overlap = len(here.keys() & there.keys()) / longer if longer else 1.0
    return Pair(query, _side(left, there, language), _side(right, here, language), overlap, (left.total, right.total))


def _places(answer: Answer) -> dict[str, int]:
    return {item.item_id: place for place, item in enumerate(answer.items)}


def _side(answer: Answer, other: Mapping[str, int], language: str) -> list[Shown]:
    titles = [title({"item_id": one.item_id, **one.attributes}, language)[0][:160] for one in answer.items]
    moves = [other[one.item_id] - at if one.item_id in other else None for at, one in enumerate(answer.items)]
    return [Shown(one.item_id, told, moved) for one, told, moved in zip(answer.items, titles, moves, strict=True)]
