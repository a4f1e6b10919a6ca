"""Requests read back from the log and the judgements: what was asked in a window, as of when, and what was wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.core.arrays import found_at
from aisle.core.events import Dataset, Events
from aisle.core.request import Request
from aisle.evaluation.lists import Truth
from aisle.profile.fold import FOLDED, INTEREST, RATING
from aisle.schema import EVENT_CODE, SESSION_ACTOR

SUCCESS = ("purchase", "rating", "cart", "favourite", "click")
SEARCH_GRADE = {kind: interest for kind, interest in INTEREST.items() if kind != RATING}
"""What is done after a search, as grades: click 1, favourite and cart 2, purchase 3."""


@dataclass(frozen=True)
class Replay:
    """The requests of one task in one window and what each wanted. ``users`` ``(n,) int32`` numbers the actor, -1 for none."""

    task: str
    requests: Sequence[Request]
    truth: Truth
    users: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.requests)

    def pick(self, chosen: NDArray[np.int64]) -> Replay:
        """Some of the requests, in the order of ``chosen``."""
        place = np.full(len(self), -1, np.int64)
        place[chosen] = np.arange(len(chosen))
        kept = place[self.truth.request] >= 0
        t, request = self.truth, place[self.truth.request][kept]
        truth = Truth.of(len(chosen), request, t.item[kept], t.grade[kept], t.relevant[kept], t.bought[kept], t.value[kept])
        return Replay(self.task, [self.requests[number] for number in chosen], truth, self.users[chosen])

    def first(self, most: int) -> Replay:
        """At most the first ``most`` requests."""
        return self if len(self) <= most else self.pick(np.arange(most))

    def sample(self, most: int, seed: int) -> Replay:
        """At most ``most`` requests, drawn without replacement, in drawn order, so that any beginning of them is a fair sample too."""
        return self.pick(np.random.default_rng(seed).permutation(len(self))[:most])


def success_type(events: Events, wanted: Sequence[str] = ()) -> tuple[int, ...]:
    """Codes of the event types that count as success: those asked for, else the first of purchase, rating, cart, click that the log has."""
    if wanted:
        return tuple(EVENT_CODE[name] for name in wanted)
    counts = np.bincount(events.type, minlength=len(EVENT_CODE))
    found = [EVENT_CODE[name] for name in SUCCESS if counts[EVENT_CODE[name]] >= max(1, 0.001 * len(events))]
    return (found[0],) if found else ()


def home(data: Dataset, inside: NDArray[np.bool_], targets: Sequence[int], new_only: bool) -> Replay:
    """One request a user, at the start of the visit that brought the first success of the window ``inside``: what he clicked or put
    into the cart on the way to it is not known yet. Wanted is all that he takes in the window.

    ``new_only``: only items never owned before count, and the request leaves owned items out. Users of whom nothing is known are kept:
    the report slices them. Sessions that no user claimed are not users.
    """
    events = data.events
    rows = np.flatnonzero(inside & np.isin(events.type, targets) & (events.item >= 0) & (events.user >= 0))
    named = np.array([not name.startswith(SESSION_ACTOR) for name in events.users], bool)
    rows = rows[named[events.user[rows]]]
    if new_only:
        rows = rows[~_owned_before(events, inside, rows)]
    users, request = np.unique(events.user[rows], return_inverse=True)
    first_rows = _first_success(events, inside, targets, users)
    moments = np.nextafter(visit_start(events, inside, first_rows), -np.inf)
    task = "home_new" if new_only else "home"
    requests = [
        Request(f"{task}-{number}", "home", user_id=events.users[int(user)], exclude_seen=new_only, as_of=float(moment), limit=100)
        for number, (user, moment) in enumerate(zip(users, moments, strict=True))
    ]
    paid = events.price[rows].astype(float) * np.where(np.isnan(events.quantity[rows]), 1, events.quantity[rows])
    bought = events.type[rows] == EVENT_CODE["purchase"]
    truth = Truth.of(len(users), request, events.item[rows], bought=bought, value=paid)
    return Replay(task, requests, truth, users.astype(np.int32))


def _first_success(events: Events, inside: NDArray[np.bool_], targets: Sequence[int], users: NDArray[np.integer]) -> NDArray[np.int64]:
    rows = np.flatnonzero(inside & np.isin(events.type, targets) & (events.item >= 0))
    found, first = np.unique(events.user[rows], return_index=True)
    return rows[first][np.searchsorted(found, users)]


def visit_start(events: Events, inside: NDArray[np.bool_], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """``(rows,) float64``: when the session of each of these events began, inside the window; the event's own time without sessions."""
    start = events.time[rows].copy()
    known = inside & (events.session >= 0) & (events.user >= 0)
    span = int(events.session.max(initial=0)) + 1
    keys = events.user[known].astype(np.int64) * span + events.session[known]
    visits, first = np.unique(keys, return_index=True)
    began = events.time[known][first]
    wanted = events.user[rows].astype(np.int64) * span + events.session[rows]
    place = found_at(visits, np.where(events.session[rows] >= 0, wanted, -1))
    start[place >= 0] = began[place[place >= 0]]
    return start


def _owned_before(events: Events, inside: NDArray[np.bool_], rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """``(rows,) bool``: the user took this item before the window."""
    span = int(events.item.max(initial=0)) + 1
    taken = np.isin(events.type, [EVENT_CODE["purchase"], EVENT_CODE["rating"]]) & (events.item >= 0) & (events.user >= 0)
    start = np.full(len(events.users) + 1, np.inf)
    np.minimum.at(start, events.user[inside], events.time[inside])
    before = taken & (events.time < start[events.user])
    keys = np.unique(events.user[before].astype(np.int64) * span + events.item[before])
    return np.isin(events.user[rows].astype(np.int64) * span + events.item[rows], keys)


def search_log(data: Dataset, inside: NDArray[np.bool_]) -> Replay:
    """One request per query that a user typed in the window and then clicked on something; grades: click 1, cart 2, purchase 3."""
    events = data.events
    graded = np.isin(events.type, list(SEARCH_GRADE))
    rows = np.flatnonzero(inside & graded & (events.query >= 0) & (events.item >= 0))
    keys = np.stack([events.user[rows], events.session[rows], events.query[rows]], axis=1)
    _, first, request = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    start = np.full(len(first), np.inf)
    np.minimum.at(start, request.ravel(), events.time[rows])
    requests = [
        Request(
            f"search-{number}",
            "search",
            user_id=events.users[int(events.user[row])] if events.user[row] >= 0 else None,
            query=events.queries[int(events.query[row])],
            as_of=float(np.nextafter(moment, -np.inf)),
            limit=100,
        )
        for number, (row, moment) in enumerate(zip(rows[first], start, strict=True))
    ]
    grade = np.array([SEARCH_GRADE[int(kind)] for kind in events.type[rows]], float)
    bought = events.type[rows] == EVENT_CODE["purchase"]
    truth = Truth.of(len(first), request.ravel(), events.item[rows], grade, bought=bought, value=events.price[rows].astype(float))
    return Replay("search", requests, truth, events.user[rows[first]].astype(np.int32))


def search_judged(data: Dataset, inside: NDArray[np.bool_]) -> Replay:
    """One request per judged query that ``inside`` ``(queries,) bool`` selects; grades are shifted to start at 0, or at 1 where one
    grade stands for every right answer."""
    judgements = data.judgements
    assert judgements is not None  # the caller asks only where there are judgements
    rows = np.flatnonzero(inside[judgements.query])
    queries, request = np.unique(judgements.query[rows], return_inverse=True)
    grade = judgements.grade[rows].astype(float)
    lowest = float(judgements.grade.min(initial=np.inf)) if len(judgements.grade) else 0.0
    lowest -= judgements.relevant_from <= lowest == judgements.grade.max(initial=-np.inf)
    truth = Truth.of(len(queries), request, judgements.item[rows], grade - lowest, grade >= judgements.relevant_from)
    requests = [Request(f"judged-{query}", "search", query=judgements.queries[int(query)], limit=100) for query in queries]
    return Replay("search", requests, truth, np.full(len(queries), -1, np.int32))


def folded(events: Events) -> NDArray[np.bool_]:
    """``(n,) bool``: the events that profiles and sources learn from."""
    return np.isin(events.type, FOLDED) & (events.item >= 0) & (events.user >= 0)
