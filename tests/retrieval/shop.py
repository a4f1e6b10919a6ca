"""A small random shop and hand-made profiles, shared by the tests of the sources."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset, Events
from aisle.core.profiles import Profiles, Slices
from aisle.core.request import Request
from aisle.core.stage import Block
from aisle.core.strings import Strings
from aisle.schema import EVENT_CODE

DAY = 86_400.0
START = 1_600_000_000.0 // DAY * DAY
Row = tuple[int, int, float]


def catalogue(items: int, created: np.ndarray | None = None) -> Catalogue:
    """Items ``i0``, ``i1``, ..."""
    return Catalogue(Strings.of([f"i{row}" for row in range(items)]), {}, {} if created is None else {"created_at": created})


def log(rows: Sequence[tuple[int, int, float] | tuple[int, int, float, str]], clock: bool = True) -> Events:
    """From (user, item, time or order[, type]); without a type it is a purchase."""
    ordered = sorted(rows, key=lambda row: row[2])
    n = len(ordered)
    kind = [EVENT_CODE[row[3] if len(row) == 4 else "purchase"] for row in ordered]
    nothing, none = np.full(n, np.nan, np.float32), np.full(n, -1, np.int32)
    users = Strings.of([f"u{user}" for user in range(1 + max((row[0] for row in ordered), default=0))])
    user, item = np.array([row[0] for row in ordered], np.int32), np.array([row[1] for row in ordered], np.int32)
    time = np.array([row[2] for row in ordered], float)
    return Events(users, Strings.of([]), user, item, time, np.array(kind, np.uint8), none, none, nothing, nothing, nothing, nothing, clock)


def shop(rows: Sequence[tuple[int, int, float] | tuple[int, int, float, str]], items: int, clock: bool = True) -> Dataset:
    """A data set of ``items`` items and these events."""
    return Dataset(catalogue(items), log(rows, clock))


def random_shop(seed: int = 3, users: int = 60, items: int = 40, events: int = 900) -> Dataset:
    """Purchases of 40 days, where each user keeps to even or to odd items."""
    random = np.random.default_rng(seed)
    user = random.integers(users, size=events)
    item = (random.integers(items // 2, size=events) * 2 + user % 2) % items
    time = START + np.sort(random.integers(0, 40 * 24 * 60, size=events)) * 60.0
    return shop(list(zip(user.tolist(), item.tolist(), time.tolist(), strict=True)), items)


def block(pasts: Sequence[Sequence[int]], as_of: float = float("nan"), clock: bool = True, seeds: Sequence[Sequence[int]] = ()) -> Block:
    """One home request for each past, a list of purchased items, oldest first, a day apart; ``seeds`` makes them item requests."""
    n = len(pasts)
    age = [[(len(past) - 1 - place) * (DAY if clock else 1.0) for place in range(len(past))] for past in pasts]
    kind = [[float(EVENT_CODE["purchase"])] * len(past) for past in pasts]
    profiles = Profiles(
        recent=slices(pasts, age=age, type=kind),
        owned=owned([[(item, 1, 1, ages[place], 0) for place, item in enumerate(past)] for past, ages in zip(pasts, age, strict=True)]),
        dismissed=Slices.none(n),
        tastes={},
        price=np.full((n, 2), np.nan),
        events=np.array([len(past) for past in pasts], float),
        idle=np.array([0.0 if past else np.nan for past in pasts]),
        clock=clock,
    )
    given = slices(seeds) if seeds else Slices.none(n)
    surface = "item" if seeds else "home"
    requests = [Request(f"r{number}", surface, f"u{number}", as_of=as_of) for number in range(n)]
    return Block(requests, np.full(n, as_of), [None] * n, profiles, given, Slices.none(n))


def slices(lists: Sequence[Sequence[int]], **values: Sequence[Sequence[float]]) -> Slices:
    """From lists per request."""
    offsets = np.r_[0, np.cumsum([len(part) for part in lists])].astype(np.int64)
    flat = {name: np.array([one for part in column for one in part], float) for name, column in values.items()}
    return Slices(offsets, np.array([one for part in lists for one in part], np.int32), flat)


def owned(lists: Sequence[Sequence[tuple[int, float, float, float, float]]]) -> Slices:
    """From (item, count, days, age, span) per request; an item that stands twice keeps its last row."""
    kept = [list({row[0]: row for row in part}.values()) for part in lists]
    columns = {name: [[row[place] for row in part] for part in kept] for place, name in enumerate(("count", "days", "age", "span"), 1)}
    return slices([[int(row[0]) for row in part] for part in kept], **columns)


def saved(source: object, folder: Path, items: Catalogue) -> object:
    """The source written and opened again."""
    source.save(folder)  # type: ignore[attr-defined]
    return type(source).load(folder, items)  # type: ignore[attr-defined]
