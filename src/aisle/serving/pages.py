"""The storefront: the front page with its rows, the results of a search, the page of a product. Drawn on the server, no script needed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zlib import crc32

from fastapi import APIRouter
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from aisle.core.answer import Answer, AnsweredItem, Json
from aisle.core.request import Request
from aisle.serving import images, problems, words
from aisle.serving.cards import Card, card, facts, leaf, text
from aisle.serving.edge import FACTS
from aisle.serving.engine import Engine
from aisle.serving.images import Images
from aisle.serving.live import Live
from aisle.serving.parse import parse
from aisle.serving.problems import RefusedError
from aisle.serving.telemetry import Facts, Telemetry
from aisle.serving.view import FACETS, LAST_PAGE, LONGEST_VALUE, PAGE, View
from aisle.serving.words import TEMPLATES, Words

STATIC = Path(__file__).parent / "static"
ROW = 6
"""Items in a row on a wide screen; the first row of the front page has two lines."""
SHOPPERS, TASTES, MOST_VALUES, LONGEST_DESCRIPTION = 6, 5, 12, 4_000
_FOR_PROGRAMS = ("/v1", "/healthz", "/readyz", "/metrics", "/openapi.json", "/static")


@dataclass(frozen=True, slots=True)
class Row:
    """A headed row of items; ``more`` is the address of all of them, or empty."""

    title: str
    cards: Sequence[Card]
    note: str = ""
    more: str = ""


@dataclass(frozen=True, slots=True)
class Visit:
    """One page being drawn: what is looked at and in which language."""

    view: View
    say: Words
    facts: Facts
    images: Images

    @classmethod
    def of(cls, http: HttpRequest, images: Images) -> Visit:
        """Read the address, and the browser's language where the address names none."""
        view = replace(View.of(http.query_params.multi_items()), product=http.path_params.get("item_id", ""))
        return cls(view, Words(view.lang or words.preferred(http.headers.get("accept-language", ""))), http.scope[FACTS], images)

    def cards(self, items: Sequence[AnsweredItem]) -> list[Card]:
        """The items that may be shown."""
        return [card(item, self.view, self.say.language, self.images) for item in items if item.removed is None]


class Storefront:
    """The pages and their files. ``router`` holds the routes, ``static`` the style sheet and the sign."""

    def __init__(self, live: Live, telemetry: Telemetry, shop: str, images: Images) -> None:
        self.live, self.telemetry, self.shop, self.images = live, telemetry, shop, images
        self.static = StaticFiles(directory=STATIC)
        self.router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
        self.router.add_api_route("/", self._guarded(self._front), methods=["GET", "HEAD"])
        self.router.add_api_route("/item/{item_id:path}", self._guarded(self._product), methods=["GET", "HEAD"])
        self.router.add_api_route("/image/{item_id:path}", self._image, methods=["GET"])
        loader = FileSystemLoader(TEMPLATES)
        self._templates = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
        for name in self._templates.list_templates(["html"]):
            self._templates.get_template(name)  # compiled before the first visitor comes
        self._stamp = f"{crc32((STATIC / 'store.css').read_bytes()):x}"

    def wanted(self, http: HttpRequest) -> bool:
        """Whether a person, not a program, looks at this address."""
        return not http.url.path.startswith(_FOR_PROGRAMS) and "text/html" in http.headers.get("accept", "")

    def failure(self, http: HttpRequest, status: int) -> Response:
        """A page that says what went wrong, and nothing of the server's insides."""
        kind = status if status in (404, 422, 503) else 404 if status < 500 else 500
        return self._page(Visit.of(http, self.images), "error.html", status, kind=kind, users=[])

    def _guarded(self, draw: Callable[[HttpRequest, Visit], Awaitable[Response]]) -> Callable[[HttpRequest], Awaitable[Response]]:
        async def handler(http: HttpRequest) -> Response:
            visit = Visit.of(http, self.images)
            try:
                return await draw(http, visit)
            except Exception as error:
                visit.facts.code = getattr(error, "code", "failed")
                if problems.is_fault(error):
                    self.telemetry.failed(visit.facts, error)
                return self.failure(http, problems.of(error, visit.facts.request_id).status_code)

        return handler

    async def _front(self, _: HttpRequest, visit: Visit) -> Response:
        return await (self._results(visit) if visit.view.searching else self._home(visit))

    async def _home(self, visit: Visit) -> Response:
        view, say = visit.view, visit.say
        asked: list[tuple[str, dict[str, object]]] = [("home", {"limit": 2 * ROW})]
        asked += [("search", {"query": "", "sort": sort, "limit": ROW}) for sort in ("popular", "newest")]
        requests = [self._request(visit, surface, body) for surface, body in asked]

        def work(engine: Engine) -> tuple[list[Answer], list[str], Mapping[str, Json]]:
            return engine.answer(requests), engine.users(SHOPPERS), (view.user and engine.profile(view.user)) or {}

        answers, users, profile = await self.live.run(work)
        self._note(visit, requests[0], answers[0])
        steps = profile.get("events")
        first = Row(say("for_all"), visit.cards(answers[0].items))
        if isinstance(steps, int | float) and steps > 0:
            first = Row(say("for_you"), first.cards, say("for_you_note", count=f"{steps:,.0f}"))
        further = [
            Row(say(f"{sort}_row"), visit.cards(answer.items), more=view.url(sort=sort))
            for sort, answer in zip(("popular", "newest"), answers[1:], strict=True)
        ]
        rows = [first, *(row for row in further if not {one.url for one in row.cards} <= {one.url for one in first.cards})]
        return self._page(visit, "home.html", rows=[row for row in rows if row.cards], tastes=_tastes(view, profile), users=users)

    async def _results(self, visit: Visit) -> Response:
        view = visit.view
        request = self._request(visit, "search", view.body())
        (answer,), users = await self.live.run(lambda engine: (engine.answer([request]), engine.users(SHOPPERS)))
        self._note(visit, request, answer)
        last = min(LAST_PAGE, -(-answer.total // PAGE))
        return self._page(
            visit, "search.html", answer=answer, cards=visit.cards(answer.items), facets=_facets(view, answer),
            last=last, numbers=_numbers(view.page, last), leaf=leaf, users=users,
        )  # fmt: skip

    async def _product(self, http: HttpRequest, visit: Visit) -> Response:
        item_id = str(http.path_params["item_id"])
        found = await self.live.run(lambda engine: engine.item(item_id))
        if found is None:
            raise RefusedError(404, "unknown_item", "The shop has no such item.")
        requests = [self._request(visit, surface, {"items": [item_id], "limit": ROW}) for surface in ("similar", "basket")]
        (similar, basket), users = await self.live.run(lambda engine: (engine.answer(requests), engine.users(SHOPPERS)))
        self._note(visit, requests[0], similar)
        near = visit.cards(similar.items)
        beside = [one for one in visit.cards(basket.items) if one.url not in {other.url for other in near}]
        rows = [Row(visit.say("similar"), near), Row(visit.say("goes_with"), beside)]
        return self._page(
            visit, "item.html", head=visit.cards([AnsweredItem(item_id, found)])[0], item_id=item_id[:LONGEST_VALUE],
            facts=facts(found), rows=[row for row in rows if row.cards], crumbs=_crumbs(visit.view, text(found, "category")),
            description=text(found, "description")[:LONGEST_DESCRIPTION], stock=found.get("in_stock"), users=users,
        )  # fmt: skip

    async def _image(self, http: HttpRequest) -> Response:
        item_id = str(http.path_params["item_id"])
        found = await asyncio.to_thread(lambda: self.images.read(self.live.engine.item(item_id)))
        if found is None:
            raise RefusedError(404, "not_found", "The shop has no such image.")
        return Response(found[0], media_type=found[1], headers=images.HEADERS)

    def _request(self, visit: Visit, surface: str, body: Mapping[str, object]) -> Request:
        who = {"user_id": visit.view.user} if visit.view.user else {"session_id": "storefront"}
        return parse({**who, "language": visit.say.language, **body}, surface, self.live.clock(), visit.facts.request_id)

    def _note(self, visit: Visit, request: Request, answer: Answer) -> None:
        self.telemetry.asked(visit.facts, request)
        self.telemetry.answered(visit.facts, answer)

    def _page(self, visit: Visit, template: str, status: int = 200, **shown: object) -> Response:
        drawn = self._templates.get_template(template).render(
            view=visit.view, say=visit.say, lang=visit.say.language, languages=words.LANGUAGES, shop=self.shop, stamp=self._stamp,
            bundle=self.live.engine.bundle_id, request_id=visit.facts.request_id, **shown,
        )  # fmt: skip
        headers = {"Cache-Control": "private, no-cache", "Vary": "Accept-Language", "Content-Language": visit.say.language}
        return HTMLResponse(drawn, status, headers)


def _facets(view: View, answer: Answer) -> dict[str, list[tuple[str, str, int, bool]]]:
    """Attribute to (short name, address that toggles it, count, chosen) of its commonest values."""
    chosen = set(view.chosen)
    return {
        name: [
            (leaf(value), view.toggled(name, value), count, (name, value) in chosen)
            for value, count in answer.facets.get(name, {}).items()
            if len(value) <= LONGEST_VALUE
        ][:MOST_VALUES]
        for name in FACETS
    }


def _tastes(view: View, profile: Mapping[str, Json]) -> list[tuple[str, str]]:
    """The categories that a user turns to most, as a name and the address of their items."""
    tastes = profile.get("tastes")
    weights = tastes.get("category") if isinstance(tastes, Mapping) else None
    if not isinstance(weights, Mapping):
        return []
    known = {name: weight for name, weight in weights.items() if isinstance(weight, int | float) and len(name) <= LONGEST_VALUE}
    best = sorted(known, key=lambda name: -known[name])[:TASTES]
    return [(leaf(name), View(user=view.user, lang=view.lang).toggled("category", name)) for name in best]


def _crumbs(view: View, category: str) -> list[tuple[str, str]]:
    """The steps of a category path, each with the address of its items."""
    parts = [part for part in category.partition("|")[0].strip().split(" > ") if part][:6]
    start = View(user=view.user, lang=view.lang)
    paths = [" > ".join(parts[: end + 1]) for end in range(len(parts))]
    return [(part[:LONGEST_VALUE], start.toggled("category", path)) for part, path in zip(parts, paths, strict=True)]


def _numbers(page: int, last: int) -> list[int]:
    """The page numbers to offer: the first, the last, and those around this one; 0 stands for a gap."""
    near = sorted({number for number in (1, page - 1, page, page + 1, last) if 1 <= number <= last})
    result: list[int] = []
    for number in near:
        result += [0, number] if result and number > result[-1] + 1 else [number]
    return result
