"""The basket's page: what is in it, what it costs, and what goes with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from aisle.core.answer import AnsweredItem, Value
from aisle.serving import words
from aisle.serving.cards import Card, card
from aisle.serving.pages_draw import Pages, Visit
from aisle.serving.pages_rows import Row

ROW = 12
Item = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Line:
    """An item in the basket, how many of it, and what they cost together."""

    card: Card
    count: int
    price: str


class Cart:
    """Draws the basket."""

    def __init__(self, pages: Pages) -> None:
        self.pages = pages

    async def draw(self, http: HttpRequest, visit: Visit) -> Response:
        """The page; items that the shop no longer has are left out."""
        lines = visit.visitor.basket.lines
        found = await self.pages.ask(visit, lambda engine: {name: item for name in lines if (item := engine.item(name)) is not None})
        seeds = {"items": list(found)} if found else {}
        request = self.pages.request(visit, "basket" if found else "home", {**seeds, "limit": ROW})
        (answer,), users = await self.pages.answers(visit, [request])
        row = Row(visit.say("basket_row" if found else "perhaps"), visit.cards(answer, request.surface), tall=True)
        shown = [
            Line(card(AnsweredItem(name, item), visit.view, visit.say.language, visit.images), lines[name], price({name: item}, lines))
            for name, item in found.items()
        ]
        return self.pages.page(
            http, visit, "basket.html", lines=shown, total=price(found, lines), rows=[row] if row.cards else [], users=users
        )


def price(items: Mapping[str, Item], lines: Mapping[str, int]) -> str:
    """What items cost together, currency by currency; empty where none has a price."""
    totals: Counter[str] = Counter()
    for name, item in items.items():
        amount = item.get("price")
        totals[str(item.get("currency") or "")] += float(amount) * lines[name] if isinstance(amount, int | float) else 0  # type: ignore[assignment]
    return " + ".join(words.price(amount, currency) for currency, amount in totals.items() if amount)
