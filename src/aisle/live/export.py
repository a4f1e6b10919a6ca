"""All that is kept of one user's events, from the log as it was sent and from the bundle as it was cleaned."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from math import isnan

from aisle.core.answer import Json
from aisle.live.facts import LiveHistory
from aisle.profile.fold import Fact
from aisle.schema import EVENT_TYPES
from aisle.state.protocols import StoredEvent


def events_of(history: LiveHistory, user_id: str) -> list[Mapping[str, Json]]:
    """A user's events by time, each once though log and bundle may both hold it; as they can be sent again."""
    logged = history.events_of(user_id, 0)
    seen = {(one.event.item_id, one.event.type, round(one.event.time, 3)) for one in logged}
    bundled = [fact for fact in history.known_of(user_id) if (fact.item_id, EVENT_TYPES[fact.type], round(fact.time, 3)) not in seen]
    told = [(fact.time, _of_bundle(fact, user_id, history.clock)) for fact in bundled]
    told += [(one.event.time, _of_log(one)) for one in logged]
    return [event for _, event in sorted(told, key=lambda pair: pair[0])] if history.clock else [event for _, event in told]


def _of_bundle(fact: Fact, user_id: str, clock: bool) -> dict[str, Json]:
    event: dict[str, Json] = {"type": EVENT_TYPES[fact.type], "user_id": user_id, "item_id": fact.item_id}
    event |= {"timestamp": _moment(fact.time)} if clock else {"order": fact.time}
    return event | {name: value for name, value in (("quantity", fact.quantity), ("price", fact.price)) if not isnan(value)}


def _of_log(stored: StoredEvent) -> dict[str, Json]:
    event = stored.event
    ids = {"user_id": event.user_id, "session_id": event.session_id, "item_id": event.item_id, "event_id": event.event_id}
    named: dict[str, Json] = {name: value for name, value in ids.items() if value is not None}
    return {**event.body, **named, "type": event.type, "timestamp": _moment(event.time)}


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
