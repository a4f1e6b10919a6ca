"""Profiles of busy actors, kept as they were folded, so that an answer folds only what came since."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

from aisle.profile.fold import Profile
from aisle.state.log import consents
from aisle.state.protocols import StoredEvent

BUSY = 100
"""Facts from which a profile is kept: fewer are folded in less than a millisecond."""
KEPT = 256
"""Profiles kept; the one not asked for longest makes room."""


@dataclass(frozen=True)
class Folded:
    """A profile of all facts up to ``sequence`` of the log, and the ``sessions`` that its events joined to the actor. Never changed: copy
    the profile to fold on."""

    sequence: int
    profile: Profile
    sessions: frozenset[str] = frozenset()

    def precedes(self, events: Sequence[StoredEvent]) -> bool:
        """Whether events that came since stand behind all of this: none is older, and none joins a session to the actor, whose earlier
        events would be the actor's too."""
        return all(one.event.time >= self.profile.last for one in events) and _joined(events) <= self.sessions

    def after(self, events: Sequence[StoredEvent], profile: Profile) -> Folded:
        """The same with ``events``, which make the ``profile``."""
        if not events and profile.events == self.profile.events:
            return self
        sequence = max((one.sequence for one in events), default=self.sequence)
        return Folded(sequence, profile, self.sessions | _joined(events))


def _joined(events: Sequence[StoredEvent]) -> frozenset[str]:
    named = (one.event for one in events if one.event.user_id is not None and consents(one.event.body))
    return frozenset(event.session_id for event in named if event.session_id is not None)


class FoldedProfiles:
    """At most `KEPT` of them, by actor. Losing one costs time only. May be asked from several threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Folded] = OrderedDict()
        self._lock = Lock()

    def get(self, actor: str) -> Folded | None:
        """What is kept of an actor."""
        with self._lock:
            found = self._kept.get(actor)
            if found is not None:
                self._kept.move_to_end(actor)
            return found

    def put(self, actor: str, folded: Folded) -> None:
        """Keep a profile in the place of an older one."""
        with self._lock:
            self._kept[actor] = folded
            self._kept.move_to_end(actor)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
