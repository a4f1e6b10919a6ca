"""What OpenAPI says of the routes that ask: the fields of a request, an example for each route, and the problem details."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from aisle.core.answer import Json
from aisle.core.request import MOST_ITEMS, SORTS
from aisle.serving.fields import LONGEST_TEXT
from aisle.serving.parse import LANGUAGES, MOST_FACETS, MOST_SEEDS, RECOMMENDATIONS
from aisle.serving.problems import HEADERS

Schema = dict[str, Json]


class Described(NamedTuple):
    """One route that takes a request: its address, the surface it serves, and what the documentation shows."""

    name: str
    surface: str
    summary: str
    example: Schema


ROUTES = (
    Described("search", "search", "Find items for a query, for this user where one is named", {
        "query": "red lamp", "user_id": "42", "session_id": "s1", "filters": {"category": ["Lamps"], "price": {"lte": 30}},
        "limit": 10, "offset": 0, "sort": "relevance", "facets": ["brand"], "explain": True,
    }),
    Described("recommend", "home", "Rows for a person (home), a product page (item) or a basket", {
        "user_id": "42", "surface": "home", "limit": 10,
    }),
    Described("similar", "similar", "Substitutes for an item", {"items": ["A1"], "limit": 10}),
    Described("rank", "rank", "Score what another engine found, all of it", {"items": ["A1", "B2"], "user_id": "42", "query": "red lamp"}),
    Described("complete", "complete", "Ways to go on typing", {"query": "red la", "limit": 8}),
)  # fmt: skip


def description(route: Described) -> dict[str, object]:
    """The part of the OpenAPI document that FastAPI cannot read off a signature."""
    schema = _complete() if route.surface == "complete" else _request(route.surface)
    content = {"application/json": {"schema": schema, "example": route.example}}
    shown = COMPLETED if route.surface == "complete" else ANSWERED
    return {"requestBody": {"required": True, "content": content}, "responses": responses(shown, "400", "413", "415", "422", "503")}


def responses(shown: Json, *failures: str) -> dict[str, object]:
    """The answer by an example of it, and the failures by their status."""
    answer = {"application/json": {"schema": {"type": "object"}, "example": shown}}
    return {"200": {"description": "The answer", "content": answer}, **failing(*failures)}


def failing(*failures: str) -> dict[str, object]:
    """The failures of a route that asks for a key, by their status: with those that a key, its rate or a foreign host name bring."""
    return {status: _failure(status) for status in sorted({*BY_KEY, *failures})}


def _failure(status: str) -> dict[str, object]:
    told: dict[str, object] = {"description": FAILURES[status], "content": {"application/problem+json": {"schema": PROBLEM}}}
    sent = {
        name: {"description": MEANT[name], "schema": {"type": "integer" if value.isdecimal() else "string"}, "required": True}
        for name, value in HEADERS.get(int(status), {}).items()
    }
    return told | {"headers": sent} if sent else told


ANSWERED: Schema = {
    "request_id": "5f1c", "bundle": "b7", "total": 812, "facets": {"brand": {"Acme": 12}}, "degraded": False, "skipped": [], "took_ms": 6.1,
    "items": [{
        "item_id": "A1", "title": "Red lamp", "price": 24.9, "score": 0.83, "probability": 0.12, "scores": {"lexical": 7.4},
        "highlights": {"title": [[0, 3], [4, 8]]}, "reasons": [{"code": "taste_brand", "text": "You often choose Acme", "items": []}],
    }],
    "understanding": {"intent": None, "attributes": {"colour": "red"}, "correction": None},
}  # fmt: skip
COMPLETED: Schema = {"completions": [{"text": "red lamp", "kind": "query", "score": 3.2}]}


FAILURES: Mapping[str, str] = {
    "400": "Broken JSON",
    "401": "A key is missing, wrong or expired",
    "403": "The key has not this scope, or another site's page asks",
    "404": "Nothing of this name is known",
    "409": "The bundle cannot be opened, so the running one goes on",
    "413": "Body too large",
    "415": "Not JSON by its label",
    "421": "The server does not answer to this host name",
    "422": "A field cannot be read; `field` and `mend` say which and what to do",
    "429": "This key asks more often than it may. Come again after `Retry-After` seconds",
    "503": "Overloaded, or the disk takes no more: nothing was acknowledged. Come again after `Retry-After` seconds",
}
BY_KEY = ("401", "403", "421", "429")
MEANT = {"Retry-After": "Seconds after which the same request may be sent again", "WWW-Authenticate": "How a key is sent"}
_TEXT: Schema = {"type": "string", "maxLength": LONGEST_TEXT}
_ID: Schema = {**_TEXT, "minLength": 1}
PROBLEM: Schema = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail", "request_id"],
    "properties": {name: {"type": "integer" if name == "status" else "string"}
                   for name in ("type", "title", "status", "code", "detail", "field", "mend", "request_id")},
}  # fmt: skip


def _ids(most: int, meaning: str) -> Schema:
    return {"type": "array", "items": _ID, "maxItems": most, "description": meaning}


def _whole(most: int, default: int) -> Schema:
    return {"type": "integer", "minimum": 0, "maximum": most, "default": default}


def _filters() -> Schema:
    value: Schema = {"type": ["string", "number", "boolean"]}
    values: Schema = {"type": "array", "items": value, "minItems": 1}
    bound: Schema = {"type": ["number", "string"], "description": "a number, or a time as ISO 8601"}
    bounds: Schema = {
        "type": "object", "additionalProperties": False, "minProperties": 1,
        "properties": {**{name: bound for name in ("lt", "lte", "gt", "gte")}, "not": {"anyOf": [value, values]}},
    }  # fmt: skip
    return {
        "type": "object",
        "description": "attribute to what is asked of it: a list is any of, one value is any of one, an object holds bounds and `not`",
        "additionalProperties": {"anyOf": [value, values, bounds]},
    }


def _request(surface: str) -> Schema:
    properties: Schema = {
        "query": _TEXT,
        "user_id": _ID,
        "session_id": _ID,
        "items": _ids(MOST_SEEDS, "item ids that the request starts from"),
        "filters": _filters(),
        "limit": _whole(MOST_ITEMS, 10),
        "offset": _whole(10**15, 0),
        "sort": {"enum": list(SORTS), "default": "relevance"},
        "facets": _ids(MOST_FACETS, "attributes whose values shall be counted"),
        "exclude_seen": {"type": "boolean", "description": "true leaves out all that this user bought, false nothing"},
        "as_of": {"type": ["string", "number"], "description": "ISO 8601, or Unix seconds or milliseconds"},
        "language": {"enum": list(LANGUAGES)},
        "explain": {"type": "boolean", "default": False},
        "why": _ids(100, "items whose absence shall be explained"),
        "deadline_ms": {"type": "number", "exclusiveMinimum": 0},
        "request_id": _ID,
        "surface": {"enum": list(RECOMMENDATIONS if surface == "home" else (surface,))},
    }
    asks: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    if surface in ("similar", "rank"):
        return {**asks, "required": ["items"]}
    return {**asks, "anyOf": [{"required": [name]} for name in ("query", "user_id", "session_id", "items")]}


def _complete() -> Schema:
    language: Schema = {"enum": list(LANGUAGES)}
    properties: Schema = {"query": _TEXT, "limit": _whole(MOST_ITEMS, 8), "user_id": _ID, "session_id": _ID, "language": language}
    return {"type": "object", "additionalProperties": False, "required": ["query"], "properties": properties}
