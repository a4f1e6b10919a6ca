"""The outermost layer of the app: request ids, who may ask, safety headers, one log line each, and no stack trace ever leaves."""

from __future__ import annotations

import re
from collections.abc import Callable
from secrets import token_hex
from time import perf_counter, time

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aisle.serving import problems
from aisle.serving.access import ASKING, Gate, cors, is_page, log_in_at
from aisle.serving.problems import OverloadError
from aisle.serving.telemetry import Facts, Telemetry

FACTS = "aisle.facts"
"""Where the facts of a request stand in its scope."""
ACCESS = "aisle.access"
"""Where it stands what the asker may do: an `access.Access`."""
_SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_SAFETY = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Edge:
    """ASGI middleware. ``gate`` says who may ask, ``busy`` whether one more question would stand in line too long; ``wall`` gives UTC
    seconds, against which keys expire."""

    def __init__(
        self, app: ASGIApp, telemetry: Telemetry, gate: Gate, busy: Callable[[], bool] = lambda: False, wall: Callable[[], float] = time
    ) -> None:
        self.app, self.telemetry, self.gate, self.busy, self.wall = app, telemetry, gate, busy, wall

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        facts = scope[FACTS] = Facts(_request_id(headers), scope["method"])
        started = perf_counter()
        extra = {**_SAFETY, **cors(headers, self.gate.options.origins, preflight=False), "X-Request-Id": facts.request_id}

        async def finish(message: Message) -> None:
            if message["type"] == "http.response.start":
                facts.status = message["status"]
                sent = MutableHeaders(scope=message)
                for name, value in extra.items():
                    sent.setdefault(name, value)
            await send(message)

        with self.telemetry.in_flight.track_inprogress():
            try:
                await self._answer(scope, headers, facts, receive, finish)
            except ClientDisconnect:
                facts.status = 499
            except Exception as error:
                facts.route = _route(scope, facts)
                await self._fail(error, scope, headers, receive, finish)
        facts.route = _route(scope, facts)
        self.telemetry.done(facts, perf_counter() - started)

    async def _answer(self, scope: Scope, headers: Headers, facts: Facts, receive: Receive, send: Send) -> None:
        access = scope[ACCESS] = self.gate.admit(scope["method"], scope["path"], headers, self.wall())
        facts.key = access.key.key_id if access.key else ""
        if scope["path"] in ASKING and self.busy():
            facts.route = scope["path"]
            raise OverloadError  # before anything is read or routed: the more are sent away, the less each may cost
        allowed = cors(headers, self.gate.options.origins, preflight=True) if scope["method"] == "OPTIONS" else {}
        if allowed:
            await Response(status_code=204, headers=allowed)(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _fail(self, error: Exception, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        facts: Facts = scope[FACTS]
        if problems.is_fault(error):
            self.telemetry.failed(facts, error)
        facts.code = getattr(error, "code", "failed")
        if facts.status:
            return  # the answer has begun
        response = problems.of(error, facts.request_id)
        if response.status_code == 401 and _looks(scope, headers):
            if "hx-request" in headers:
                response.headers["HX-Refresh"] = "true"  # a piece of a page: the page itself leads to the log-in
            else:
                response = RedirectResponse(log_in_at(scope["path"], scope["query_string"].decode("latin-1")), 303)
        await response(scope, receive, send)


def _looks(scope: Scope, headers: Headers) -> bool:
    """Whether a person, not a program, asks for a page."""
    shown = is_page(scope["path"]) or scope["path"].startswith("/console")
    return shown and scope["method"] == "GET" and "text/html" in headers.get("accept", "")


def _route(scope: Scope, facts: Facts) -> str:
    """The route's pattern, which names no person and no item."""
    return str(getattr(scope.get("route"), "path", "/static" if scope["path"].startswith("/static/") else facts.route))


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _SANE_ID.fullmatch(given) else token_hex(8)
