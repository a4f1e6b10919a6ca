"""What users did: the bundle's facts and those of the log since, merged by time for the same fold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from math import isnan, nan
from operator import attrgetter

from aisle.core.answer import Json
from aisle.core.catalogue import Catalogue
from aisle.live.folded import BUSY, Folded, FoldedProfiles
from aisle.profile.fold import FOLDED, Fact, Profile, Values, fold
from aisle.profile.history import STAMPED, History
from aisle.schema import EVENT_CODE, SESSION_ACTOR
from aisle.state.log import consents
from aisle.state.protocols import EventLog, NewEvent, StoredEvent


class LiveHistory(History):
    """A bundle's history and, after the sequence ``after`` up to which the bundle knows the log, the log's events.

    Every question reads the log, so that an event counts as soon as it is acknowledged, in any process; of busy actors only what came
    since they were last folded, where that gives the same profile.
    """

    def __init__(self, bundle: History, catalogue: Catalogue, log: EventLog, after: int) -> None:
        super().__init__(catalogue, bundle.users, bundle.keys, bundle.offsets, bundle.columns, bundle.clock)
        self.bundle, self.log, self.after = bundle, log, after
        self._folded = FoldedProfiles()
        self._stamped: dict[int, Values] = {}

    def facts(self, user: int) -> Iterable[Fact]:  # type: ignore[override]
        """What the bundle knows of a user, as it stood there."""
        return self.bundle.facts(user)

    def begun(self, actor: str, until: float) -> tuple[Profile, Iterable[Fact]]:
        """As `History.begun`: a busy actor's profile as it was folded last, where nothing before that changed since."""
        if not self.clock:
            return super().begun(actor, until)
        known = self._known(actor)
        if known is not None:
            events = self.events_of(actor, known.sequence)
            if known.profile.last <= until and known.precedes(events):
                return self._kept(actor, known, events, self._facts(events), until)
        events = self.events_of(actor)
        facts = list(self._merged(actor, events))
        if len(facts) < BUSY:
            return Profile(clock=True), facts
        return self._kept(actor, Folded(self.after, Profile(clock=True)), events, facts, until)

    def _known(self, actor: str) -> Folded | None:
        """What was folded of an actor, unless a part of it was forgotten since."""
        known = self._folded.get(actor)
        if known is None:
            return None
        names = (actor, *(SESSION_ACTOR + session for session in known.sessions))
        return None if any(self.log.forgotten(name) > known.sequence for name in names) else known

    def _kept(
        self, actor: str, before: Folded, events: Sequence[StoredEvent], facts: Sequence[Fact], until: float
    ) -> tuple[Profile, Iterable[Fact]]:
        """The profile ``before`` with ``facts`` folded into it, and kept so, unless one of them is later than ``until``."""
        profile = before.profile.copy()
        if facts and facts[-1].time > until:
            return profile, facts
        after = before.after(events, reduce(fold, facts, profile))
        if after is not before:
            self._folded.put(actor, after)
        return after.profile.copy(), ()

    def facts_of(self, actor: str) -> Iterable[Fact]:
        """An actor's facts in order of time: a user's with those of the sessions that the user claimed."""
        return self._merged(actor, self.events_of(actor))

    def _facts(self, events: Sequence[StoredEvent]) -> list[Fact]:
        return [self._fact(one.event) for one in events if one.event.item_id is not None and EVENT_CODE.get(one.event.type) in FOLDED]

    def _merged(self, actor: str, events: Sequence[StoredEvent]) -> Iterable[Fact]:
        later = self._facts(events)
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
