"""From users and times to the profile arrays of a block: one sweep over each user's facts, a snapshot before each request's time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from aisle.core.catalogue import Catalogue
from aisle.core.profiles import Profiles, Slices
from aisle.profile.fold import HALF_LIFE, Fact, Profile, fold
from aisle.profile.history import STAMPED, History

INSTANT = 1e8
"""In a log without a clock a larger ``as_of`` is an instant and no place in the order: it means after everything."""

Begun = Callable[[int, float], tuple[Profile, Iterable[Fact]]]
"""From a user's number and the earliest time asked for to `History.begun`."""


def gather(history: History, users: Sequence[str | None], as_of: NDArray[np.float64]) -> Profiles:
    """The profile of each request's user from events no later than its ``as_of`` (NaN: all of them); strangers are empty."""
    names = list(dict.fromkeys(user for user in users if user is not None))
    number = {name: place for place, name in enumerate(names)}
    rows = np.array([-1 if user is None else number[user] for user in users], np.int64)
    return _gather(history, rows, lambda row, until: history.begun(names[row], until), as_of)


def gather_rows(history: History, users: NDArray[np.int64], as_of: NDArray[np.float64]) -> Profiles:
    """As `gather`, for users given by their number in ``history``, -1 for a stranger."""
    return _gather(history, users, lambda row, _: (Profile(clock=history.clock), history.facts(row)), as_of)


def _gather(history: History, users: NDArray[np.int64], begun: Begun, as_of: NDArray[np.float64]) -> Profiles:
    late = np.isnan(as_of) | (not history.clock and as_of > INSTANT)
    until = np.where(late, np.inf, as_of)
    taken: list[_Taken | None] = [None] * len(users)
    order = np.lexsort((until, users))
    start = 0
    for end in [*(np.flatnonzero(np.diff(users[order])) + 1).tolist(), len(order)]:
        if start < end and users[order[start]] >= 0:
            requests = order[start:end].tolist()
            _sweep(history.catalogue, *begun(int(users[requests[0]]), float(until[requests[0]])), requests, until, taken)
        start = end
    return _arrays(history, taken)


@dataclass(slots=True)
class _Taken:
    """One profile as lists over catalogue rows."""

    recent: list[tuple[int, float, int]]
    owned: list[tuple[int, float, int, float, float]]
    dismissed: list[int]
    tastes: dict[str, list[tuple[int, float]]]
    price: tuple[float, float]
    events: int
    idle: float


@dataclass(slots=True)
class _Empty(_Taken):
    recent: list[tuple[int, float, int]] = field(default_factory=list)
    owned: list[tuple[int, float, int, float, float]] = field(default_factory=list)
    dismissed: list[int] = field(default_factory=list)
    tastes: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    price: tuple[float, float] = (float("nan"), float("nan"))
    events: int = 0
    idle: float = float("nan")


def _sweep(
    catalogue: Catalogue, profile: Profile, facts: Iterable[Fact], requests: list[int], until: NDArray[np.float64],
    taken: list[_Taken | None],
) -> None:  # fmt: skip
    waiting = iter(requests)
    request = next(waiting)
    for fact in facts:
        while fact.time > until[request]:
            taken[request] = snapshot(profile, catalogue, float(until[request]))
            request = next(waiting, -1)
            if request < 0:
                return
        profile = fold(profile, fact)
    for late in (request, *waiting):
        taken[late] = snapshot(profile, catalogue, float(until[late]))


def snapshot(profile: Profile, catalogue: Catalogue, now: float) -> _Taken:
    """The profile at ``now`` over the rows of ``catalogue``; items that it does not hold are left out."""
    row_of, clock = catalogue.row_of, profile.clock
    if now == float("inf"):
        now = profile.last
    newest = len(profile.recent) - 1
    recent = [
        (row, now - time if clock else float(newest - place), kind)
        for place, (item, time, kind) in enumerate(profile.recent)
        if (row := row_of.get(item)) is not None
    ]
    owned = [
        (row, fact.count, fact.days, now - fact.last, fact.last - fact.first)
        for item, fact in profile.owned.items()
        if (row := row_of.get(item)) is not None
    ]
    dismissed = [row for item in profile.dismissed if (row := row_of.get(item)) is not None]
    total, mean, squares = profile.price
    price = (mean, sqrt(max(squares, 0.0) / total)) if total else (float("nan"), float("nan"))
    idle = max(0.0, now - profile.last) if profile.events else float("nan")
    return _Taken(recent, owned, dismissed, _tastes(profile, catalogue, now), price, profile.events, idle)


def _tastes(profile: Profile, catalogue: Catalogue, now: float) -> dict[str, list[tuple[int, float]]]:
    half_life = HALF_LIFE[profile.clock]
    found: dict[str, list[tuple[int, float]]] = {}
    for attribute, held in profile.tastes.items():
        weights = {name: weight * 2.0 ** ((then - now) / half_life) for name, (weight, then) in held.items()}
        total = sum(weights.values()) or 1.0
        number = catalogue.labels(attribute).number
        found[attribute] = [(number[name], weight / total) for name, weight in weights.items() if name in number]
    return found


def _arrays(history: History, taken: list[_Taken | None]) -> Profiles:
    filled = [one or _Empty() for one in taken]
    tastes = {name: _slices([one.tastes.get(name, []) for one in filled], "weight") for name in STAMPED if name in history.catalogue.texts}
    return Profiles(
        recent=_slices([one.recent for one in filled], "age", "type"),
        owned=_slices([one.owned for one in filled], "count", "days", "age", "span"),
        dismissed=_slices([[(row,) for row in one.dismissed] for one in filled]),
        tastes=tastes,
        price=np.array([one.price for one in filled], float).reshape(-1, 2),
        events=np.array([one.events for one in filled], float),
        idle=np.array([one.idle for one in filled], float),
        clock=history.clock,
    )


def _slices(rows: Sequence[Sequence[tuple[float, ...]]], *names: str) -> Slices:
    offsets = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([len(part) for part in rows], out=offsets[1:])
    flat = np.array([row for part in rows for row in part], float).reshape(-1, 1 + len(names))
    return Slices(offsets, flat[:, 0].astype(np.int32), {name: flat[:, place + 1].copy() for place, name in enumerate(names)})
