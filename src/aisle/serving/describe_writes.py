"""What OpenAPI says of the routes that change what is known: events, items, users, bundles."""

from __future__ import annotations

from typing import Any, NamedTuple

from starlette.responses import Response

from aisle.core.answer import Json
from aisle.schema import EVENT_TYPES
from aisle.serving.describe import Schema, responses


class Write(NamedTuple):
    """One route: its summary, an example of its body (None: it has none) and of its answer, and the failures beside those of keys."""

    summary: str
    body: Json
    answer: Json
    failures: tuple[str, ...]


CLICK: Schema = {
    "event_id": "c-1", "type": "click", "item_id": "A1", "user_id": "42", "session_id": "s1", "timestamp": "2024-05-01T12:00:00Z",
    "request_id": "5f1c", "rank": 0, "surface": "home",
}  # fmt: skip
ITEM: Schema = {"item_id": "A1", "title": "Red lamp", "title_zh": "红色台灯", "category": "Home > Lamps", "price": 24.9, "in_stock": True}
PROFILE: Schema = {"user_id": "42", "events": 1, "recent": ["A1"], "owned": [], "tastes": {"category": {"Home > Lamps": 1.0}}}
BUNDLES: Schema = {"active": "b7", "bundles": [{"bundle": "b7", "active": True, "created_at": "2024-05-01T12:00:00Z", "problem": None}]}
WRITES = {
    "events": Write(
        "Store events: one object, an array, or JSON lines. The answer comes after they are on disk; an event id counts once, ever",
        CLICK,
        {"received": 1, "stored": 1, "duplicate": 0, "quarantined": 0, "rejected": [], "sequence": 1},
        ("400", "413", "415", "422", "503"),
    ),
    "items": Write(
        "Add or change items: one object, an array, or JSON lines; `?mode=replace` for a full feed",
        ITEM,
        {"received": 1, "stored": 1, "rejected": [], "sequence": 2},
        ("400", "413", "415", "422", "503"),
    ),
    "delete_item": Write("Take an item out of the shop", None, {"item_id": "A1", "deleted": True}, ("404", "422", "503")),
    "user": Write("What is known of a user", None, PROFILE, ("404", "422", "503")),
    "export": Write(
        "All that is kept of a user", None, {"user_id": "42", "profile": PROFILE, "events": [CLICK]}, ("404", "422", "503")
    ),
    "forget": Write("Forget a user: events, profile, and from the next bundle on influence", None, {"user_id": "42", "forgotten": True},
                    ("404", "422", "503")),
    "bundles": Write("The bundles side by side, and which is active", None, BUNDLES, ()),
    "activate": Write("Activate a bundle once it is verified, opened and compared on golden requests", None, BUNDLES, ("404", "409")),
    "rollback": Write("Activate the bundle that was active before", None, BUNDLES, ("409",)),
    "healthz": Write("The process is alive", None, {"status": "ok"}, ()),
    "readyz": Write("A bundle is open and answers", None, {"status": "ready", "bundle": "b7"}, ()),
}  # fmt: skip
OPEN = ("200", "421")
"""What the life sign answers, which needs no key."""
EVENT: Schema = {
    "type": "object",
    "required": ["type"],
    "properties": {
        "event_id": {"type": "string", "description": "counts once, ever; absent: the hash of the event's fields"},
        "type": {"enum": list(EVENT_TYPES)},
        "timestamp": {"type": ["string", "number"], "description": "ISO 8601, or Unix seconds or milliseconds; absent: now"},
        **{name: {"type": "string"} for name in ("item_id", "user_id", "session_id", "query", "surface", "text", "request_id", "currency")},
        "rank": {"type": "integer", "minimum": 0, "description": "0 is first"},
        **{name: {"type": "number"} for name in ("quantity", "price", "rating", "dwell_ms", "propensity")},
        "consent": {"type": "boolean", "description": "false: nothing is learned from it about this person"},
    },
}
_ITEM: Schema = {"type": "object", "required": ["item_id"], "properties": {"item_id": {"type": "string"}}, "additionalProperties": True}
_MODE: Schema = {"name": "mode", "in": "query", "required": False, "schema": {"enum": ["merge", "replace"], "default": "merge"}}


def written(name: str) -> dict[str, Any]:
    """What a route's decorator is told."""
    write = WRITES[name]
    extra: dict[str, Any] = {"responses": responses(write.answer, *write.failures)}
    if name == "healthz":
        extra["responses"] = {status: told for status, told in extra["responses"].items() if status in OPEN}
    if write.body is not None:
        extra["requestBody"] = {"required": True, "content": _content(EVENT if name == "events" else _ITEM, write.body)}
    if name == "items":
        extra["parameters"] = [_MODE]
    return {"response_class": Response, "name": name, "summary": write.summary, "openapi_extra": extra}


def _content(one: Schema, example: Json) -> Schema:
    many: Schema = {"type": "array", "items": one}
    return {
        "application/json": {"schema": {"anyOf": [one, many]}, "example": example},
        "application/x-ndjson": {"schema": {"type": "string", "description": "one such object a line"}},
    }
