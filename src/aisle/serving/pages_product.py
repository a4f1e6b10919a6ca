"""The page of a product: the item, its other variants, what could stand in for it, what goes with it. Opening it is a click."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from aisle.core.answer import Answer, AnsweredItem, Value
from aisle.serving import pages_rows, words
from aisle.serving.cards import OWN_PLACE, card, facts, text
from aisle.serving.engine import Engine
from aisle.serving.pages_draw import Pages, Visit, unknown_item
from aisle.serving.pages_rows import Row
from aisle.serving.pages_visit import remember
from aisle.serving.view import LONGEST_VALUE, View

ROW, MOST_VARIANTS = 6, 16
LONGEST_DESCRIPTION = 4_000
Item = Mapping[str, Value]


class Product:
    """Draws the page of one item."""

    def __init__(self, pages: Pages) -> None:
        self.pages = pages

    async def draw(self, http: HttpRequest, visit: Visit) -> Response:
        """The page; of an unknown id it is the page that says so."""
        item_id, origin = str(http.path_params["item_id"]), http.query_params.get("from", "")
        found = await self.pages.ask(visit, lambda engine: engine.item(item_id))
        if found is None:
            raise unknown_item()
        bodies: list[tuple[str, dict[str, object]]] = [(name, {"items": [item_id], "limit": 2 * ROW}) for name in ("similar", "basket")]
        requests = [self.pages.request(visit, surface, body, number) for number, (surface, body) in enumerate(bodies)]
        if parent := text(found, "parent_id"):
            family: dict[str, object] = {"query": "", "filters": {"parent_id": [parent]}, "limit": 1}
            requests.append(self.pages.request(visit, "search", family, None))
        opened = _opened(http)
        (answers, users), _ = await asyncio.gather(self.pages.answers(visit, requests), self._clicked(visit, item_id, origin, opened))
        others = await self.pages.ask(visit, lambda engine: _others(engine, item_id, answers[2:]))
        head = card(AnsweredItem(item_id, found), replace(visit.view, q=""), visit.say.language, visit.images, origin[:LONGEST_VALUE])
        response = self.pages.page(
            http, visit, "item.html", head=head, item_id=item_id[:LONGEST_VALUE], facts=facts(found), stock=found.get("in_stock"),
            crumbs=pages_rows.crumbs(text(found, "category")), description=text(found, "description")[:LONGEST_DESCRIPTION],
            rows=_rows(visit, answers), variants=variants(item_id, {item_id: found, **others}, visit.say.language), users=users,
        )  # fmt: skip
        if opened:
            remember(response, http, visit.visitor)
        return response

    async def _clicked(self, visit: Visit, item_id: str, origin: str, opened: bool) -> None:
        if opened:
            query = {"query": visit.view.q} if visit.view.q and origin.startswith("search.") else {}
            await self.pages.note(visit, visit.visitor.event("click", item_id, origin, query))


def variants(item_id: str, items: Mapping[str, Item], language: str) -> list[tuple[str, str, bool]]:
    """The variants of a product, each by what sets it apart, with its address and whether it is this one; none where there is but one."""
    if len(items) < 2:
        return []
    names = dict.fromkeys(name for item in items.values() for name in item if name not in OWN_PLACE and text(item, name))
    apart = [name for name in names if len({text(item, name) for item in items.values()}) > 1]
    said = {one: " · ".join(text(item, name)[:40] for name in apart if text(item, name)) for one, item in items.items()}
    alike = Counter(said.values())
    told = {one: _told(said[one], item, alike[said[one]] > 1, language) for one, item in items.items()}
    ordered = sorted(told, key=lambda one: told[one])
    return [(told[one], View().item(one), one == item_id) for one in ordered]


def _told(said: str, item: Item, alike: bool, language: str) -> str:
    price = words.price(item.get("price"), item.get("currency")) if alike else ""
    return " · ".join(part for part in (said or words.title(item, language)[0][:80], price) if part)


def _others(engine: Engine, item_id: str, answers: Sequence[Answer]) -> dict[str, Item]:
    """The other variants, by what an answer shows of their product."""
    ids = [name for answer in answers for item in answer.items for name in (item.item_id, *item.variants) if name != item_id]
    found = {name: engine.item(name) for name in ids[:MOST_VARIANTS]}
    return {name: item for name, item in found.items() if item is not None}


def _rows(visit: Visit, answers: Sequence[Answer]) -> list[Row]:
    near = visit.cards(answers[0], "similar")[:ROW]
    there = {one.item_id for one in near}
    beside = [one for one in visit.cards(answers[1], "basket") if one.item_id not in there][:ROW]
    rows = [Row(visit.say("similar"), near), Row(visit.say("goes_with"), beside)]
    return [row for row in rows if row.cards]


def _opened(http: HttpRequest) -> bool:
    """Whether a person opened the page: not a browser that fetches it in advance, not one that only asks for the head."""
    return http.method == "GET" and "prefetch" not in http.headers.get("sec-purpose", http.headers.get("purpose", ""))
