"""What every page needs: templates, the visitor, questions to the engine, events told to it, and a page for whatever goes wrong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TypeVar
from zlib import crc32

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, Response

from aisle.core.answer import Answer, Json
from aisle.core.request import Request
from aisle.serving import console_charts, problems, words
from aisle.serving.access import Access
from aisle.serving.cards import Card, card
from aisle.serving.edge import ACCESS, FACTS
from aisle.serving.engine import Engine
from aisle.serving.images import Images
from aisle.serving.live import Live, Turn
from aisle.serving.pages_visit import Visitor, drop, keep, origin, settings
from aisle.serving.parse import parse
from aisle.serving.problems import RefusedError
from aisle.serving.telemetry import Facts, Telemetry
from aisle.serving.view import View
from aisle.serving.words import TEMPLATES, Words

STATIC = Path(__file__).parent / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self' data:; frame-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing from elsewhere, nothing written inside the page runs."""
SHOPPERS = 6
T = TypeVar("T")
Draw = Callable[[HttpRequest, "Visit"], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Visit:
    """One page being drawn: what is looked at, by whom, and in which words."""

    view: View
    visitor: Visitor
    say: Words
    facts: Facts
    images: Images
    switching: bool
    turn: Turn = field(default_factory=Turn)

    @classmethod
    def of(cls, http: HttpRequest, images: Images) -> Visit:
        """Read the address and the cookies; the view knows no filters yet. Who may read and forget any user may see the shop as any."""
        access: Access | None = http.scope.get(ACCESS)
        switching = access is not None and access.trusted and "admin" in access.scopes
        visitor = Visitor.of(http, switching)
        path = http.scope.get("raw_path", b"").decode("ascii", "replace").partition("?")[0] or http.url.path
        view = View.of(path, http.query_params.multi_items())
        return cls(view, visitor, Words(visitor.language), http.scope[FACTS], images, switching)

    def cards(self, answer: Answer, surface: str, first: int = 0) -> list[Card]:
        """The items of an answer that may be shown; ``first`` is the rank of the answer's first item."""
        shown = [item for item in answer.items if item.removed is None]
        return [
            card(item, self.view, self.say.language, self.images, origin(surface, first + place, answer.request_id))
            for place, item in enumerate(shown)
        ]


class Pages:
    """Draws pages for a shop."""

    def __init__(self, live: Live, telemetry: Telemetry, shop: str, images: Images) -> None:
        self.live, self.telemetry, self.shop, self.images = live, telemetry, shop, images
        self._templates, self._stamp = environment(), stamp()

    def visit(self, http: HttpRequest) -> Visit:
        """The visit that a request is."""
        return Visit.of(http, self.images)

    def guarded(self, draw: Draw) -> Callable[[HttpRequest], Awaitable[Response]]:
        """A route's handler: whatever fails becomes a page that says so, and the choices that the address makes are kept."""

        async def handler(http: HttpRequest) -> Response:
            visit = self.visit(http)
            try:
                response = await draw(http, visit)
            except Exception as error:
                visit.facts.code = getattr(error, "code", "failed")
                if problems.is_fault(error):
                    self.telemetry.failed(visit.facts, error)
                return self.failure(http, problems.of(error, visit.facts.request_id).status_code)
            for name, (value, seconds) in settings(visit.visitor, http.query_params, visit.switching).items():
                keep(response, http, name, value, seconds)
            return response

        return handler

    def failure(self, http: HttpRequest, status: int) -> Response:
        """A page that says what went wrong, and nothing of the server's insides."""
        kind = status if status in (404, 413, 422, 503) else 503 if status == 429 else 404 if status < 500 else 500
        return self.page(http, self.visit(http), "error.html", status, kind=kind, users=[])

    def request(self, visit: Visit, surface: str, body: Mapping[str, object], number: int | None = 0) -> Request:
        """What the page asks of the engine. ``number`` tells the answers that one page shows apart; None: it shows this one to nobody."""
        asked = {**visit.visitor.who(), "language": visit.say.language, **body}
        name = "aside" if number is None else f"{visit.facts.request_id}.{number}" if number else visit.facts.request_id
        return parse(asked, surface, self.live.clock(), name)

    async def ask(self, visit: Visit, work: Callable[[Engine], T]) -> T:
        """``work`` on the engine: only the first of a page's questions may be refused."""
        return await self.live.run(work, visit.turn)

    async def answers(self, visit: Visit, requests: Sequence[Request]) -> tuple[list[Answer], list[str]]:
        """One answer each, the first being what the page is about; and the shoppers as whom the shop may be seen."""

        def work(engine: Engine) -> tuple[list[Answer], list[str]]:
            return engine.answer(requests), engine.users(SHOPPERS) if visit.switching else []

        answers, users = await self.ask(visit, work)
        self.served(visit, requests[0], answers[0])
        return answers, users

    def served(self, visit: Visit, request: Request, answer: Answer) -> None:
        """Count and log what the page is about."""
        self.telemetry.asked(visit.facts, request)
        self.telemetry.answered(visit.facts, answer)

    async def record(self, visit: Visit, events: Sequence[Mapping[str, Json]]) -> None:
        """Tell the engine what a visitor did; on disk when it returns."""
        now = self.live.moment()
        answer = await self.live.write(lambda engine: engine.record(list(events), now))
        self.telemetry.recorded(visit.facts, answer)

    async def note(self, visit: Visit, event: Mapping[str, Json]) -> None:
        """As `record`, for what merely happened on the way: a page is shown even when it cannot be noted."""
        try:
            await self.record(visit, [event])
        except Exception as error:
            self.telemetry.failed(visit.facts, error)

    def page(self, http: HttpRequest, visit: Visit, template: str, status: int = 200, **shown: object) -> Response:
        """A drawn page."""
        drawn = self._templates.get_template(template).render(
            view=visit.view, visitor=visit.visitor, say=visit.say, lang=visit.say.language, languages=words.LANGUAGES, shop=self.shop,
            stamp=self._stamp, bundle=self.live.engine.bundle_id, request_id=visit.facts.request_id, switching=visit.switching, **shown,
        )  # fmt: skip
        headers = {
            "Cache-Control": "private, no-cache", "Vary": "Accept-Language, Cookie", "Content-Language": visit.say.language,
            "Content-Security-Policy": POLICY,
        }  # fmt: skip
        response = HTMLResponse(drawn, status, headers)
        if visit.visitor.said:
            drop(response, http, "said")
        return response


def piece(visit: Visit, template: str, **shown: object) -> Response:
    """A piece of a page, which htmx puts where it belongs."""
    return HTMLResponse(environment().get_template(template).render(say=visit.say, **shown), headers={"Cache-Control": "no-store"})


@cache
def environment() -> Environment:
    """The templates, compiled before the first visitor comes."""
    loader = FileSystemLoader(TEMPLATES)
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters |= {"icon": icon, "moment": words.moment}
    made.globals["bar"] = console_charts.bar
    for name in made.list_templates(["html"]):
        made.get_template(name)
    return made


@cache
def stamp() -> str:
    """Changes with the style sheets and scripts, so that browsers may keep them."""
    files = sorted(path for path in STATIC.iterdir() if path.suffix in (".css", ".js"))
    return f"{crc32(b''.join(path.read_bytes() for path in files)):x}"


ICONS = {
    "search": "M11 4a7 7 0 1 0 0 14a7 7 0 0 0 0-14zM16.2 16.2L21 21",
    "basket": "M4 8h16l-1.6 10.4a2 2 0 0 1-2 1.6H7.6a2 2 0 0 1-2-1.6zM8.5 8V7a3.5 3.5 0 0 1 7 0v1",
    "person": "M12 4a4 4 0 1 0 0 8a4 4 0 0 0 0-8zM4.5 20.5c1-4 4-6 7.5-6s6.5 2 7.5 6",
    "theme": "M12 3.5a8.5 8.5 0 1 0 0 17z M12 3.5a8.5 8.5 0 0 1 0 17",
    "plus": "M12 5v14M5 12h14",
    "minus": "M5 12h14",
    "cross": "M6.5 6.5l11 11M17.5 6.5l-11 11",
    "check": "M5 12.5l4.5 4.5L19 7.5",
    "left": "M14.5 5.5L8 12l6.5 6.5",
    "right": "M9.5 5.5L16 12l-6.5 6.5",
    "filter": "M4 7h16M7 12h10M10 17h4",
    "hide": "M3 12c2.5-4.5 5.5-6.5 9-6.5s6.5 2 9 6.5c-2.5 4.5-5.5 6.5-9 6.5s-6.5-2-9-6.5zM4.5 4.5l15 15",
    "save": "M12 4v11M7 10.5l5 5l5-5M5 20h14",
}
"""Paths in a square of 24, drawn with a line."""


def icon(name: str) -> Markup:
    """A small drawing beside or instead of a word; screen readers pass over it."""
    return Markup(f'<svg class="icon {name}" viewBox="0 0 24 24" aria-hidden="true"><path d="{ICONS[name]}"/></svg>')


def unknown_item() -> RefusedError:
    """There is no such item."""
    return RefusedError(404, "unknown_item", "The shop has no such item.")
