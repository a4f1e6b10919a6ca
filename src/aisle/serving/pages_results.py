"""The results of a search, or a list of all items in some order: filters with their counts, chips, pages."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from aisle.core.answer import Answer
from aisle.serving import pages_rows
from aisle.serving.cards import Card, leaf
from aisle.serving.pages_draw import Pages, Visit
from aisle.serving.pages_sample import Sample
from aisle.serving.pages_visit import remember
from aisle.serving.view import LAST_PAGE, PAGE, View

Chip = tuple[str, str]


class Results:
    """Draws lists of items."""

    def __init__(self, pages: Pages, sample: Sample) -> None:
        self.pages, self.sample = pages, sample

    async def draw(self, http: HttpRequest, visit: Visit) -> Response:
        """The page; a new query is told to the engine as an event of this visitor."""
        names = (await self.sample.look(visit)).attributes
        visit = replace(visit, view=View.of(visit.view.path, http.query_params.multi_items(), names))
        view = visit.view
        free = [name for name in names if view.values(name) and name != "category"]
        shown = self.pages.request(visit, "search", view.body(names))
        requests = [shown, *(self.pages.request(visit, "search", view.body(names, limit=0, free=name), None) for name in free)]
        new = bool(view.q) and view.page == 1 and http.method == "GET"
        (answers, users), _ = await asyncio.gather(self.pages.answers(visit, requests), self._typed(visit, new))
        answer = answers[0]
        near = (view.page - 1) * PAGE + len(answer.items) > answer.total
        last = min(LAST_PAGE, -(-answer.total // PAGE))
        response = self.pages.page(
            http, visit, "search.html", answer=answer, cards=visit.cards(answer, "search", (view.page - 1) * PAGE), chips=_chips(visit),
            facets=pages_rows.facets(view, names, answer, dict(zip(free, answers[1:], strict=True)), visit.say), last=last,
            numbers=pages_rows.numbers(view.page, last), users=users, liked=await self._liked(visit, answer),
            near=near, priced=any(item.attributes.get("price") is not None for item in answer.items),
            place=leaf((view.values("category") or [""])[0]),
        )  # fmt: skip
        if new:
            remember(response, http, visit.visitor)
        return response

    async def _typed(self, visit: Visit, new: bool) -> None:
        if new:
            told = {"query": visit.view.q, "surface": "search", "request_id": visit.facts.request_id}
            await self.pages.note(visit, visit.visitor.event("query", more=told))

    async def _liked(self, visit: Visit, answer: Answer) -> list[Card]:
        """Where nothing matches, what people like."""
        if answer.items:
            return []
        asked = self.pages.request(visit, "home", {"limit": 6}, 1)
        (other,) = await self.pages.ask(visit, lambda engine: engine.answer([asked]))
        return visit.cards(other, "home")


def _chips(visit: Visit) -> list[Chip]:
    """Every filter as its name and the address without it."""
    view = visit.view
    chips = [(leaf(value), view.toggled(name, value)) for name, value in view.chosen]
    if view.low or view.high:
        bounds = {(True, True): "price_between", (True, False): "price_from", (False, True): "price_to"}
        chips.append((visit.say(bounds[bool(view.low), bool(view.high)], low=view.low, high=view.high), view.priced()))
    return chips
