"""The page: from scored candidates to what is shown in which order. Moves items, never changes a score, shows nothing that was filtered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from aisle.arrange.diversity import Likeness, diversified
from aisle.arrange.groups import Groups
from aisle.arrange.order import foremost, sorted_by
from aisle.arrange.rules import Rule, Rules
from aisle.core.candidates import Candidates
from aisle.core.catalogue import Catalogue
from aisle.core.request import MOST_ITEMS, Request
from aisle.core.stage import Block, Held, Mask, Query
from aisle.core.vectors import Vectors
from aisle.fusion.pool import BEYOND

Rows = NDArray[np.int64]
GROUPED = frozenset({"search", "home", "similar"})
"""Surfaces that show one variant of a product."""
DEEP = 20 * MOST_ITEMS
"""Items of which the pages are made where a whole shop is browsed: enough for 500 products with many variants each."""
VARIED = frozenset({"home", "item", "basket"})
"""Surfaces where variety counts; whoever searches or asks for substitutes wants what is alike."""


class Literal(Protocol):
    """A source that knows the items whose title holds a query as typed, all that match it in words, and how many words each holds."""

    def literal(self, query: Query) -> NDArray[np.integer]: ...

    def matches(self, query: Query) -> NDArray[np.integer]: ...

    def held(self, query: Query, mask: Mask) -> Held | None: ...


@dataclass(frozen=True)
class Page:
    """``rows`` ``(k,) int64`` of the candidates in page order; ``moved`` says of a row that does not stand by its score alone which moves
    (`MOVES`) put it there; ``grouped`` maps a variant's row that is not shown to the shown row of its product; ``cut`` are rows beyond
    the last page, ``near`` those that match no word where only matches are sorted."""

    rows: Rows
    moved: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    grouped: Mapping[int, int] = field(default_factory=dict)
    cut: Rows = field(default_factory=lambda: np.zeros(0, np.int64))
    near: Rows = field(default_factory=lambda: np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self.rows)


MOVES = ("boosted", "buried", "pinned", "literal", "diverse")


@dataclass(frozen=True)
class Arranger:
    """How a bundle's pages are arranged. ``literal`` knows titles that hold a query; ``vectors`` say which items are alike;
    ``diversity`` is the strength of `diversified`; ``group`` shows one variant a product."""

    catalogue: Catalogue
    rules: Rules
    literal: Literal | None = None
    vectors: Vectors | None = None
    diversity: float = 0.0
    group: bool = True

    @cached_property
    def groups(self) -> Groups:
        """Which items are variants of one product."""
        return Groups(self.catalogue, self.group)

    @cached_property
    def likeness(self) -> Likeness:
        """How alike two items are."""
        return Likeness(self.catalogue, self.vectors)

    def __call__(self, block: Block, candidates: Candidates) -> list[Page]:
        """One page list a request, at most 500 rows, so that paging never repeats an item; rows without a finite score are left out."""
        return [self._page(block, candidates, number) for number in range(len(block))]

    def _page(self, block: Block, candidates: Candidates, number: int) -> Page:
        request, query = block.requests[number], block.queries[number]
        making = _Making(candidates, request, query, self)
        every = np.arange(*candidates.of_request(number).indices(len(candidates)))
        finite = every[np.isfinite(candidates["score"][every])]
        making.by_score(foremost(request.sort, candidates, self.catalogue, finite, DEEP))
        if request.sort != "relevance":
            if number not in block.held:
                making.matching()
            making.rows = sorted_by(request.sort, candidates, self.catalogue, making.rows)
        making.one_variant()
        making.paged()
        if request.sort == "relevance" and request.surface != "rank":
            making.literal_first()
            making.varied()
            making.buried()
            making.pinned()
        return Page(making.rows, making.moved, making.hidden, making.cut, making.near)

    def products(self, request: Request, items: NDArray[np.integer]) -> int:
        """How many things the page could show of ``items``: products where it groups, else items."""
        return self.groups.count(items) if request.surface in GROUPED else len(items)

    def product(self, request: Request) -> NDArray[np.int64] | None:
        """``(items,) int64``: which product each item is where the page groups variants; None where every item stands for itself."""
        return self.groups.product if request.surface in GROUPED else None

    def siblings(self, request: Request, item: int) -> Rows:
        """The other variants that ``item`` stands for on this page."""
        return self.groups.siblings(item) if request.surface in GROUPED else np.zeros(0, np.int64)


class _Making:
    """One page in the making: every step reorders or drops ``rows`` and notes what it moved."""

    def __init__(self, candidates: Candidates, request: Request, query: Query | None, how: Arranger) -> None:
        self.candidates, self.request, self.query, self.how = candidates, request, query, how
        self.rows, self.cut, self.near = (np.zeros(0, np.int64) for _ in range(3))
        self.moved: dict[int, tuple[str, ...]] = {}
        self.hidden: dict[int, int] = {}

    def by_score(self, rows: Rows) -> None:
        """Best first, boosted items as if their score were larger; ties go to the lower item."""
        items, score = self.candidates.item[rows], self.candidates["score"][rows].astype(float)
        boosts = [] if self.request.surface == "rank" else self._rules("boost")
        if boosts:
            factor = self.how.rules.factors(boosts, items)
            score = score + (factor - 1) * np.abs(score)
            self._note(rows[factor != 1], "boosted")
        beyond = self.candidates.columns.get(BEYOND)
        self.rows = rows[np.lexsort((items, -score) if beyond is None else (items, -score, beyond[rows]))]

    def paged(self) -> None:
        """The first 500 things: there are no pages for more."""
        self.rows, self.cut = self.rows[:MOST_ITEMS], self.rows[MOST_ITEMS:]

    def matching(self) -> None:
        """What matches the query in words, where anything does: by price or age what merely comes near would stand before it."""
        if self.request.surface != "search" or self.query is None or self.how.literal is None:
            return
        holds = np.isin(self.candidates.item[self.rows], self.how.literal.matches(self.query))
        if holds.any():
            self.rows, self.near = self.rows[holds], self.rows[~holds]

    def one_variant(self) -> None:
        """Of each product the item that stands first, or the one that is pinned."""
        if self.request.surface not in GROUPED or self.how.groups.product is None:
            return
        items, pins = self.candidates.item[self.rows], self._rules("pin")
        led = np.argsort(~np.isin(items, self.how.rules.rows(pins)), kind="stable") if pins else np.arange(len(items))
        leader = np.empty_like(led)
        leader[led] = led[self.how.groups.first(items[led])]
        shown = leader == np.arange(len(leader))
        self.hidden = dict(zip(self.rows[~shown].tolist(), self.rows[leader[~shown]].tolist(), strict=True))
        self.rows = self.rows[shown]

    def literal_first(self) -> None:
        """Titles that hold a Chinese or short query as typed stand before all others, so that a piece finds what contains it."""
        if self.request.surface != "search" or self.query is None or self.how.literal is None:
            return
        holds = np.isin(self.candidates.item[self.rows], self.how.literal.literal(self.query))
        if holds.any() and not holds.all():
            self._note(self.rows[holds], "literal")
            self.rows = np.concatenate([self.rows[holds], self.rows[~holds]])

    def varied(self) -> None:
        """Maximal marginal relevance over the top of the page, as far as the request can see."""
        if self.request.surface not in VARIED:
            return
        wanted = MOST_ITEMS if self.request.why else self.request.offset + self.request.limit
        places = diversified(self.candidates.item[self.rows], wanted, self.how.diversity, self.how.likeness)
        self._note(self.rows[places != np.arange(len(places))], "diverse")
        self.rows = self.rows[places]

    def buried(self) -> None:
        """What the shop buries stands behind everything else."""
        rules = self._rules("bury")
        if rules:
            low = self.how.rules.any(rules, self.candidates.item[self.rows])
            self._note(self.rows[low], "buried")
            self.rows = np.concatenate([self.rows[~low], self.rows[low]])

    def pinned(self) -> None:
        """What the shop pins stands at its place, if it passed the filters; of two pins for one place the later rule's comes after."""
        for rule in self._rules("pin"):
            for place, item in enumerate(self.how.rules.rows([rule]).tolist(), rule.at - 1):
                at = np.flatnonzero(self.candidates.item[self.rows] == item)
                if len(at):
                    row = self.rows[at[0]]
                    rest = np.delete(self.rows, at[0])
                    self.rows = np.insert(rest, min(self._free(place, rest), len(rest)), row)
                    self._note(np.array([row]), "pinned")

    def _free(self, place: int, rows: Rows) -> int:
        while place < len(rows) and "pinned" in self.moved.get(int(rows[place]), ()):
            place += 1
        return place

    def _rules(self, action: str) -> list[Rule]:
        return self.how.rules.of(action, self.request, self.query)

    def _note(self, rows: Rows, move: str) -> None:
        for row in rows.tolist():
            self.moved[row] = (*self.moved.get(row, ()), move)
