"""What the shop knows about a visitor: to see, to correct, to take along, to have forgotten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from aisle.core.answer import AnsweredItem, Json
from aisle.serving import pages_rows
from aisle.serving.cards import Card, card, leaf
from aisle.serving.engine import Engine
from aisle.serving.pages_draw import SHOPPERS, Pages, Visit
from aisle.serving.pages_form import done, form
from aisle.serving.pages_visit import drop

MOST_INTERESTS, MOST_SHOWN, MOST_REMOVED = 8, 12, 100
ATTRIBUTES = ("category", "brand")


class You:
    """Draws what is known, and the forms that change it."""

    def __init__(self, pages: Pages) -> None:
        self.pages = pages

    async def draw(self, http: HttpRequest, visit: Visit) -> Response:
        """The page; of a stranger it says that nothing is known."""

        def work(engine: Engine) -> tuple[Mapping[str, Json], dict[str, list[Card]], list[str]]:
            profile = engine.profile(visit.visitor.actor) or {}
            items = {name: _cards(engine, visit, profile.get(name)) for name in ("recent", "owned", "dismissed")}
            return profile, items, engine.users(SHOPPERS) if visit.switching else []

        profile, items, users = await self.pages.ask(visit, work)
        interests = {
            name: [(value, leaf(value), share) for value, share in pages_rows.tastes(profile, name, MOST_INTERESTS)] for name in ATTRIBUTES
        }
        steps = profile.get("events")
        return self.pages.page(
            http, visit, "you.html", steps=int(steps) if isinstance(steps, int | float) else 0, items=items, users=users,
            interests={name: held for name, held in interests.items() if held},
        )  # fmt: skip

    async def remove(self, http: HttpRequest, visit: Visit) -> Response:
        """Take an interest back: the items that it rests on are hidden and no longer count."""
        given = await form(http)
        attribute, value = given.get("attribute"), given.get("value")

        def work(engine: Engine) -> list[str]:
            recent = (engine.profile(visit.visitor.actor) or {}).get("recent")
            found = [(name, engine.item(name) or {}) for name in _ids(recent)]
            return [name for name, item in found if attribute in ATTRIBUTES and value in _values(str(item.get(attribute) or ""))]

        named = await self.pages.ask(visit, work)
        if named:
            await self.pages.record(visit, [visit.visitor.event("dismiss", name) for name in dict.fromkeys(named[:MOST_REMOVED])])
        return done(http, visit, "/you", "removed" if named else "", recorded=bool(named))

    async def export(self, http: HttpRequest, visit: Visit) -> Response:
        """All that is kept, as a file."""
        kept = await self.pages.ask(visit, lambda engine: engine.export(visit.visitor.actor))
        told: Mapping[str, Json] = kept or {"profile": None, "events": []}
        body = orjson.dumps(told, option=orjson.OPT_INDENT_2, default=str)
        headers = {"Content-Disposition": 'attachment; filename="what-the-shop-knows.json"', "Cache-Control": "no-store"}
        return Response(body, media_type="application/json", headers=headers)

    async def confirm(self, http: HttpRequest, visit: Visit) -> Response:
        """Asks once more before everything is forgotten."""
        return self.pages.page(http, visit, "forget.html", users=[])

    async def forget(self, http: HttpRequest, visit: Visit) -> Response:
        """Forget all that is known of this visitor: in the log, in the profile, in the cookies."""
        await form(http)
        now = self.pages.live.moment()
        await self.pages.live.write(lambda engine: engine.forget(visit.visitor.actor, now))
        response = done(http, visit, "/", "forgotten")
        drop(response, http, "session", "basket", "consent", "user")
        return response


def _cards(engine: Engine, visit: Visit, ids: Json) -> list[Card]:
    found = [(name, engine.item(name)) for name in list(dict.fromkeys(_ids(ids)))[:MOST_SHOWN]]
    return [card(AnsweredItem(name, item), visit.view, visit.say.language, visit.images) for name, item in found if item is not None]


def _ids(value: Json) -> Sequence[str]:
    return [name for name in value if isinstance(name, str)] if isinstance(value, list | tuple) else []


def _values(text: str) -> list[str]:
    """The values of an attribute as a taste names them."""
    return [part.strip() for part in text.split("|")]
