"""The whole app put together: JSON routes, pages, and the edge around them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from aisle.serving import problems
from aisle.serving.access import Gate
from aisle.serving.api import api
from aisle.serving.console import Console
from aisle.serving.console_insight import Insight
from aisle.serving.edge import FACTS, Edge
from aisle.serving.images import Images
from aisle.serving.live import Live
from aisle.serving.login import login
from aisle.serving.pages import Storefront
from aisle.serving.telemetry import Telemetry
from aisle.serving.writes import writes


def create_app(
    live: Live,
    telemetry: Telemetry,
    shop: str = "Aisle",
    gate: Gate | None = None,
    pictures: Path | None = None,
    insight: Insight | None = None,
) -> FastAPI:
    """The app. ``shop`` is the name on the pages; ``gate`` says who may ask, without it loopback may all; ``pictures`` is the folder that
    items' images are relative to; ``insight`` reads for the console what was noted."""
    gate = gate or Gate()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        beside = [asyncio.create_task(one) for one in (live.follow(telemetry.say), live.tick(), live.tidy())]
        yield
        for task in beside:
            task.cancel()
        live.close()

    app = FastAPI(
        title=shop, version=version("aisle"), summary="Search and recommendation of one shop", lifespan=lifespan,
        docs_url=None, redoc_url=None, redirect_slashes=False,
    )  # fmt: skip
    app.include_router(api(live, telemetry))
    app.include_router(writes(live, telemetry))
    app.include_router(login(gate, shop))
    storefront = Storefront(live, telemetry, shop, Images(pictures))
    app.include_router(storefront.router)
    app.include_router(Console(storefront.pages, insight).router)
    app.mount("/static", storefront.static, name="static")
    _failures(app, storefront)
    app.add_middleware(Edge, telemetry=telemetry, gate=gate, busy=lambda: live.busy)
    return app


def _failures(app: FastAPI, storefront: Storefront) -> None:
    """What the router itself refuses becomes a page for a person and a problem for a program."""

    @app.exception_handler(HTTPException)
    async def refused(http: HttpRequest, error: HTTPException) -> Response:
        if storefront.wanted(http):
            return storefront.failure(http, error.status_code)
        response = problems.plain(error.status_code, http.scope[FACTS].request_id)
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(RequestValidationError)
    async def invalid(http: HttpRequest, _: RequestValidationError) -> Response:
        return problems.plain(problems.UNPROCESSABLE, http.scope[FACTS].request_id)
