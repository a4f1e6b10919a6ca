"""Moments of users and what each did next: what a visit brought that had not begun yet, and whether one came back within a week."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aisle.core.events import Dataset, Events
from aisle.data.windows import Windows
from aisle.evaluation.replay import visit_start
from aisle.profile.fold import DAY, FOLDED
from aisle.schema import SESSION_ACTOR

WEEK = 7 * DAY
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Moments:
    """``n`` moments. ``user`` ``(n,) int32`` into the log's users; ``as_of`` ``(n,) float64``: nothing later is known; ``label``
    ``(n,) int64``: what came next, a class of the head that learns it or, before it has any, a row of the log; -1 where it is unknown."""

    user: NDArray[np.int32]
    as_of: NDArray[np.float64]
    label: Numbers

    def __len__(self) -> int:
        return len(self.user)

    def pick(self, chosen: NDArray[np.integer] | NDArray[np.bool_]) -> Moments:
        """Some of them."""
        return Moments(self.user[chosen], self.as_of[chosen], self.label[chosen])

    def labelled(self, label: Numbers) -> Moments:
        """The same with other labels."""
        return replace(self, label=label)

    def sample(self, most: int, seed: int) -> Moments:
        """At most ``most`` of them, drawn without replacement, a user's side by side."""
        chosen = np.sort(np.random.default_rng(seed).permutation(len(self))[:most])
        return self.pick(chosen[np.argsort(self.user[chosen], kind="stable")])


def buying(data: Dataset, inside: NDArray[np.bool_], targets: Sequence[int]) -> Moments:
    """Every visit of the window ``inside`` that brought a success, just before it began, of users known by then; the label is the row of
    its first success."""
    events = data.events
    rows = np.flatnonzero(inside & np.isin(events.type, targets) & (events.item >= 0) & _named(events))
    start = visit_start(events, inside, rows)
    _, first = np.unique(np.stack([events.user[rows].astype(float), start]), axis=1, return_index=True)
    moments = Moments(events.user[rows[first]], np.nextafter(start[first], -np.inf), rows[first].astype(np.int64))
    return moments.pick(moments.as_of >= _known_since(events)[moments.user])


def leaving(data: Dataset, windows: Windows, first: int, last: int) -> Moments:
    """Every end of a visit in windows ``first`` to ``last`` with a week after it inside them; 1 where the user came back in that week."""
    events = data.events
    order = np.flatnonzero(_named(events))
    order = order[np.argsort(events.user[order], kind="stable")]
    user, time, session = events.user[order], events.time[order], events.session[order]
    apart = (user[1:] != user[:-1]) | (session[1:] != session[:-1]) | ((session[1:] < 0) & (time[1:] != time[:-1]))
    starts = np.flatnonzero(np.concatenate([[True], apart]))[: len(order)]
    ends = np.append(starts[1:], len(order))[: len(starts)] - 1
    following = np.full(len(starts), np.inf)
    same = user[starts[1:]] == user[starts[:-1]]
    following[:-1][same] = time[starts[1:]][same]
    edges = (-np.inf, *windows.cuts, np.nextafter(data.until, np.inf))
    left = time[ends]
    known = (left >= edges[first - 1]) & (left + WEEK < edges[last]) & (left >= _known_since(events)[user[starts]])
    return Moments(user[starts], left, (following - left <= WEEK).astype(np.int64)).pick(known)


def _named(events: Events) -> NDArray[np.bool_]:
    """``(n,) bool``: events of users; a session that no user claimed is none."""
    named = np.array([not name.startswith(SESSION_ACTOR) for name in events.users], bool)
    return (events.user >= 0) & np.append(named, False)[events.user]


def _known_since(events: Events) -> NDArray[np.float64]:
    """``(users,) float64``: when a user's profile begins, infinity where it never does."""
    since = np.full(len(events.users), np.inf)
    folded = (events.item >= 0) & (events.user >= 0) & np.isin(events.type, FOLDED)
    np.minimum.at(since, events.user[folded], events.time[folded])
    return since
