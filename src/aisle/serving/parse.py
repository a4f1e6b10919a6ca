"""The JSON of a request, from an HTTP route or a line of `aisle batch`, to `Request`: whatever comes in, that or a `RequestError`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, cast

from aisle.core.errors import RequestError
from aisle.core.request import MOST_ITEMS, SORTS, SURFACES, Request, Surface
from aisle.serving import fields
from aisle.serving.conditions import conditions
from aisle.serving.fields import FieldError

RECOMMENDATIONS = ("home", "item", "basket")
"""The surfaces of ``/v1/recommend``."""
ACTORS = ("query", "user_id", "session_id", "items")
FIELDS = (
    *ACTORS, "request_id", "surface", "filters", "limit", "offset", "sort", "facets", "exclude_seen", "as_of", "language",
    "explain", "why", "deadline_ms",
)  # fmt: skip
COMPLETE_FIELDS = ("query", "limit", "user_id", "session_id", "language", "request_id", "surface")
MOST_SEEDS = 1_000
MOST_FACETS = 20
LANGUAGES = ("en", "zh")


class Prefix(NamedTuple):
    """A request of ``complete``: what was typed so far, and how many ways on are wanted."""

    text: str
    limit: int


def parse(body: object, surface: str, now: float, request_id: str = "") -> Request:
    """Read one request.

    ``surface`` is what the route serves; ``""`` where the body itself must name it (`aisle batch`). On a recommendation route the body may
    name another of `RECOMMENDATIONS`. ``now`` (UTC seconds, NaN: after everything known) is ``as_of`` where the body names none. ``null``
    is the same as absent; a blank query is absent too, so that an empty search box browses. ``request_id`` yields to the body's own.

    Raises `FieldError` (a `RequestError`) with the field, a stable code and the mend.
    """
    given = _given(body, FIELDS)
    where = _surface(given, surface)
    _need(given, where)
    seeds = fields.identifiers(given.get("items", []), "items", MOST_SEEDS)
    query = fields.text(given.get("query", ""), "query").strip()
    return Request(
        request_id=_request_id(given, request_id),
        surface=where,
        user_id=_identifier(given, "user_id"),
        session_id=_identifier(given, "session_id"),
        query=query or None,
        items=seeds,
        filters=conditions(given.get("filters", {})),
        limit=_limit(given, len(seeds) if where == "rank" else 10),
        offset=_offset(given),
        sort=fields.choice(given.get("sort", "relevance"), "sort", SORTS),
        facets=fields.identifiers(given.get("facets", []), "facets", MOST_FACETS),
        exclude_seen=fields.truth(given["exclude_seen"], "exclude_seen") if "exclude_seen" in given else None,
        as_of=fields.instant(given["as_of"], "as_of") if "as_of" in given else now,
        language=_language(given),
        explain=fields.truth(given.get("explain", False), "explain"),
        why=fields.identifiers(given.get("why", []), "why", 100),
        deadline_ms=_deadline(given),
    )


def parse_complete(body: object) -> Prefix:
    """Read one request of ``complete``: ``query`` is needed and may be empty, ``limit`` is 8 where absent."""
    given = _given(body, COMPLETE_FIELDS)
    if "query" not in given:
        raise FieldError("query", "missing_field", "is needed.", "Send what was typed so far.")
    limit = fields.whole(given.get("limit", 8), "limit", 0, MOST_ITEMS)
    return Prefix(fields.text(given["query"], "query").lstrip(), limit)


def _given(body: object, names: tuple[str, ...]) -> dict[str, object]:
    """The fields that are there, every one of them known."""
    if not isinstance(body, Mapping):
        raise RequestError(f"A request is one JSON object, not {fields.kind(body)}.", 'As {"query": "red lamp"}.')
    fields.known(body, names)
    return {name: value for name, value in body.items() if value is not None}


def _surface(given: Mapping[str, object], route: str) -> Surface:
    allowed = SURFACES if not route else RECOMMENDATIONS if route in RECOMMENDATIONS else (route,)
    if "surface" not in given and not route:
        raise FieldError("surface", "missing_field", "is needed.", f"One of: {', '.join(SURFACES)}.")
    return cast(Surface, fields.choice(given.get("surface", route), "surface", allowed))


def _need(given: Mapping[str, object], surface: Surface) -> None:
    if surface in ("item", "similar", "basket", "rank") and "items" not in given:
        raise FieldError("items", "missing_field", f"is needed on the surface `{surface}`.", 'Name item ids: {"items": ["A1"]}.')
    if surface in ("item", "similar") and given["items"] in ([], ()):
        raise FieldError("items", "missing_value", f"is empty; the surface `{surface}` starts from an item.", "Name at least one id.")
    if not any(name in given for name in ACTORS):
        raise FieldError("query", "missing_field", "is not there, nor is any of user_id, session_id, items.", "Give at least one of them.")


def _identifier(given: Mapping[str, object], name: str) -> str | None:
    return fields.identifier(given[name], name) if name in given else None


def _request_id(given: Mapping[str, object], default: str) -> str:
    return fields.identifier(given["request_id"], "request_id") if "request_id" in given else default


def _limit(given: Mapping[str, object], default: int) -> int:
    return fields.whole(given["limit"], "limit", 0, MOST_ITEMS) if "limit" in given else default


def _offset(given: Mapping[str, object]) -> int:
    """Past the last page is past the last page: the answer is empty and the number stays small."""
    return min(fields.whole(given.get("offset", 0), "offset", 0, 10**15), MOST_ITEMS)


def _language(given: Mapping[str, object]) -> str | None:
    if "language" not in given:
        return None
    main = fields.text(given["language"], "language").strip().lower().replace("_", "-").split("-")[0]
    return fields.choice(main, "language", LANGUAGES)


def _deadline(given: Mapping[str, object]) -> float | None:
    if "deadline_ms" not in given:
        return None
    deadline = fields.number(given["deadline_ms"], "deadline_ms")
    if deadline <= 0:
        raise FieldError("deadline_ms", "out_of_range", f"must be above 0, not {deadline:g}.", "Leave it out to wait for the whole answer.")
    return deadline
