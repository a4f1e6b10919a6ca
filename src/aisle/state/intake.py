"""From rows as clients send them to the log: each is stored, known already, set aside as suspicious, or rejected with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import orjson

from aisle.core.answer import Json
from aisle.data.words import BEGINNING
from aisle.schema import EVENT_CODE, EVENT_WORDS, EVENTS, Kind
from aisle.state.cells import UnreadableError, read
from aisle.state.protocols import Kept, NewEvent, Suspect

DAY = 86_400.0
MOST_BYTES = 64_000
MADE = "fields:"
"""How the id begins of an event that came without one: the rest is the hash of its fields."""

OPTIONAL = (Kind.NUMBER, Kind.INTEGER, Kind.TRUTH)
"""Kinds whose unreadable cells become missing, as in files; the event counts all the same."""


class SuspiciousError(ValueError):
    """Why a row is readable but not believed."""


@dataclass
class Intake:
    """What became of the rows, each in one list. Places count from 0 in what was sent."""

    accepted: list[NewEvent] = field(default_factory=list)
    rejected: list[tuple[int, str]] = field(default_factory=list)
    quarantined: list[Suspect] = field(default_factory=list)


def record(state: Kept, rows: Sequence[object], now: float, shift: float = 0.0) -> dict[str, Json]:
    """Store rows; the answer of ``POST /v1/events``, given only after they are on disk.

    ``received = stored + duplicate + quarantined + len(rejected)``. ``row`` counts from 0. Raises `StateError` when the disk fails; then
    none is acknowledged and all may be sent again.
    """
    found = take(rows, now, shift)
    state.quarantine.put(found.quarantined, now)
    receipt = state.log.append(found.accepted)
    return {
        "received": len(rows),
        "stored": receipt.stored,
        "duplicate": receipt.duplicate,
        "quarantined": len(found.quarantined),
        "rejected": [{"row": place, "reason": reason} for place, reason in found.rejected],
        "sequence": receipt.sequence,
    }


def take(rows: Sequence[object], now: float, shift: float = 0.0) -> Intake:
    """Read rows. A bad one never stops a good one.

    ``now`` is what the shop takes for now, ``shift`` how far that is from the wall clock (negative where an old log is treated as if today
    were its last day): stamps nearer to the wall clock than to ``now`` move along.
    """
    found = Intake()
    for place, row in enumerate(rows):
        try:
            found.accepted.append(_event(row, now, shift))
        except UnreadableError as error:
            found.rejected.append((place, str(error)))
        except SuspiciousError as error:
            found.quarantined.append(Suspect(place, str(error), row if isinstance(row, Mapping) else {}))
    return found


def _event(row: object, now: float, shift: float) -> NewEvent:
    if not isinstance(row, Mapping):
        raise UnreadableError("an event is one JSON object")
    _refuse_unwritable(row)
    cells = {name: _cell(value, name) for name, value in row.items()}
    body: dict[str, Json] = {name: value for name, value in cells.items() if value is not None}
    body["type"] = kind = _type(body)
    stamp = body.get("timestamp")
    sent = now if not isinstance(stamp, float) else stamp
    event_id = _id(body, "event_id") or _hash({**body, "timestamp": sent})
    user, session, item = _id(body, "user_id"), _id(body, "session_id"), _id(body, "item_id")
    if user is None and session is None:
        raise UnreadableError("neither user_id nor session_id")
    if item is None and kind not in ("query", "message"):
        raise UnreadableError("no item_id")
    return NewEvent(event_id, kind, believed(sent, now, shift), user, session, item, body)


def _refuse_unwritable(row: Mapping[object, object]) -> None:
    try:
        size = len(orjson.dumps(row))
    except TypeError as error:
        raise UnreadableError(f"cannot be written as JSON: {error}") from None
    if size > MOST_BYTES:
        raise UnreadableError(f"the row has {size} bytes, at most {MOST_BYTES} are taken")


def _cell(value: Json, name: str) -> Json:
    """A field that the contract knows as it reads it, any other as it was sent."""
    column = EVENTS.get(name)
    if column is None or name == "type":
        return value
    try:
        return _possible(name, read(value, name, column.kind))
    except UnreadableError:
        if column.kind in OPTIONAL:
            return None
        raise


def _possible(name: str, value: Json) -> Json:
    """Numbers that cannot be are missing, as in files: negative ranks and prices, a price or quantity of 0, a propensity that is none."""
    if not isinstance(value, float) or name in ("timestamp", "order"):
        return value
    if value < 0 and name in ("rank", "dwell_ms", "price"):
        return None
    if name == "propensity":
        return value if 0 < value <= 1 else None
    return None if value == 0 and name in ("price", "quantity") else value


def _type(body: dict[str, Json]) -> str:
    """The type as it counts: a purchase of less than nothing is a return where it has a price, else a stock correction and no event."""
    kind, quantity = _known_type(body), body.get("quantity")
    if isinstance(quantity, float) and quantity < 0 and kind in ("purchase", "return"):
        if kind == "purchase" and "price" not in body:
            raise SuspiciousError(f"stock correction: a purchase of {quantity:g} at no price")
        body["quantity"], kind = -quantity, "return"
    return kind


def _known_type(body: Mapping[str, Json]) -> str:
    word = body.get("type")
    if not isinstance(word, str) or not word.strip():
        raise UnreadableError("no type")
    known = word.strip().lower()
    known = known if known in EVENT_CODE else EVENT_WORDS.get(known, "")
    if not known:
        raise UnreadableError(f"unknown event type: {word[:80]}")
    return known


def _id(body: Mapping[str, Json], name: str) -> str | None:
    value = body.get(name)
    return value if isinstance(value, str) else None


def _hash(body: Mapping[str, Json]) -> str:
    """The id of an event without one, so that sending it again counts once; without a timestamp the moment of its coming tells it apart."""
    return MADE + blake2b(orjson.dumps(body, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()


def believed(stamp: float, now: float, shift: float = 0.0) -> float:
    """The time at which an event counts: up to a day ahead is a clock that runs fast and means now; further ahead, or before 1990, no one
    believes. Raises `SuspiciousError`."""
    if shift and abs(stamp - (now - shift)) < abs(stamp - now):
        stamp += shift
    if stamp > now + DAY:
        raise SuspiciousError("the time is more than a day ahead")
    if stamp < BEGINNING:
        raise SuspiciousError("the time is before 1990")
    return min(stamp, now)
