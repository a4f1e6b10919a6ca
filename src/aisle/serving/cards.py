"""Items as the pages show them: titles cut into plain and highlighted pieces, prices written out, pictures drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from aisle.core.answer import AnsweredItem, Span, Value
from aisle.schema import ITEMS, Kind
from aisle.serving import words
from aisle.serving.images import Images
from aisle.serving.picture import picture
from aisle.serving.view import View

LONGEST_TITLE, SHORT_TITLE, LONGEST_NAME, LONGEST_FACT, MOST_FACTS = 160, 70, 48, 300, 24
"""In characters; ``LONGEST_NAME`` of the brand and the category on a card."""
OWN_PLACE = frozenset({
    "item_id", "title", "title_en", "title_zh", "description", "category", "brand", "price", "currency", "in_stock", "image",
    "language", "parent_id",
})  # fmt: skip
"""Attributes that a product page shows elsewhere, or that only the shop reads."""
Piece = tuple[str, bool]
"""Text, and whether it is highlighted."""


@dataclass(frozen=True, slots=True)
class Card:
    """One item in a grid or at the head of its page. ``token`` names it, and where it stood, in the forms of a page."""

    item_id: str
    token: str
    url: str
    title: Sequence[Piece]
    plain: str
    category: str
    brand: str
    price: str
    sold_out: bool
    reason: str
    variants: int
    image: str
    art: Markup

    @property
    def short(self) -> str:
        """The title as far as the names of its buttons need it."""
        return cut(self.plain, SHORT_TITLE)


def card(item: AnsweredItem, view: View, language: str, images: Images, origin: str = "") -> Card:
    """The card of an answered item; ``origin`` says on which answer it stands, and where."""
    have = item.attributes
    plain, name = words.title(have, language)
    plain = cut(plain, LONGEST_TITLE)
    category = text(have, "category").partition("|")[0].strip()
    return Card(
        item_id=item.item_id,
        token=f"{origin}|{item.item_id}",
        url=view.item(item.item_id, origin),
        title=pieces(plain, item.highlights.get(name, ())),
        plain=plain,
        category=cut(leaf(category), LONGEST_NAME),
        brand=cut(text(have, "brand").replace("|", ", "), LONGEST_NAME),
        price=words.price(have.get("price"), have.get("currency")),
        sold_out=have.get("in_stock") is not None and not have["in_stock"],
        reason=item.reasons[0].text[:LONGEST_FACT] if item.reasons else "",
        variants=len(item.variants),
        image=images.source(item.item_id, have),
        art=picture(item.item_id, category),
    )


def cut(said: str, most: int) -> str:
    """A text of at most so many characters, with a sign where something is missing."""
    return said if len(said) <= most else said[: most - 1] + "…"


def pieces(plain: str, spans: Sequence[Span]) -> list[Piece]:
    """Cut a text at its highlights; spans that overlap or lie outside are taken as far as they make sense."""
    result: list[Piece] = []
    done = 0
    for start, end in sorted(spans):
        first, last = max(start, done), min(end, len(plain))
        if first < last:
            result += [(plain[done:first], False), (plain[first:last], True)]
            done = last
    return [piece for piece in (*result, (plain[done:], False)) if piece[0]]


def named(token: str) -> tuple[str, str]:
    """The item of a card's token, and its origin."""
    origin, _, item_id = token.partition("|")
    return item_id, origin


def facts(attributes: Mapping[str, Value]) -> list[tuple[str, str]]:
    """Every further attribute of an item and its value as a text, for the table on its page."""
    rest = ((name, value) for name, value in attributes.items() if name not in OWN_PLACE and value is not None)
    written = [(name, _fact(name, value)) for name, value in rest]
    return [(name, value) for name, value in written if value][:MOST_FACTS]


def leaf(path: str) -> str:
    """The last part of a category path."""
    return path.rpartition(" > ")[2][:LONGEST_TITLE]


def text(attributes: Mapping[str, Value], name: str) -> str:
    """A text attribute, empty where it is missing."""
    value = attributes.get(name)
    return value if isinstance(value, str) else ""


def _fact(name: str, value: Value) -> str:
    kind = ITEMS[name].kind if name in ITEMS else Kind.TEXT
    if isinstance(value, bool | str) or value is None:
        return str(value or "").replace("|", ", ")[:LONGEST_FACT]
    return words.date(value) if kind is Kind.TIME else f"{value:g}"
