"""The JSON routes: each reads one body, asks the engine once and writes one answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import orjson
from fastapi import APIRouter
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from aisle.core.answer import Json, completions_json, to_json
from aisle.serving.describe import ROUTES, Described, description
from aisle.serving.edge import FACTS
from aisle.serving.live import Live
from aisle.serving.parse import parse, parse_complete
from aisle.serving.problems import RefusedError
from aisle.serving.telemetry import Facts, Telemetry

LARGEST_BODY = 1 << 20
"""Bytes; a larger body is refused before it is read."""
Handler = Callable[[HttpRequest], Awaitable[Response]]


def api(live: Live, telemetry: Telemetry) -> APIRouter:
    """The routes under ``/v1`` and the three that operators watch."""
    router = APIRouter()
    for route in ROUTES:
        _add(router, route, _complete(live) if route.surface == "complete" else _answer(live, telemetry, route.surface))
    _bundles(router, live)
    _watch(router, live, telemetry)
    return router


def _add(router: APIRouter, route: Described, handler: Handler) -> None:
    router.add_api_route(
        f"/v1/{route.name}", handler, methods=["POST"], response_class=Response, name=route.name, summary=route.summary,
        openapi_extra=description(route),
    )  # fmt: skip


def _answer(live: Live, telemetry: Telemetry, surface: str) -> Handler:
    async def handler(http: HttpRequest) -> Response:
        facts: Facts = http.scope[FACTS]
        request = parse(await body(http), surface, live.clock(), facts.request_id)
        telemetry.asked(facts, request)
        answer = (await live.answer([request]))[0]
        telemetry.answered(facts, answer)
        return reply(to_json(answer))

    return handler


def _complete(live: Live) -> Handler:
    async def handler(http: HttpRequest) -> Response:
        prefix = parse_complete(await body(http))
        http.scope[FACTS].surface = "complete"
        return reply(completions_json(await live.run(lambda engine: engine.complete(prefix.text, prefix.limit))))

    return handler


def _bundles(router: APIRouter, live: Live) -> None:
    @router.get("/v1/bundles", response_class=Response, summary="The bundles side by side, and which is active")
    async def bundles() -> Response:
        return reply(_listing(live))

    @router.post("/v1/bundles/rollback", response_class=Response, summary="Activate the bundle that was active before")
    async def rollback() -> Response:
        await live.change(lambda store: store.rollback())
        return reply(_listing(live))

    @router.post("/v1/bundles/{bundle_id}/activate", response_class=Response, summary="Activate a bundle once it is verified")
    async def activate(bundle_id: str) -> Response:
        if bundle_id not in {bundle.bundle_id for bundle in live.bundles()}:
            raise RefusedError(404, "unknown_bundle", "The store has no bundle of this name.", "GET /v1/bundles lists them.")
        await live.change(lambda store: store.activate(bundle_id))
        return reply(_listing(live))


def _watch(router: APIRouter, live: Live, telemetry: Telemetry) -> None:
    @router.get("/healthz", response_class=Response, summary="The process is alive")
    async def healthz() -> Response:
        return reply({"status": "ok"})

    @router.get("/readyz", response_class=Response, summary="A bundle is open and answers")
    async def readyz() -> Response:
        return reply({"status": "ready", "bundle": live.engine.bundle_id})

    @router.get("/metrics", response_class=Response, summary="Counters in Prometheus' text form")
    async def metrics() -> Response:
        return Response(telemetry.exposition(), media_type="text/plain; version=0.0.4")


def _listing(live: Live) -> dict[str, Json]:
    shown = [
        {"bundle": one.bundle_id, "active": one.active, "created_at": one.created_at or None, "problem": one.problem or None}
        for one in live.bundles()
    ]
    return {"active": live.engine.bundle_id, "bundles": shown}


def reply(value: Json) -> Response:
    """A JSON response."""
    return Response(orjson.dumps(value), media_type="application/json")


async def body(http: HttpRequest) -> object:
    """The JSON value that a request carries; `RefusedError` where it is too large, not JSON by its label, or broken."""
    label = http.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if label != "application/json" and not label.endswith("+json"):
        raise RefusedError(415, "wrong_content_type", "The body must be JSON.", "Send the header Content-Type: application/json.")
    raw = await _read(http)
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        what = f"The body is not valid JSON ({where})." if raw.strip() else "The body is empty."
        raise RefusedError(400, "broken_json", what, 'Send one object in UTF-8, as {"query": "red lamp"}.') from None


async def _read(http: HttpRequest) -> bytes:
    announced = http.headers.get("content-length", "0")
    size = int(announced) if announced.isdecimal() and len(announced) < 20 else 0
    parts: list[bytes] = []
    if size <= LARGEST_BODY:
        size = 0
        async for part in http.stream():
            parts.append(part)
            size += len(part)
            if size > LARGEST_BODY:
                break
    if size > LARGEST_BODY:
        raise RefusedError(413, "body_too_large", f"The body is larger than {LARGEST_BODY} bytes.", "Send several smaller requests.")
    return b"".join(parts)
