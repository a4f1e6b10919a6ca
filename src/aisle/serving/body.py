"""Reads the body of an HTTP request, never more of it than the route takes."""

from __future__ import annotations

from collections.abc import Collection

import orjson
from starlette.requests import Request as HttpRequest

from aisle.serving.problems import RefusedError

QUESTION, EVENTS, ITEMS = 1 << 20, 16 << 20, 64 << 20
"""Bytes: the largest body of a question, of events, of items."""
HEARD = ITEMS
"""Bytes: a refused body up to this length is read to its end and thrown away: a client that is still sending would see its connection
break instead of the reason."""
JSON = ("application/json",)
LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines", "application/json-lines")


async def question(http: HttpRequest) -> object:
    """The JSON value that a request carries; `RefusedError` where it is too large, not JSON by its label, or broken."""
    labelled(http, JSON)
    raw = await read(http, QUESTION)
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise RefusedError(400, "broken_json", _fault(raw, error), 'Send one object in UTF-8, as {"query": "red lamp"}.') from None


def _fault(raw: bytes, error: orjson.JSONDecodeError) -> str:
    """What is wrong with a body, and where."""
    if not raw.strip():
        return "The body is empty."
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as found:
        return f"The body is not UTF-8 (byte {found.start + 1})."
    return f"The body is not valid JSON (line {error.lineno}, column {error.colno})."


def labelled(http: HttpRequest, allowed: Collection[str]) -> str:
    """The content type, where it is one of ``allowed`` or some ``+json``; one that is absent counts as JSON."""
    label = http.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if label not in allowed and not label.endswith("+json"):
        raise RefusedError(415, "wrong_content_type", "The body must be JSON.", f"Send the header Content-Type: {' or '.join(allowed)}.")
    return label


async def read(http: HttpRequest, most: int) -> bytes:
    """The whole body; `RefusedError` where it is longer than ``most`` bytes."""
    announced = http.headers.get("content-length", "0")
    size = int(announced) if announced.isdecimal() and len(announced) < 20 else 0
    kept, parts = size <= most, list[bytes]()
    if size <= HEARD:
        size = 0
        async for part in http.stream():
            size += len(part)
            kept = kept and size <= most
            if kept:
                parts.append(part)
            else:
                parts.clear()
            if size > HEARD:
                break
    if not kept:
        raise RefusedError(413, "body_too_large", f"The body is larger than {most} bytes.", "Send several smaller requests.")
    return b"".join(parts)
