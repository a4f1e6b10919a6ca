"""The storefront as the app sees it: its routes and its files. Every page is drawn on the server and works without a script."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import APIRouter
from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from aisle.serving import images
from aisle.serving.images import Images
from aisle.serving.live import Live
from aisle.serving.pages_actions import Actions
from aisle.serving.pages_cart import Cart
from aisle.serving.pages_draw import STATIC, Draw, Pages
from aisle.serving.pages_home import Home
from aisle.serving.pages_product import Product
from aisle.serving.pages_results import Results
from aisle.serving.pages_sample import Sample
from aisle.serving.pages_you import You
from aisle.serving.problems import RefusedError
from aisle.serving.telemetry import Telemetry

_FOR_PROGRAMS = ("/v1", "/healthz", "/readyz", "/metrics", "/openapi.json", "/static", "/image", "/do/complete", "/aisle.js")


class Files(StaticFiles):
    """Style sheets and scripts: one that is asked for by its stamp never changes, so that a browser need not ask again."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file; it may be kept for good where its address names a version."""
        response = await super().get_response(path, scope)
        if scope.get("query_string", b"").startswith(b"v=") and response.status_code == HTTPStatus.OK:
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


class Storefront:
    """The pages and their files. ``router`` holds the routes, ``static`` the style sheets, the script and the sign."""

    def __init__(self, live: Live, telemetry: Telemetry, shop: str, images: Images) -> None:
        self.pages = Pages(live, telemetry, shop, images)
        self.static = Files(directory=STATIC)
        self.router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
        actions, you, sample = Actions(self.pages), You(self.pages), Sample(self.pages)
        shown = {
            "/": Home(self.pages, sample).draw,
            "/search": Results(self.pages, sample).draw,
            "/item/{item_id:path}": Product(self.pages).draw,
            "/basket": Cart(self.pages).draw,
            "/you": you.draw,
            "/you/forget": you.confirm,
        }
        self._add(shown, "GET", "HEAD")
        self._add({"/you/export": you.export, "/do/complete": actions.complete}, "GET")
        self._add({**actions.routes, "/you/forget": you.forget, "/you/remove": you.remove}, "POST")
        self.router.add_api_route("/image/{item_id:path}", self._image, methods=["GET"])

    def _add(self, routes: Mapping[str, Draw], *methods: str) -> None:
        for path, draw in routes.items():
            self.router.add_api_route(path, self.pages.guarded(draw), methods=list(methods))

    def wanted(self, http: HttpRequest) -> bool:
        """Whether a person, not a program, looks at this address."""
        return not http.url.path.startswith(_FOR_PROGRAMS) and "text/html" in http.headers.get("accept", "")

    def failure(self, http: HttpRequest, status: int) -> Response:
        """A page that says what went wrong, and nothing of the server's insides."""
        return self.pages.failure(http, status)

    async def _image(self, http: HttpRequest) -> Response:
        item_id = str(http.path_params["item_id"])
        found = await asyncio.to_thread(lambda: self.pages.images.read(self.pages.live.engine.item(item_id)))
        if found is None:
            raise RefusedError(404, "not_found", "The shop has no such image.")
        return Response(found[0], media_type=found[1], headers=images.HEADERS)
