"""The JSON routes that change what is known: events, items, and what is kept of a user. An answer says that it is on disk."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from aisle.core.answer import Json
from aisle.serving import body, fields
from aisle.serving.access import Access
from aisle.serving.describe_writes import written
from aisle.serving.edge import ACCESS, FACTS
from aisle.serving.live import Live
from aisle.serving.problems import RefusedError, reply
from aisle.serving.rows import Rows, rows
from aisle.serving.telemetry import Telemetry

SEEN_BY_A_BROWSER = ("impression", "click", "favourite", "cart", "dismiss", "view")
"""Types of events that are taken from a shopper without a key; what was bought is for the shop's own server to say."""
MODES = ("merge", "replace")


def writes(live: Live, telemetry: Telemetry) -> APIRouter:
    """``/v1/events``, ``/v1/items`` and ``/v1/users``."""
    router = APIRouter()
    _events(router, live, telemetry)
    _items(router, live)
    _users(router, live)
    return router


def _events(router: APIRouter, live: Live, telemetry: Telemetry) -> None:
    @router.post("/v1/events", **written("events"))
    async def events(http: HttpRequest) -> Response:
        access: Access = http.scope[ACCESS]
        label = body.labelled(http, (*body.JSON, *body.LINES, "text/plain"))
        raw = await body.read(http, body.EVENTS if access.trusted else body.QUESTION)
        found = rows(raw, label in body.LINES)
        if not access.trusted:
            found = found.without(why_not_from_a_browser)
        now = live.moment()
        answer = found.counted(await live.write(lambda engine: engine.record(found.values, now)))
        telemetry.recorded(http.scope[FACTS], answer)
        return reply(answer)


def _items(router: APIRouter, live: Live) -> None:
    @router.put("/v1/items", **written("items"))
    async def put_items(http: HttpRequest) -> Response:
        mode = fields.choice(http.query_params.get("mode", "merge"), "mode", MODES)
        label = body.labelled(http, (*body.JSON, *body.LINES))
        found = rows(await body.read(http, body.ITEMS), label in body.LINES)
        if mode == "replace":
            _whole(found)
        now = live.moment()
        return reply(found.counted(await live.write(lambda engine: engine.put_items(found.values, mode == "replace", now))))

    @router.delete("/v1/items/{item_id:path}", **written("delete_item"))
    async def delete_item(item_id: str) -> Response:
        named, now = fields.identifier(item_id, "item_id"), live.moment()
        if not await live.write(lambda engine: engine.delete_item(named, now)):
            raise RefusedError(404, "unknown_item", "The shop has no such item.")
        return reply({"item_id": named, "deleted": True})


def _users(router: APIRouter, live: Live) -> None:
    @router.get("/v1/users/{user_id:path}/export", **written("export"))
    async def export(user_id: str) -> Response:
        named = fields.identifier(user_id, "user_id")
        return reply(_known(await live.run(lambda engine: engine.export(named))))

    @router.get("/v1/users/{user_id:path}", **written("user"))
    async def user(user_id: str) -> Response:
        named = fields.identifier(user_id, "user_id")
        return reply(_known(await live.run(lambda engine: engine.profile(named))))

    @router.delete("/v1/users/{user_id:path}", **written("forget"))
    async def forget(user_id: str) -> Response:
        named, now = fields.identifier(user_id, "user_id"), live.moment()
        if not await live.write(lambda engine: engine.forget(named, now)):
            raise unknown_user()
        return reply({"user_id": named, "forgotten": True})


def why_not_from_a_browser(event: Json) -> str:
    """Why an event is not taken from a shopper without a key, empty where it is: anybody could send it in anybody's name."""
    if not isinstance(event, dict):
        return ""  # the engine says what is wrong with it
    if event.get("user_id") is not None:
        return "Without a key no user_id can be named; send the session_id."
    if event.get("type") not in SEEN_BY_A_BROWSER:
        return f"Without a key the type must be one of: {', '.join(SEEN_BY_A_BROWSER)}."
    return ""


def unknown_user() -> RefusedError:
    """What is said of a user of whom nothing is known."""
    return RefusedError(404, "unknown_user", "Nothing is known of this user.")


def _known(found: Json) -> Json:
    if found is None:
        raise unknown_user()
    return found


def _whole(feed: Rows) -> None:
    """A full feed removes what it does not name, so one with an unreadable line would remove that line's item: nothing of it is taken."""
    if feed.refused:
        where = ", ".join(str(row) for row in list(feed.refused)[:5])
        what = f"A full feed must be whole; rows {where} are not valid JSON."
        raise RefusedError(400, "broken_json", what, "Mend them, or leave out ?mode=replace.")
    if not feed.values:
        what = "A full feed without items would empty the shop."
        raise RefusedError(422, "missing_value", what, "Delete items one by one if that is meant.")
