"""The front page: departments, what is picked for this visitor, what goes with basket and last look, what is popular and new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request as HttpRequest
from starlette.responses import RedirectResponse, Response

from aisle.core.answer import Answer, Json
from aisle.core.request import Request
from aisle.serving import pages_rows, words
from aisle.serving.cards import Card, leaf
from aisle.serving.engine import Engine
from aisle.serving.pages_draw import SHOPPERS, Pages, Visit
from aisle.serving.pages_rows import Row
from aisle.serving.pages_sample import Sample
from aisle.serving.view import listed

ROW = 6
"""Items in a row on a wide screen; the first row has two lines."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the engine said: the answers by the name of their row, the visitor's profile, the title of the item looked at last."""

    requests: Mapping[str, Request]
    answers: Mapping[str, Answer]
    profile: Mapping[str, Json]
    last: str
    users: list[str]


class Home:
    """Draws the front page."""

    def __init__(self, pages: Pages, sample: Sample) -> None:
        self.pages, self.sample = pages, sample

    async def draw(self, http: HttpRequest, visit: Visit) -> Response:
        """The page; an address with a query in it means the results."""
        if visit.view.q or visit.view.sort != "relevance":
            return RedirectResponse(listed(visit.view.q, visit.view.sort), 307)
        found = await self.pages.ask(visit, lambda engine: self._ask(engine, visit))
        self.pages.served(visit, found.requests["home"], found.answers["home"])
        tastes = [(leaf(name), listed(chosen=(("category", name),))) for name, _ in pages_rows.tastes(found.profile)]
        return self.pages.page(
            http, visit, "home.html", rows=_unlike(_rows(visit, found)), tastes=tastes, users=found.users,
            departments=(await self.sample.look(visit)).departments,
        )  # fmt: skip

    def _ask(self, engine: Engine, visit: Visit) -> Found:
        visitor = visit.visitor
        profile = engine.profile(visitor.actor) or {}
        last, title = _last(engine, profile, visit.say.language)
        bodies: dict[str, tuple[str, dict[str, object]]] = {"home": ("home", {"limit": 2 * ROW})}
        if visitor.basket.lines:
            bodies["basket"] = ("basket", {"items": list(visitor.basket.lines), "limit": ROW})
        if last:
            bodies["similar"] = ("similar", {"items": [last], "limit": ROW})
        bodies["popular"] = ("search", {"query": "", "sort": "popular", "limit": ROW})
        bodies["newest"] = ("search", {"query": "", "sort": "newest", "limit": ROW})
        asked = {name: self.pages.request(visit, surface, body, number) for number, (name, (surface, body)) in enumerate(bodies.items())}
        answers = dict(zip(asked, engine.answer(list(asked.values())), strict=True))
        return Found(asked, answers, profile, title, engine.users(SHOPPERS) if visit.switching else [])


def _last(engine: Engine, profile: Mapping[str, Json], language: str) -> tuple[str, str]:
    """The item that this visitor looked at last, and its title."""
    recent = profile.get("recent")
    name = recent[0] if isinstance(recent, list | tuple) and recent else None
    item = engine.item(name) if isinstance(name, str) else None
    return (str(name), words.title(item, language)[0]) if item else ("", "")


def _rows(visit: Visit, found: Found) -> list[Row]:
    say, steps = visit.say, found.profile.get("events")
    known = isinstance(steps, int | float) and steps > 0
    note = say.count("for_you_note", int(steps)) if isinstance(steps, int | float) and known else ""
    cards = {name: visit.cards(answer, found.requests[name].surface) for name, answer in found.answers.items()}
    rows = [Row(say("for_you" if known else "for_all"), cards["home"], note, tall=True)]
    if "basket" in cards:
        rows.append(Row(say("with_basket"), cards["basket"], more="/basket"))
    if "similar" in cards:
        rows.append(Row(say("more_like", title=found.last[:80]), cards["similar"]))
    rows += [Row(say(f"{sort}_row"), cards[sort], more=listed(sort=sort)) for sort in ("popular", "newest")]
    return [row for row in rows if row.cards]


def _unlike(rows: list[Row]) -> list[Row]:
    """Without rows that show nothing that an earlier one does not."""
    result: list[Row] = []
    seen: set[str] = set()
    for row in rows:
        if not _ids(row.cards) <= seen:
            result.append(row)
        seen |= _ids(row.cards)
    return result


def _ids(cards: Sequence[Card]) -> set[str]:
    return {card.item_id for card in cards}
