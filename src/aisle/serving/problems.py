"""Errors as RFC 9457 problem details, each with a stable ``code``; what happened inside the server stays there."""

from __future__ import annotations

import sqlite3
from http import HTTPStatus

import orjson
from starlette.responses import Response

from aisle.core.answer import Json
from aisle.core.errors import BundleError, RequestError, StateError

CODES = {404: "not_found", 405: "method_not_allowed"}
UNPROCESSABLE = 422
HEADERS = {401: {"WWW-Authenticate": "Bearer"}, 429: {"Retry-After": "1"}, 503: {"Retry-After": "1"}}


class OverloadError(Exception):
    """More work waits than can be done soon: the client shall come again in a second."""


class TooLateError(Exception):
    """Not even what is popular could be had before the deadline."""


class RefusedError(Exception):
    """The edge refuses a request before any engine sees it. ``detail`` is for the client, ``mend`` what to do about it."""

    def __init__(self, status: int, code: str, detail: str, mend: str = "") -> None:
        super().__init__(code)
        self.status, self.code, self.detail, self.mend = status, code, detail, mend


def problem(status: int, code: str, detail: str, request_id: str, **more: str) -> Response:
    """A problem document; ``more`` are further members (``field``, ``mend``), empty ones are left out."""
    body = {"type": f"urn:aisle:problem:{code}", "title": HTTPStatus(status).phrase, "status": status, "code": code, "detail": detail}
    body |= {name: value for name, value in more.items() if value} | {"request_id": request_id}
    headers = HEADERS.get(status)
    return Response(orjson.dumps(body), status, headers, "application/problem+json")


def of(error: Exception, request_id: str) -> Response:
    """The problem that an error is to a client; one that is nobody's known mistake becomes a bare 500."""
    if isinstance(error, RefusedError):
        return problem(error.status, error.code, error.detail, request_id, mend=error.mend)
    if isinstance(error, RequestError):
        return problem(UNPROCESSABLE, error.code, error.what, request_id, field=getattr(error, "field", ""), mend=error.mend)
    if isinstance(error, BundleError):
        return problem(409, error.code, error.what, request_id, mend=error.mend)
    if isinstance(error, OverloadError):
        return problem(503, "overloaded", "Too many requests are waiting.", request_id, mend="Come again in a second.")
    if isinstance(error, TooLateError):
        return problem(503, "too_late", "Nothing could be answered before the deadline.", request_id, mend="Allow more with deadline_ms.")
    if isinstance(error, StateError | sqlite3.Error):
        what = "The state folder cannot be read or written: nothing was acknowledged."
        return problem(503, "not_stored", what, request_id, mend="Send it again.")
    return problem(500, "failed", "The server failed on this request.", request_id, mend="Tell the operator the request id.")


def is_fault(error: Exception) -> bool:
    """Whether the server is to blame, so that the log must say where it happened."""
    return not isinstance(error, RefusedError | RequestError | BundleError | OverloadError | TooLateError)


def plain(status: int, request_id: str) -> Response:
    """A problem known by its status alone, as the router raises them."""
    code = CODES.get(status, "bad_request" if status < 500 else "failed")
    details = {404: "There is nothing at this address.", 405: "This address does not take that method."}
    return problem(status, code, details.get(status, HTTPStatus(status).phrase), request_id)


def reply(value: Json) -> Response:
    """A JSON response."""
    return Response(orjson.dumps(value), media_type="application/json")
