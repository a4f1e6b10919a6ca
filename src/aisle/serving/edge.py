"""The outermost layer of the app: request ids, who may ask, safety headers, one log line each, and no stack trace ever leaves."""

from __future__ import annotations

import re
from collections.abc import Collection
from secrets import token_hex
from time import perf_counter
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aisle.serving import problems
from aisle.serving.problems import RefusedError
from aisle.serving.telemetry import Facts, Telemetry

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
FACTS = "aisle.facts"
"""Where the facts of a request stand in its scope."""
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
    """ASGI middleware. ``hosts`` are the names the server answers to, without port; None answers to any."""

    def __init__(self, app: ASGIApp, telemetry: Telemetry, hosts: Collection[str] | None = LOOPBACK) -> None:
        self.app, self.telemetry, self.hosts = app, telemetry, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        facts = scope[FACTS] = Facts(_request_id(headers), scope["method"])
        started = perf_counter()

        async def finish(message: Message) -> None:
            if message["type"] == "http.response.start":
                facts.status = message["status"]
                sent = MutableHeaders(scope=message)
                for name, value in {**_SAFETY, "X-Request-Id": facts.request_id}.items():
                    sent.setdefault(name, value)
            await send(message)

        with self.telemetry.in_flight.track_inprogress():
            try:
                self._admit(scope, headers)
                await self.app(scope, receive, finish)
            except ClientDisconnect:
                facts.status = 499
            except Exception as error:
                await self._fail(error, facts, scope, receive, finish)
        facts.route = getattr(scope.get("route"), "path", "/static" if scope["path"].startswith("/static/") else "unmatched")
        self.telemetry.done(facts, perf_counter() - started)

    def _admit(self, scope: Scope, headers: Headers) -> None:
        """Refuse other names for this host (DNS rebinding) and writes that another site's page sends (cross-site forgery)."""
        host = headers.get("host", "")
        if self.hosts is not None and _hostname(f"//{host}") not in self.hosts:
            raise RefusedError(
                421, "wrong_host", "The server does not answer to this host name.", "Use http://127.0.0.1 or http://localhost."
            )
        origin = headers.get("origin")
        foreign = headers.get("sec-fetch-site") == "cross-site" or (origin is not None and origin.partition("//")[2] != host)
        if foreign and scope["method"] not in ("GET", "HEAD", "OPTIONS"):
            raise RefusedError(403, "cross_site", "Another site's page sent this request.", "Send it from the shop's own server.")

    async def _fail(self, error: Exception, facts: Facts, scope: Scope, receive: Receive, send: Send) -> None:
        if problems.is_fault(error):
            self.telemetry.failed(facts, error)
        facts.code = getattr(error, "code", "failed")
        if facts.status == 0:
            await problems.of(error, facts.request_id)(scope, receive, send)


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _SANE_ID.fullmatch(given) else token_hex(8)


def _hostname(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""
