"""The table of examples from a log: for each item put before somebody, what the log knew strictly before that moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset, Events
from aisle.data.normalise import How
from aisle.ranking.ctr.examples import Column, Examples, Floats
from aisle.ranking.ctr.past import Past
from aisle.schema import EVENT_CODE

Numbers = NDArray[np.int64]
TAKEN = tuple(EVENT_CODE[name] for name in ("click", "favourite", "cart", "purchase"))
HOUR, DAY = 3_600.0, 86_400.0
DAYS = ("Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed")
"""1970 began with a Thursday."""
RECENT = 28 * DAY
PRIOR = 20.0
"""Impressions by which a past rate is drawn to that of all impressions before."""
COUNTS = (
    "item_shown", "item_taken", "item_bought", "user_shown", "user_taken", "pair_shown", "pair_taken", "category_taken", "brand_taken",
    "query_taken", "item_recent", "user_recent",
)  # fmt: skip
HOW: Mapping[str, How] = {name: "log" for name in (*COUNTS, "price", "user_since", "item_since", "pair_since")}
"""The transforms of the numbers that are not standard."""


@dataclass(frozen=True)
class Asked:
    """Who was shown what and when, each ``(n,)``: ``user``, ``item`` and ``query`` numbers of the log (-1 unknown), ``time`` seconds,
    ``rank`` on the page (NaN unknown)."""

    user: NDArray[np.int32]
    item: NDArray[np.int32]
    query: NDArray[np.int32]
    time: Floats
    rank: Floats

    @classmethod
    def rows(cls, events: Events, rows: Numbers) -> Asked:
        """The impressions at these rows of a log."""
        return cls(events.user[rows], events.item[rows], events.query[rows], events.time[rows], events.rank[rows].astype(np.float64))


def examples(data: Dataset, asked: Asked, label: Floats, length: int = 20, kept: float = 1.0) -> Examples:
    """One row each of ``asked``, in its order. Events of the same moment and later ones change nothing; times are UTC.

    Categories, where the shop knows them: user, item, category (the whole path), department (its first part), brand, query, surface,
    position, hour, weekday. Numbers count what was shown and taken (clicked, put in the cart, bought) before. Sequences hold the last
    ``length`` items taken, with their category and brand.
    """
    events, ids, facts = data.events, data.catalogue.ids, _Facts(data)
    past = facts.taken_by_user.last(asked.user, asked.time, length)
    took = np.append(events.item, np.int32(-1))[past]
    attributes = {name: one for name, one in (("category", facts.category), ("brand", facts.brand)) if len(one.names)}
    categories = {
        "user": Column(asked.user.astype(np.int32), events.users),
        "item": Column(asked.item.astype(np.int32), ids),
        **{name: Column(_of(one, asked.item), one.names) for name, one in attributes.items()},
        **_department(facts.category, asked.item),
        **_place(asked),
        **(_clock(asked.time) if events.clock else {}),
    }
    if (asked.query >= 0).any():
        categories["query"] = Column(asked.query.astype(np.int32), events.queries)
    sequences = {"item": Column(took, ids), **{name: Column(_of(one, took), one.names) for name, one in attributes.items()}}
    return Examples(categories, facts.numbers(asked), label, sequences, kept)


def _department(category: Column, item: NDArray[np.int32]) -> dict[str, Column]:
    """The first part of each category's path."""
    first = Column.of([category.names[code].split(" > ")[0] for code in range(len(category.names))])
    return {"department": Column(_of(first, _of(category, item)), first.names)} if len(first.names) else {}


def _place(asked: Asked) -> dict[str, Column]:
    """Where it was shown; nothing where nothing is known of it."""
    known = np.isfinite(asked.rank)
    if not known.any():
        return {}
    codes = np.where(known, asked.rank, -1).astype(np.int32)
    position = Column(codes, [str(place) for place in range(int(codes.max()) + 1)])
    return {"surface": Column((asked.query >= 0).astype(np.int32), ["home", "search"]), "position": position}


def _clock(time: Floats) -> dict[str, Column]:
    hour, day = (time // HOUR % 24).astype(np.int32), (time // DAY % 7).astype(np.int32)
    return {"hour": Column(hour, [str(number) for number in range(24)]), "weekday": Column(day, DAYS)}


def _first(catalogue: Catalogue, name: str) -> Column:
    """Each item's first value of an attribute."""
    labels = catalogue.labels(name)
    return Column(labels.first, labels.names)


def _of(attribute: Column, item: NDArray[np.integer]) -> NDArray[np.int32]:
    """The attribute's codes of items of any shape, -1 for -1."""
    return np.append(attribute.codes, np.int32(-1))[item]


class _Facts:
    """What a log holds of items, users and pairs, ready to be asked for any moment."""

    def __init__(self, data: Dataset) -> None:
        events, self.span = data.events, len(data.catalogue) + 1
        self.category, self.brand = _first(data.catalogue, "category"), _first(data.catalogue, "brand")
        self.price = data.catalogue.number("price")
        known = (events.item >= 0) & (events.user >= 0)
        shown, taken = (events.where(known & np.isin(events.type, kinds)) for kinds in ((EVENT_CODE["impression"],), TAKEN))
        bought = events.where(known & (events.type == EVENT_CODE["purchase"]))
        rows = np.flatnonzero(known & np.isin(events.type, TAKEN))
        self.taken_by_user = _Rows(rows, taken.user, taken.time)
        self.all_shown, self.all_taken = (Past(np.zeros(len(some), np.int64), some.time) for some in (shown, taken))
        self.by_item = {name: Past(some.item, some.time) for name, some in (("shown", shown), ("taken", taken), ("bought", bought))}
        self.by_user = Past(shown.user, shown.time)
        self.by_pair = {name: Past(self._joined(some.user, some.item), some.time) for name, some in (("shown", shown), ("taken", taken))}
        self.by_category, self.by_brand = (
            Past(self._joined(taken.user, codes[taken.item]), taken.time) for codes in (self.category.codes, self.brand.codes)
        )
        self.by_query = Past(self._joined(taken.query, taken.item), taken.time)

    def _joined(self, one: NDArray[np.int32], other: NDArray[np.int32]) -> Numbers:
        """One number for two, -1 where either is unknown."""
        return np.where((one >= 0) & (other >= 0), one.astype(np.int64) * self.span + other, -1)

    def numbers(self, asked: Asked) -> dict[str, Floats]:
        """The columns by name, each ``(n,) float64``."""
        time, user, item = asked.time, asked.user, asked.item
        category, brand = _of(self.category, item), _of(self.brand, item)
        pair, zero = self._joined(user, item), np.zeros(len(time), np.int64)
        counts = {f"item_{name}": past.count(item, time) for name, past in self.by_item.items()}
        counts |= {"user_shown": self.by_user.count(user, time), "user_taken": self.taken_by_user.count(user, time)}
        counts |= {f"pair_{name}": past.count(pair, time) for name, past in self.by_pair.items()}
        counts["item_recent"] = counts["item_taken"] - self.by_item["taken"].count(item, time - RECENT)
        counts["user_recent"] = counts["user_taken"] - self.taken_by_user.count(user, time - RECENT)
        counts["category_taken"] = self.by_category.count(self._joined(user, category), time)
        counts["brand_taken"] = self.by_brand.count(self._joined(user, brand), time)
        counts["query_taken"] = self.by_query.count(self._joined(asked.query, item), time)
        shown = self.all_shown.count(zero, time)
        overall = self.all_taken.count(zero, time) / np.where(shown > 0, shown, np.nan)  # without impressions there is no rate
        return {
            **counts,
            "price": np.append(self.price, np.nan)[item],
            "item_rate": (counts["item_taken"] + PRIOR * overall) / (counts["item_shown"] + PRIOR),
            "user_rate": (counts["user_taken"] + PRIOR * overall) / (counts["user_shown"] + PRIOR),
            "user_since": self.taken_by_user.since(user, time),
            "item_since": self.by_item["taken"].since(item, time),
            "pair_since": self.by_pair["taken"].since(pair, time),
        }


class _Rows(Past):
    """A `Past` whose rows are those of the whole log."""

    def __init__(self, rows: Numbers, group: NDArray[np.int32], time: Floats) -> None:
        super().__init__(group, time)
        self.rows = rows[self.rows]
