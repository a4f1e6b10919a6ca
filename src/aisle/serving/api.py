"""The JSON routes that ask: each reads one body, asks the engine once and writes one answer. Beside them what operators watch."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from fastapi import APIRouter
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from aisle.core.answer import Json, completions_json, to_json
from aisle.serving import body
from aisle.serving.access import Access
from aisle.serving.describe import ROUTES, Described, description, failing
from aisle.serving.describe_writes import written
from aisle.serving.edge import ACCESS, FACTS
from aisle.serving.live import Live
from aisle.serving.parse import parse, parse_complete
from aisle.serving.problems import RefusedError, reply
from aisle.serving.telemetry import Facts, Telemetry

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
        request = parse(await body.question(http), surface, live.clock(), facts.request_id)
        access: Access = http.scope[ACCESS]
        if request.user_id is not None and not access.trusted:
            raise RefusedError(403, "key_needed", "Without a key no user can be named.", "Send the session_id instead, or a key.")
        telemetry.asked(facts, request)
        answer = (await live.answer([request]))[0]
        telemetry.answered(facts, answer)
        return reply(to_json(answer))

    return handler


def _complete(live: Live) -> Handler:
    async def handler(http: HttpRequest) -> Response:
        prefix = parse_complete(await body.question(http))
        http.scope[FACTS].surface = "complete"
        return reply(completions_json(await live.run(lambda engine: engine.complete(prefix.text, prefix.limit))))

    return handler


def _bundles(router: APIRouter, live: Live) -> None:
    @router.get("/v1/bundles", **written("bundles"))
    async def bundles() -> Response:
        return reply(await asyncio.to_thread(_listing, live))

    @router.post("/v1/bundles/rollback", **written("rollback"))
    async def rollback() -> Response:
        await live.rollback()
        return reply(await asyncio.to_thread(_listing, live))

    @router.post("/v1/bundles/{bundle_id}/activate", **written("activate"))
    async def activate(bundle_id: str) -> Response:
        if bundle_id not in {bundle.bundle_id for bundle in await asyncio.to_thread(live.bundles)}:
            raise RefusedError(404, "unknown_bundle", "The store has no bundle of this name.", "GET /v1/bundles lists them.")
        await live.activate(bundle_id)
        return reply(await asyncio.to_thread(_listing, live))


def _watch(router: APIRouter, live: Live, telemetry: Telemetry) -> None:
    @router.get("/healthz", **written("healthz"))
    async def healthz() -> Response:
        return reply({"status": "ok"})

    @router.get("/readyz", **written("readyz"))
    async def readyz() -> Response:
        return reply({"status": "ready", "bundle": live.engine.bundle_id})

    told = {"responses": failing()}

    @router.get("/metrics", response_class=Response, summary="Counters of all workers in Prometheus' text form", openapi_extra=told)
    async def metrics() -> Response:
        return Response(await asyncio.to_thread(telemetry.exposition), media_type="text/plain; version=0.0.4")


def _listing(live: Live) -> dict[str, Json]:
    shown = [
        {"bundle": one.bundle_id, "active": one.active, "created_at": one.created_at or None, "problem": one.problem or None}
        for one in live.bundles()
    ]
    return {"active": live.engine.bundle_id, "bundles": shown}
