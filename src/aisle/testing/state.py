"""The state of a running shop in memory, for tests: what `aisle.state.folder.State` keeps on disk, without a disk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import RLock

from aisle.core.answer import Value
from aisle.schema import SESSION_ACTOR
from aisle.state.protocols import ItemChange, NewEvent, Receipt, StoredEvent, Suspect


@dataclass
class Facts:
    """One sequence of events, item changes and forgettings; what is forgotten leaves a gap."""

    events: dict[int, StoredEvent] = field(default_factory=dict)
    changes: list[ItemChange] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    claims: dict[str, str] = field(default_factory=dict)
    forgotten: dict[str, int] = field(default_factory=dict)
    newest: int = 0
    lock: RLock = field(default_factory=RLock)


class MemoryLog:
    """`state.protocols.EventLog` in memory."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts

    def append(self, events: Sequence[NewEvent]) -> Receipt:
        """Store what is new."""
        facts, stored = self.facts, 0
        with facts.lock:
            for event in events:
                if event.event_id in facts.ids:
                    continue
                facts.ids.add(event.event_id)
                facts.newest, stored = facts.newest + 1, stored + 1
                facts.events[facts.newest] = StoredEvent(facts.newest, event)
                if event.user_id and event.session_id and event.body.get("consent") is not False:
                    facts.claims.setdefault(event.session_id, event.user_id)
            return Receipt(stored, len(events) - stored, facts.newest)

    def newest(self) -> int:
        """The newest sequence, 0 for an empty log."""
        return self.facts.newest

    def since(self, sequence: int, most: int = 10_000) -> Sequence[StoredEvent]:
        """Events after ``sequence`` in order, at most ``most``."""
        with self.facts.lock:
            return [one for number, one in self.facts.events.items() if number > sequence][:most]

    def counts(self, after: int, until: int) -> Sequence[tuple[str, str, int, int, float]]:
        """What events add up to: item, type, hour since 1970, how many, the newest one's time."""
        with self.facts.lock:
            events = [one.event for number, one in self.facts.events.items() if after < number <= until and one.event.item_id]
        found: dict[tuple[str, str, int], list[float]] = {}
        for event in events:
            found.setdefault((str(event.item_id), event.type, int(event.time // 3_600)), []).append(event.time)
        return [(*key, len(times), max(times)) for key, times in found.items()]

    def of(self, user_id: str | None, session_id: str | None, after: int = 0) -> Sequence[StoredEvent]:
        """An actor's events after ``after`` by time."""
        with self.facts.lock:
            mine = [one for one in self.facts.events.values() if one.sequence > after and self._belongs(one.event, user_id, session_id)]
        return sorted(mine, key=lambda one: (one.event.time, one.sequence))

    def _belongs(self, event: NewEvent, user_id: str | None, session_id: str | None) -> bool:
        if user_id is None:
            return session_id is not None and event.session_id == session_id
        claimed = event.user_id is None and event.session_id is not None and self.facts.claims.get(event.session_id) == user_id
        return event.user_id == user_id or claimed

    def forget(self, user_id: str, now: float) -> bool:
        """Drop a user's events and those of the sessions that the user claimed."""
        facts = self.facts
        with facts.lock:
            lost = [one.sequence for one in self.of(user_id, None)]
            for sequence in lost:
                del facts.events[sequence]
            facts.newest += 1
            sessions = [session for session, user in facts.claims.items() if user == user_id]
            for session in sessions:
                del facts.claims[session]
            facts.forgotten |= dict.fromkeys([user_id, *(SESSION_ACTOR + session for session in sessions)], facts.newest)
            return bool(lost or sessions)

    def forgotten(self, user_id: str) -> int:
        """The sequence at which an actor was last forgotten, 0 if never."""
        return self.facts.forgotten.get(user_id, 0)


class MemoryItems:
    """`state.protocols.ItemStore` in memory."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts

    def put(self, items: Iterable[Mapping[str, Value]], replace: bool = False, now: float | None = None) -> int:
        """Store items; with ``replace`` they are the whole catalogue."""
        kept = list(items)
        with self.facts.lock:
            for item in kept:
                self._add(str(item["item_id"]), {name: value for name, value in item.items() if name != "item_id"})
            if replace:
                self._add("", None, frozenset(str(item["item_id"]) for item in kept))
            return self.facts.newest

    def delete(self, item_id: str) -> int:
        """Store a tombstone."""
        with self.facts.lock:
            self._add(item_id, None)
            return self.facts.newest

    def changes(self, after: int = 0, most: int | None = None) -> Sequence[ItemChange]:
        """Changes after a sequence, in order, at most ``most``."""
        with self.facts.lock:
            return [change for change in self.facts.changes if change.sequence > after][:most]

    def _add(self, item_id: str, attributes: Mapping[str, Value] | None, keep: frozenset[str] | None = None) -> None:
        self.facts.newest += 1
        self.facts.changes.append(ItemChange(self.facts.newest, item_id, attributes, keep))


class MemoryAside:
    """Rows that are not believed."""

    def __init__(self) -> None:
        self.rows: list[Suspect] = []

    def put(self, suspects: Sequence[Suspect], now: float) -> None:
        """Keep rows."""
        self.rows += suspects


class MemoryState:
    """`state.protocols.Kept` in memory. Several shops over one of these are what several processes over one folder are."""

    def __init__(self) -> None:
        self.facts = Facts()
        self.log, self.items, self.quarantine = MemoryLog(self.facts), MemoryItems(self.facts), MemoryAside()

    def newest(self) -> int:
        """The newest sequence."""
        return self.facts.newest
