"""What a visitor does on the pages: put in the basket, order, hide, agree, choose. Each is a form that needs no script."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from starlette.requests import Request as HttpRequest
from starlette.responses import RedirectResponse, Response

from aisle.core.answer import Completion, Value
from aisle.serving import words
from aisle.serving.cards import named
from aisle.serving.pages_basket import Basket
from aisle.serving.pages_draw import Draw, Pages, Visit, piece, unknown_item
from aisle.serving.pages_form import SEE_OTHER, Form, done, form
from aisle.serving.pages_visit import MONTHS, THEMES, YEAR, drop, keep
from aisle.serving.view import LONGEST_QUERY, LONGEST_VALUE, local
from aisle.serving.words import Words

MOST_SEEN, WAYS_ON = 60, 7
KINDS = {"category": "attribute_category", "brand": "attribute_brand", "item": "product"}
"""The kinds of completions that are named beside them, and the key of the name."""
Act = Callable[[HttpRequest, Visit, Form], Awaitable[Response]]


class Actions:
    """The routes that take forms; ``routes`` maps address to handler."""

    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        acts: dict[str, Act] = {
            "/do/add": self._add, "/do/less": self._less, "/do/remove": self._remove, "/do/order": self._order, "/do/hide": self._hide,
            "/do/seen": self._seen, "/do/consent": self._consent, "/do/theme": self._theme, "/do/as": self._see_as,
        }  # fmt: skip
        self.routes: Mapping[str, Draw] = {path: _reading(act) for path, act in acts.items()}

    async def _add(self, http: HttpRequest, visit: Visit, given: Form) -> Response:
        item_id, origin = named(given.get("item"))
        await self._item(visit, item_id)
        basket = visit.visitor.basket.put(item_id)
        if basket == visit.visitor.basket:
            return done(http, visit, given.get("back"), "basket_full")
        await self.pages.note(visit, visit.visitor.event("cart", item_id, origin, {"quantity": 1}))
        return done(http, visit, given.get("back"), "added", basket, recorded=True)

    async def _less(self, http: HttpRequest, visit: Visit, given: Form) -> Response:
        return done(http, visit, given.get("back"), basket=visit.visitor.basket.put(named(given.get("item"))[0], -1))

    async def _remove(self, http: HttpRequest, visit: Visit, given: Form) -> Response:
        return done(http, visit, given.get("back"), "removed", visit.visitor.basket.without(named(given.get("item"))[0]))

    async def _order(self, http: HttpRequest, visit: Visit, given: Form) -> Response:
        """The end of the demonstration: what was in the basket counts as bought, and nothing is charged."""
        lines = visit.visitor.basket.lines
        found = await self.pages.ask(visit, lambda engine: {name: engine.item(name) for name in lines})
        bought = [(name, count, item) for (name, count), item in zip(lines.items(), found.values(), strict=True) if item]
        if not bought:
            return done(http, visit, "/basket", basket=visit.visitor.basket)
        events = [visit.visitor.event("purchase", name, more={"quantity": count, **_paid(item)}) for name, count, item in bought]
        await self.pages.record(visit, events)
        return done(http, visit, "/", "ordered", Basket(), recorded=True)

    async def _hide(self, http: HttpRequest, visit: Visit, given: Form) -> Response:
        item_id, origin = named(given.get("item"))
        await self._item(visit, item_id)
        await self.pages.record(visit, [visit.visitor.event("dismiss", item_id, origin)])
        return done(http, visit, given.get("back"), "hidden", recorded=True)

    async def _seen(self, http: HttpRequest, visit: Visit, given: Form) -> Response:
        """What came into sight, told by the script of a visitor who agreed."""
        shown = [named(token) for token in given.all("item")[:MOST_SEEN]]
        visitor = visit.visitor
        if visitor.consent or visitor.user:
            await self.pages.record(
                visit, [visitor.event("impression", item_id, origin) for item_id, origin in shown if item_id and origin]
            )
        return Response(status_code=204)

    async def _consent(self, http: HttpRequest, visit: Visit, given: Form) -> Response:
        agreed = given.get("answer") == "yes"
        response = done(http, visit, given.get("back"))
        keep(response, http, "consent", "yes" if agreed else "no", MONTHS)
        if visit.visitor.known or agreed:
            keep(response, http, "session", visit.visitor.session, MONTHS if agreed else None)
        return response

    async def _theme(self, http: HttpRequest, visit: Visit, given: Form) -> Response:
        response = done(http, visit, given.get("back"))
        if given.get("theme") in THEMES:
            keep(response, http, "theme", given.get("theme"), YEAR)
        return response

    async def _see_as(self, http: HttpRequest, visit: Visit, given: Form) -> Response:
        response = RedirectResponse(local(given.get("back")), SEE_OTHER)
        name = given.get("user").strip()[:LONGEST_VALUE]
        if visit.switching and name:
            keep(response, http, "user", words.encoded(name))
        else:
            drop(response, http, "user")
        drop(response, http, "basket")
        return response

    async def complete(self, http: HttpRequest, visit: Visit) -> Response:
        """Ways to go on typing, as the rows of the list below the search box."""
        typed = http.query_params.get("q", "")[:LONGEST_QUERY].lstrip()
        found = await self.pages.ask(visit, lambda engine: engine.complete(typed, WAYS_ON)) if typed else []
        response = piece(visit, "ways.html", ways=[_way(one, typed, visit.say) for one in found])
        response.headers.update({"Cache-Control": "private, max-age=60", "Vary": "Accept-Language, Cookie"})
        return response

    async def _item(self, visit: Visit, item_id: str) -> None:
        if not item_id or await self.pages.ask(visit, lambda engine: engine.item(item_id)) is None:
            raise unknown_item()


class Way(NamedTuple):
    """One way to go on: all of it, the part that is typed already, what would come to it, and of what kind it is."""

    text: str
    typed: str
    rest: str
    kind: str


def _way(one: Completion, typed: str, say: Words) -> Way:
    begun = len(typed) if one.text.lower().startswith(typed.lower()) else len(one.text)
    kind = say(KINDS[one.kind]) if one.kind in KINDS else ""
    return Way(one.text, one.text[:begun], one.text[begun:], kind)


def _paid(item: Mapping[str, Value]) -> dict[str, float]:
    price = item.get("price")
    return {"price": float(price)} if isinstance(price, int | float) else {}


def _reading(act: Act) -> Draw:
    async def handler(http: HttpRequest, visit: Visit) -> Response:
        return await act(http, visit, await form(http))

    return handler
