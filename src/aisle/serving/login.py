"""Log-in for people: a form that takes a key and keeps it in a cookie, the script for shop pages, and what both need without a key."""

from __future__ import annotations

import json
import re
from pathlib import Path
from time import time
from urllib.parse import parse_qs

from fastapi import APIRouter
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request as HttpRequest
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from aisle.serving import body, words
from aisle.serving.access import COOKIE, EMBEDDED, Gate
from aisle.serving.problems import RefusedError
from aisle.serving.words import TEMPLATES

STATIC = Path(__file__).parent / "static"
WEEK = 7 * 86_400
_HERE = re.compile(r"/(?![/\\])[^\x00-\x20\\]{0,500}")
"""An address on this server: not one that a browser would read as another host's."""


def login(gate: Gate, shop: str) -> APIRouter:
    """``/login``, ``/logout`` and ``/aisle.js``. The key itself is the cookie, so that revoking it ends every log-in with it."""
    router, form = APIRouter(include_in_schema=False), Form(shop)

    @router.get("/login")
    async def ask(http: HttpRequest) -> Response:
        return form.draw(http, 200, http.query_params.get("next"))

    @router.post("/login")
    async def enter(http: HttpRequest) -> Response:
        body.labelled(http, ("application/x-www-form-urlencoded",))
        sent = parse_qs((await body.read(http, 10_000)).decode("latin-1"), max_num_fields=8)
        secret = sent.get("key", [""])[0].strip()[:200]
        if gate.keys is None or not secret or gate.keys.find(secret, time()) is None:
            return form.draw(http, 401, sent.get("next", [""])[0])
        response = RedirectResponse(_here(sent.get("next", [""])[0]), 303)
        response.set_cookie(COOKIE, secret, max_age=WEEK, httponly=True, samesite="strict", secure=http.url.scheme == "https")
        return response

    @router.post("/logout")
    async def leave() -> Response:
        response = RedirectResponse("/login", 303)
        response.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return response

    router.add_api_route("/login/{file}", _style, methods=["GET"])
    router.add_api_route(EMBEDDED, _script, methods=["GET"])
    return router


class Form:
    """The page that asks for a key."""

    def __init__(self, shop: str) -> None:
        loader = FileSystemLoader(TEMPLATES)
        self._page = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True).get_template("login.html")
        self._said: dict[str, dict[str, str]] = json.loads((TEMPLATES / "login.json").read_text(encoding="utf-8"))
        self._shop = shop

    def draw(self, http: HttpRequest, status: int, then: str | None) -> Response:
        """The page; a status other than 200 says that the key was wrong. ``then`` is where a right one leads."""
        language = words.preferred(http.headers.get("accept-language", ""))
        drawn = self._page.render(say=self._said[language], lang=language, shop=self._shop, wrong=status != 200, next=_here(then))
        return HTMLResponse(drawn, status, {"Cache-Control": "no-store"})


async def _style(file: str) -> Response:
    path = STATIC / file
    if path.suffix not in (".css", ".svg") or path.parent != STATIC or not path.is_file():
        raise RefusedError(404, "not_found", "There is nothing at this address.")
    return FileResponse(path)


async def _script() -> Response:
    headers = {"Cross-Origin-Resource-Policy": "cross-origin", "Cache-Control": "public, max-age=3600"}
    return FileResponse(STATIC / "aisle.js", media_type="text/javascript", headers=headers)


def _here(address: str | None) -> str:
    return address if address and _HERE.fullmatch(address) else "/console"
