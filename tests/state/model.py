"""What the state folder should be, as plain Python: every promise of the log and the item changes in the fewest words."""

from __future__ import annotations

from dataclasses import dataclass, field

from aisle.schema import SESSION_ACTOR
from aisle.state.protocols import ItemChange, NewEvent, Receipt, StoredEvent


@dataclass
class Model:
    """The same methods as the log and the item store, in memory."""

    newest: int = 0
    events: list[StoredEvent] = field(default_factory=list)
    changes: list[ItemChange] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    claims: dict[str, str] = field(default_factory=dict)
    gone: dict[str, int] = field(default_factory=dict)

    def append(self, events: list[NewEvent]) -> Receipt:
        stored = 0
        for event in events:
            if event.event_id in self.known:
                continue
            self.known.add(event.event_id)
            self.newest += 1
            stored += 1
            self.events.append(StoredEvent(self.newest, event))
            if event.user_id and event.session_id and event.body.get("consent") is not False:
                self.claims.setdefault(event.session_id, event.user_id)
        return Receipt(stored, len(events) - stored, self.newest)

    def owner(self, event: NewEvent) -> str | None:
        return event.user_id or self.claims.get(event.session_id or "")

    def of(self, user: str | None, session: str | None, after: int) -> list[StoredEvent]:
        if user is None:
            found = [one for one in self.events if session is not None and one.event.session_id == session]
        else:
            found = [one for one in self.events if self.owner(one.event) == user]
        return sorted((one for one in found if one.sequence > after), key=lambda one: (one.event.time, one.sequence))

    def put(self, items: list[dict[str, str | float | bool | None]], replace: bool) -> int:
        for item in items:
            self.newest += 1
            attributes = {name: value for name, value in item.items() if name != "item_id"}
            self.changes.append(ItemChange(self.newest, str(item["item_id"]), attributes))
        if replace:
            self.newest += 1
            self.changes.append(ItemChange(self.newest, "", None, frozenset(str(item["item_id"]) for item in items)))
        return self.newest

    def delete(self, item: str) -> int:
        self.newest += 1
        self.changes.append(ItemChange(self.newest, item, None))
        return self.newest

    def forget(self, user: str) -> bool:
        self.newest += 1
        sessions = [session for session, owner in self.claims.items() if owner == user]
        left = [one for one in self.events if self.owner(one.event) != user]
        known = len(left) < len(self.events) or bool(sessions)
        self.events = left
        self.claims = {session: owner for session, owner in self.claims.items() if owner != user}
        self.gone |= {name: self.newest for name in (user, *(SESSION_ACTOR + session for session in sessions))}
        return known
