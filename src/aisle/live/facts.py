"""What users did: the bundle's facts and those of the log since, merged by time for the same fold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isnan, nan
from operator import attrgetter

from aisle.core.answer import Json
from aisle.core.catalogue import Catalogue
from aisle.profile.fold import FOLDED, Fact, Values
from aisle.profile.history import STAMPED, History
from aisle.schema import EVENT_CODE, SESSION_ACTOR
from aisle.state.log import consents
from aisle.state.protocols import EventLog, NewEvent, StoredEvent


class LiveHistory(History):
    """A bundle's history and, after the sequence ``after`` up to which the bundle knows the log, the log's events.

    Nothing is kept here: every question reads the log, so that an event counts as soon as it is acknowledged, in any process.
    """

    def __init__(self, bundle: History, catalogue: Catalogue, log: EventLog, after: int) -> None:
        super().__init__(catalogue, bundle.users, bundle.keys, bundle.offsets, bundle.columns, bundle.clock)
        self.bundle, self.log, self.after = bundle, log, after
        self._stamped: dict[int, Values] = {}

    def facts(self, user: int) -> Iterable[Fact]:  # type: ignore[override]
        """What the bundle knows of a user, as it stood there."""
        return self.bundle.facts(user)

    def facts_of(self, actor: str) -> Iterable[Fact]:
        """An actor's facts in order of time: a user's with those of the sessions that the user claimed."""
        events = self.events_of(actor)
        later = [self._fact(one.event) for one in events if one.event.item_id is not None and EVENT_CODE.get(one.event.type) in FOLDED]
        known = [self.known_of(actor), *(self.known_of(session) for session in self._claimed(actor, events))]
        found = [facts for facts in known if facts]
        if not later and len(found) < 2:
            return found[0] if found else ()
        before = [fact for facts in found for fact in facts]
        if not self.clock:
            return [*before, *self._numbered(later, before)]
        return sorted([*before, *later], key=attrgetter("time"))

    def events_of(self, actor: str, after: int | None = None) -> Sequence[StoredEvent]:
        """An actor's events in the log, of any type; by default those that the bundle does not know."""
        since = self.after if after is None else after
        if actor.startswith(SESSION_ACTOR):
            return self.log.of(None, actor.removeprefix(SESSION_ACTOR), since)
        return self.log.of(actor, None, since)

    def known_of(self, actor: str) -> Iterable[Fact]:
        """What the bundle knows of an actor; nothing of one who was forgotten after the bundle was made."""
        number = self.bundle.find(actor)
        return () if number < 0 or self.log.forgotten(actor) > self.after else self.bundle.facts(number)

    def _claimed(self, actor: str, events: Sequence[StoredEvent]) -> list[str]:
        """Sessions that the bundle knows as nobody's and that are the actor's since: his event was the first to name a user in them."""
        named = [one.event for one in events if one.event.session_id and one.event.user_id == actor and consents(one.event.body)]
        actors = dict.fromkeys(SESSION_ACTOR + str(event.session_id) for event in named)
        return [session for session in actors if self.bundle.find(session) >= 0 and self._owner(session) == actor]

    def _owner(self, session: str) -> str | None:
        naming = [one for one in self.events_of(session, 0) if one.event.user_id and consents(one.event.body)]
        return min(naming, key=attrgetter("sequence")).event.user_id if naming else None

    def _fact(self, event: NewEvent) -> Fact:
        """The event with what its item is like now; of an item that nobody put yet, the id alone."""
        item = str(event.item_id)
        row = self.catalogue.row_of.get(item, -1)
        price = _number(event.body.get("price"))
        if row < 0:
            return Fact(item, event.time, EVENT_CODE[event.type], _number(event.body.get("quantity")), price)
        usual = float(self.catalogue.number("price")[row]) if isnan(price) else price
        return Fact(item, event.time, EVENT_CODE[event.type], _number(event.body.get("quantity")), usual, self._stamp(row))

    def _stamp(self, row: int) -> Values:
        if row not in self._stamped:
            held = [(name, self.catalogue.labels(name)) for name in STAMPED if name in self.catalogue.texts]
            self._stamped[row] = tuple(
                (name, tuple(labels.names[code] for code in labels.codes[labels.offsets[row] : labels.offsets[row + 1]].tolist()))
                for name, labels in held
            )
        return self._stamped[row]

    @staticmethod
    def _numbered(later: Sequence[Fact], before: Sequence[Fact]) -> list[Fact]:
        """In a log without a clock what came since stands behind everything, in its own order."""
        last = max((fact.time for fact in before), default=0.0)
        return [fact._replace(time=last + 1 + place) for place, fact in enumerate(later)]


def _number(value: Json) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else nan
