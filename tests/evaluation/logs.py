"""Logs written by hand for the claims on replay: who did what when, in which session, searching what, shown at which rank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from aisle.core.events import Dataset, Judgements
from aisle.core.strings import Strings
from aisle.testing.toys import DAY, START, catalogue, log

HOUR = DAY / 24


@dataclass(frozen=True)
class Deed:
    """One event: ``at`` hours after the start."""

    user: str
    kind: str
    item: str
    at: float
    session: int = -1
    query: str = ""
    rank: float = float("nan")
    price: float = float("nan")
    quantity: float = float("nan")


def shop(deeds: Sequence[Deed], items: str = "abcdefgh", judged: Judgements | None = None) -> Dataset:
    """A shop of items with one letter each; any other letter is an item that the catalogue does not hold."""
    goods = catalogue({name: {"title": name} for name in items})
    deeds = sorted(deeds, key=lambda deed: deed.at)
    events = log(goods, [(deed.user, deed.item, deed.at * HOUR / DAY, deed.kind) for deed in deeds])
    queries = list(dict.fromkeys(deed.query for deed in deeds if deed.query))
    numbers = {name: np.array([getattr(deed, name) for deed in deeds], np.float32) for name in ("rank", "price", "quantity")}
    asked = np.array([queries.index(deed.query) if deed.query else -1 for deed in deeds], np.int32)
    session = np.array([deed.session for deed in deeds], np.int32)
    return Dataset(goods, replace(events, queries=Strings.of(queries), query=asked, session=session, **numbers), judged)


def hours(moment: float) -> float:
    """Hours after the start, the hair before an event taken off."""
    return round((moment - START) / HOUR, 6)


def inside(data: Dataset, start: float, end: float = np.inf) -> np.ndarray:
    """The events of a window in hours."""
    at = (data.events.time - START) / HOUR
    return (at >= start) & (at < end)
