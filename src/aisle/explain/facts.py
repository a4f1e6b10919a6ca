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

    def specific(self, place: int) -> Iterator[Claim]:
        """What is true of the item at ``place`` of the page and of few others."""
        item = self.items[place]
        if self.moved and "pinned" in self.moved.get(int(self.rows[place]), ()):
            yield Claim("pinned")
        if not self.seeded:
            yield from self._mine(item)
        yield from self._cause(place, item)
        yield from self._taste(place)
        created = self._created[place]
        if 0 <= self.as_of - created <= FRESH:
            yield Claim("new", {"moment": created})
        if self._trending[place]:
            yield Claim("trending")
        if self._best_in[place]:
            yield Claim("popular_in", {"value": self._value("category", place), **self._week(item)})

    def general(self, place: int) -> Claim:
        """What is left to say of the item at ``place``."""
        if self._popular[place]:
            return Claim("popular", self._week(self.items[place]))
        return Claim("listed", {"value": self._value("category", place)})

    @cached_property
    def items(self) -> list[int]:
        """The shown items."""
        found: list[int] = self.candidates.item[self.rows].tolist()
        return found

    @cached_property
    def seeded(self) -> bool:
        """Whether the page starts from items rather than from a person."""
        return bool(self.block.seeds.offsets[self.number] < self.block.seeds.offsets[self.number + 1])

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
            known = found.get(item)
            if known is None or SAYS[kind] >= SAYS[known[0]]:
                found[item] = kind, age
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
        relation = self._relation(place)
        if drop >= ALONE or relation != "because_of":
            yield Claim(relation, values, (cause,))

    def _relation(self, place: int) -> str:
        """How an item and its cause belong together: chosen by the same people, alike by their texts, or by a model alone."""
        together = self._together[place]
        if together and self.block.requests[self.number].surface != "similar":
            return "bought_together"
        return "similar_to" if self._alike[place] else "bought_together" if together else "because_of"

    @cached_property
    def _together(self) -> list[bool]:
        """Whether each shown item was chosen by the same people as its cause."""
        held = (getattr(self.sources.get(name), "neighbours_", None) for name in COUNTING)
        causes, items = np.array(self.causes[0], np.int32), self.candidates.item[self.rows]
        found = np.zeros(len(items), bool)
        for neighbours in held:
            if neighbours is not None:
                found |= neighbours.joined(causes, items)
        joined: list[bool] = found.tolist()
        return joined

    @cached_property
    def _alike(self) -> list[bool]:
        """Whether each shown item's text is like its cause's; not where one of them came after the vectors."""
        vectors = next((held for source in self.sources.values() if (held := getattr(source, "vectors_", None)) is not None), None)
        causes, items = np.array(self.causes[0], np.int32), self.candidates.item[self.rows]
        if vectors is None or not len(vectors):
            return [False] * len(items)
        known = np.maximum(causes, items) < len(vectors)
        first, second = (vectors.take(np.where(known, rows, 0)) for rows in (causes, items))
        alike: list[bool] = (known & ((first * second).sum(axis=1) >= SIMILAR)).tolist()
        return alike

    def _taste(self, place: int) -> Iterator[Claim]:
        for attribute, held in self.tastes.items():
            best, most = -1, 0.0
            for code in self._codes[attribute][place] if held else ():
                weight = held.get(code, 0.0)
                if weight > most:
                    best, most = code, weight
            if most >= TASTE[attribute]:
                yield Claim(f"taste_{attribute}", {"value": _leaf(self.catalogue.labels(attribute).names[best])})

    @cached_property
    def tastes(self) -> dict[str, dict[int, float]]:
        """Attribute to code to the user's share."""
        found = {}
        for attribute in TASTE:
            if attribute in self.block.profiles.tastes:
                held = self.block.profiles.tastes[attribute]
                part = held.of(self.number)
                found[attribute] = dict(zip(held.item[part].tolist(), held.values["weight"][part].tolist(), strict=True))
        return found

    @cached_property
    def _codes(self) -> dict[str, list[list[int]]]:
        """By attribute, the codes of each shown item."""
        found = {}
        for attribute in TASTE:
            labels, items = self.catalogue.labels(attribute), self.candidates.item[self.rows]
            edges = zip(labels.offsets[items].tolist(), labels.offsets[items + 1].tolist(), strict=True)
            found[attribute] = [labels.codes[start:end].tolist() for start, end in edges]
        return found

    def _value(self, attribute: str, place: int) -> str:
        codes = self._codes[attribute][place]
        return _leaf(self.catalogue.labels(attribute).names[codes[0]]) if codes else ""

    @cached_property
    def _created(self) -> list[float]:
        """When each shown item came to the shop, NaN for unknown."""
        if "created_at" not in self.catalogue.numbers:
            return [float("nan")] * len(self.rows)
        found: list[float] = self.catalogue.number("created_at")[self.candidates.item[self.rows]].tolist()
        return found

    @cached_property
    def _trending(self) -> list[bool]:
        """Whether each shown item is wanted more than usual."""
        if "trending" not in self.candidates.columns or not self.as_of - self.counters.begin >= USUAL:
            return [False] * len(self.rows)
        found: list[bool] = (self.candidates["trending"][self.rows] >= TRENDING).tolist()
        return found

    @cached_property
    def _places(self) -> NDArray[np.floating]:
        """``(n,)``: the place by popularity of each shown item that has one, else infinity."""
        columns = self.candidates.columns
        if "popularity_rank" not in columns:
            return np.full(len(self.rows), np.inf)
        rank = columns["popularity_rank"][self.rows]
        return np.where((columns["popularity"][self.rows] > 0) & np.isfinite(rank), rank, np.inf)

    @cached_property
    def _popular(self) -> list[bool]:
        """Whether each shown item is among the first of the shop in popularity."""
        found: list[bool] = (self._places < max(BEST_IN, POPULAR * len(self.catalogue))).tolist()
        return found

    def _week(self, item: int) -> dict[str, str | float]:
        """Whether someone took interest in the item during the last seven days."""
        return {"week": 1.0} if item in self._this_week else {}

    @cached_property
    def _this_week(self) -> set[int]:
        items = self.candidates.item[self.rows]
        return set(items[self.counters.windowed(items, self.as_of, 168) >= 1].tolist()) if np.isfinite(self.as_of) else set()

    @cached_property
    def _best_in(self) -> list[bool]:
        """Whether each shown item is among the first of its category in popularity, of all that may be shown: popularity proposes its best
        in order, so whatever stands before an item in its category is a candidate too."""
        if "popularity_rank" not in self.candidates.columns:
            return [False] * len(self.rows)
        part, first = self.candidates.of_request(self.number), self.catalogue.labels("category").first
        category, items = first[self.candidates.item[self.rows]][:, None], first[self.candidates.item[part]]
        before = (items == category) & (self.candidates["popularity_rank"][part] < self._places[:, None])
        best: list[bool] = ((self._places < np.inf) & (category[:, 0] >= 0) & (before.sum(axis=1) < BEST_IN)).tolist()
        return best


def _leaf(path: str) -> str:
    return path.rpartition(" > ")[2]
