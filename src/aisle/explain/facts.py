"""What is true of each shown item and this request, the most specific first: claims that can be checked from the block alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aisle.core.candidates import Candidates
from aisle.core.catalogue import Catalogue
from aisle.core.stage import Block, Source
from aisle.explain.causes import causes
from aisle.retrieval.counters import Counters
from aisle.retrieval.left_out import LeavesOut
from aisle.retrieval.neighbours import Neighbours
from aisle.schema import EVENT_TYPES

DAY = 86_400.0
CAUSE, ALONE = 0.002, 0.04
"""Share of the recall side that an item must cost a shown one to be named as its cause; more where that is all that joins the two."""
SIMILAR = 0.5
"""Cosine from which two items' texts are called similar."""
TASTE = {"brand": 0.1, "category": 0.2}
"""Share of a user's own interest from which a brand or category is called often chosen."""
FRESH = 30 * DAY
BEST_IN = 3
"""Places in a category, by popularity, that are called popular in it."""
TRENDING = 1.0
"""Standard deviations above its past from which an item is called wanted more than usual, in a log that knows what is usual."""
USUAL = 63 * DAY
POPULAR = 0.05
"""Share of the catalogue, by popularity, that is called popular."""
COUNTING = ("item_knn", "markov")
"""Sources whose neighbours were counted: the same people chose both."""
DEED = {
    "purchase": "bought_before",
    "rating": "rated_before",
    "cart": "in_cart_before",
    "favourite": "saved_before",
    "click": "seen_before",
}
"""Event type to the claim on an item of which it is all that is known; the types that say most come first."""
SAYS = [-list(DEED).index(kind) if kind in DEED else -len(DEED) for kind in EVENT_TYPES]


class Claim(NamedTuple):
    """A true statement: its stable ``code``, what fills its words, and the catalogue rows that it names."""

    code: str
    values: Mapping[str, str | float] = {}
    items: tuple[int, ...] = ()

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for claims that say the same."""
        return self.code, self.items, *self.values.items()


class Deed(NamedTuple):
    """What a user did with an item: the event type that says most, and how long ago (NaN: unknown)."""

    type: str
    age: float


@dataclass
class Facts:
    """The claims of one request's page. ``rows`` are the shown candidates; ``able`` the sources that can leave out, ``weights`` the
    sources' shares of the recall side."""

    block: Block
    number: int
    candidates: Candidates
    rows: NDArray[np.int64]
    catalogue: Catalogue
    counters: Counters
    sources: Mapping[str, Source]
    able: Mapping[str, LeavesOut]
    weights: Mapping[str, float]
    moved: Mapping[int, Sequence[str]] = field(default_factory=dict)

    def claims(self, place: int) -> Iterator[Claim]:
        """What is true of the item at ``place`` of the page."""
        row = int(self.rows[place])
        item = int(self.candidates.item[row])
        if "pinned" in self.moved.get(row, ()):
            yield Claim("pinned")
        if not self.seeded:
            yield from self._mine(item)
        yield from self._cause(place, item)
        yield from self._taste(item)
        yield from self._new(item)
        yield from self._wanted(row, item)
        yield Claim("listed", {"value": self._value("category", item)})

    @cached_property
    def seeded(self) -> bool:
        """Whether the page starts from items rather than from a person."""
        return bool(np.diff(self.block.seeds.offsets)[self.number])

    @cached_property
    def as_of(self) -> float:
        """Time of the request, NaN where none is known."""
        return float(self.block.as_of[self.number]) if self.counters.clock else float("nan")

    @cached_property
    def deeds(self) -> dict[int, Deed]:
        """Item to what the user did with it lately."""
        recent = self.block.profiles.recent
        part = recent.of(self.number)
        kinds = recent.values["type"][part].astype(np.int64)
        found: dict[int, tuple[int, float]] = {}
        for item, kind, age in zip(recent.item[part].tolist(), kinds.tolist(), recent.values["age"][part].tolist(), strict=True):
            if item not in found or SAYS[kind] >= SAYS[found[item][0]]:
                found[item] = (kind, age)
        return {item: Deed(EVENT_TYPES[kind], age) for item, (kind, age) in found.items()}

    @cached_property
    def owned(self) -> dict[int, tuple[float, float, float]]:
        """Item to how often and on how many days it was bought, and how long ago last."""
        held = self.block.profiles.owned
        part = held.of(self.number)
        columns = (held.values[name][part].tolist() for name in ("count", "days", "age"))
        return dict(zip(held.item[part].tolist(), zip(*columns, strict=True), strict=True))

    def _mine(self, item: int) -> Iterator[Claim]:
        if item in self.owned:
            count, days, age = self.owned[item]
            deed = self.deeds.get(item)
            bought = deed is None or deed.type in ("purchase", "rating")
            code = "had_before" if deed is None or not bought else DEED[deed.type]
            yield Claim(code, {"count": count, "days": days, "moment": self.as_of - age}, (item,))
        elif item in self.deeds:
            deed = self.deeds[item]
            yield Claim(DEED[deed.type], {"moment": self.as_of - deed.age})  # names no item: that it mattered is not said

    @cached_property
    def causes(self) -> tuple[list[int], list[float]]:
        """The item of the history that does most for each shown one, -1 for none, and how much."""
        items, drop = causes(self.block, self.number, self.rows, self.candidates, self.able, self.weights).best
        return items.tolist(), drop.tolist()

    def _cause(self, place: int, item: int) -> Iterator[Claim]:
        cause, drop = self.causes[0][place], self.causes[1][place]
        if cause < 0 or drop < CAUSE or cause == item:
            return
        values: dict[str, str | float] = {}
        if not self.seeded:
            deed = self.deeds[cause]
            values = {"did": deed.type, "moment": self.as_of - deed.age}
        relation = self._relation(place, cause)
        if drop >= ALONE or relation != "because_of":
            yield Claim(relation, values, (cause,))

    def _relation(self, place: int, cause: int) -> str:
        """How two items belong together: chosen by the same people, alike by their texts, or by a model alone."""
        substitutes = self.block.requests[self.number].surface == "similar"
        if self._together[place] and not substitutes:
            return "bought_together"
        vectors = next((held.vectors for source in self.sources.values() if (held := getattr(source, "vectors_", None)) is not None), None)
        alike = vectors is not None and _cosine(vectors, cause, int(self.candidates.item[self.rows[place]])) >= SIMILAR
        return "similar_to" if alike else "bought_together" if self._together[place] else "because_of"

    @cached_property
    def _together(self) -> NDArray[np.bool_]:
        """``(n,) bool``: each shown item was chosen by people who chose its cause too."""
        causes = np.array(self.causes[0], np.int32)
        rows, which = np.unique(causes, return_inverse=True)
        found = np.zeros(len(causes), bool)
        for name in COUNTING:
            neighbours: Neighbours | None = getattr(self.sources.get(name), "neighbours_", None)
            if neighbours is not None:
                beside = neighbours.between(rows, self.candidates.item[self.rows])
                found |= beside[which, np.arange(len(causes))] > 0
        return found

    def _taste(self, item: int) -> Iterator[Claim]:
        for attribute, least in TASTE.items():
            held = self.tastes.get(attribute, {})
            best = max(self._codes(attribute, item) if held else (), key=lambda code: held.get(code, 0), default=-1)
            if held.get(best, 0) >= least:
                yield Claim(f"taste_{attribute}", {"value": _leaf(self.catalogue.labels(attribute).names[best])})

    @cached_property
    def tastes(self) -> dict[str, dict[int, float]]:
        """Attribute to code to the user's share."""
        found = {}
        for attribute, held in self.block.profiles.tastes.items():
            part = held.of(self.number)
            found[attribute] = dict(zip(held.item[part].tolist(), held.values["weight"][part].tolist(), strict=True))
        return found

    def _codes(self, attribute: str, item: int) -> list[int]:
        labels = self.catalogue.labels(attribute)
        codes: list[int] = labels.codes[labels.offsets[item] : labels.offsets[item + 1]].tolist()
        return codes

    def _value(self, attribute: str, item: int) -> str:
        codes = self._codes(attribute, item)
        return _leaf(self.catalogue.labels(attribute).names[codes[0]]) if codes else ""

    def _new(self, item: int) -> Iterator[Claim]:
        created = float(self.catalogue.number("created_at")[item]) if "created_at" in self.catalogue.numbers else float("nan")
        if 0 <= self.as_of - created <= FRESH:
            yield Claim("new", {"moment": created})

    def _wanted(self, row: int, item: int) -> Iterator[Claim]:
        columns = self.candidates.columns
        if "trending" in columns and columns["trending"][row] >= TRENDING and self.as_of - self.counters.begin >= USUAL:
            yield Claim("trending")
        if not ("popularity_rank" in columns and columns["popularity"][row] > 0 and np.isfinite(columns["popularity_rank"][row])):
            return
        week = {"week": 1.0} if item in self._this_week else {}
        if item in self._best_in:
            yield Claim("popular_in", {"value": self._value("category", item), **week})
        if columns["popularity_rank"][row] < max(BEST_IN, POPULAR * len(self.catalogue)):
            yield Claim("popular", week)

    @cached_property
    def _this_week(self) -> set[int]:
        """The shown items that someone took interest in during the last seven days."""
        items = self.candidates.item[self.rows]
        return set(items[self.counters.windowed(items, self.as_of, 168) >= 1].tolist()) if np.isfinite(self.as_of) else set()

    @cached_property
    def _best_in(self) -> set[int]:
        """The items that are among the first of their category in popularity, of all that may be shown: popularity proposes its best in
        order, so whatever stands before an item in its category is here too."""
        part = self.candidates.of_request(self.number)
        rank, items = self.candidates["popularity_rank"][part], self.candidates.item[part]
        known = np.flatnonzero(np.isfinite(rank))
        seen: dict[int, int] = {}
        found = set()
        first = self.catalogue.labels("category").first
        for item in items[known[np.argsort(rank[known])]].tolist():
            code = int(first[item])
            seen[code] = seen.get(code, 0) + 1
            if code >= 0 and seen[code] <= BEST_IN:
                found.add(item)
        return found


def _cosine(vectors: NDArray[np.floating], first: int, second: int) -> float:
    if max(first, second) >= len(vectors):
        return 0.0
    return float(vectors[first].astype(np.float32) @ vectors[second].astype(np.float32))


def _leaf(path: str) -> str:
    return path.rpartition(" > ")[2]
