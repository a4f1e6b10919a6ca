"""The whole app put together: JSON routes, pages, and the edge around them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from aisle.serving import problems
from aisle.serving.api import api
from aisle.serving.edge import FACTS, LOOPBACK, Edge
from aisle.serving.images import Images
from aisle.serving.live import Live
from aisle.serving.pages import Storefront
from aisle.serving.telemetry import Telemetry


def create_app(
    live: Live, telemetry: Telemetry, shop: str = "Aisle", hosts: Collection[str] | None = LOOPBACK, pictures: Path | None = None
) -> FastAPI:
    """The app. ``shop`` is the name on the pages; ``hosts`` the host names that it answers to, None for any; ``pictures`` the folder
    that items' images are relative to."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        live.close()

    app = FastAPI(
        title=shop, version=version("aisle"), summary="Search and recommendation of one shop", lifespan=lifespan,
        docs_url=None, redoc_url=None, redirect_slashes=False,
    )  # fmt: skip
    app.include_router(api(live, telemetry))
    storefront = Storefront(live, telemetry, shop, Images(pictures))
    app.include_router(storefront.router)
    app.mount("/static", storefront.static, name="static")

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

    app.add_middleware(Edge, telemetry=telemetry, hosts=hosts)
    return app
