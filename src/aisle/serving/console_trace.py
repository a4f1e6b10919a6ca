"""One answer taken apart: its stages, its sources, why each item stands where it stands, and why another one does not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

from markupsafe import Markup

from aisle.core.answer import AnsweredItem, Json
from aisle.core.errors import RequestError
from aisle.core.request import SURFACES, Request
from aisle.serving import console_charts as charts
from aisle.serving import words
from aisle.serving.parse import parse

LIMIT, MOST_WHY, LONGEST = 12, 10, 1_000
Note = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Question:
    """What the form asks: the fields as they were typed. ``when`` is empty for now, else the UTC seconds at which it was asked; ``filters``
    are JSON."""

    surface: str = "search"
    query: str = ""
    user: str = ""
    items: str = ""
    why: str = ""
    when: str = ""
    filters: str = ""
    sort: str = ""

    @classmethod
    def of(cls, params: Mapping[str, str], note: Note | None) -> Question:
        """The form's fields; those that the address does not name are a note's."""
        noted = note or {}
        surface, seeds = noted.get("surface"), noted.get("seeds")
        before = {
            "surface": str(surface or "search"), "query": str(noted.get("query") or ""), "when": str(noted.get("time") or ""),
            "items": " ".join(str(one) for one in seeds) if isinstance(seeds, list) else "", "sort": str(noted.get("sort") or ""),
            "filters": json.dumps(noted["filters"], ensure_ascii=False) if noted.get("filters") else "",
        }  # fmt: skip
        said = {one.name: params[one.name].strip()[:LONGEST] for one in fields(cls) if one.name in params}
        return cls(**{**before, **said})

    @property
    def empty(self) -> bool:
        """Whether there is nothing to ask yet."""
        return not (self.query or self.user or self.items)

    def request(self, now: float, language: str) -> Request:
        """The question to the engine, with explanations. Raises `RequestError` for what cannot be asked."""
        seeds, why = self.items.replace(",", " ").split(), self.why.replace(",", " ").split()[:MOST_WHY]
        body: dict[str, object] = {
            "query": self.query, "user_id": self.user or None, "items": seeds or None, "why": why, "limit": LIMIT, "explain": True,
            "language": language, "as_of": _moment(self.when, now), "filters": self._filters(), "sort": self.sort or None,
        }  # fmt: skip
        surface = self.surface if self.surface in SURFACES else "search"
        if self.empty:
            raise RequestError("There is nothing to ask.", "Give a query, a user or items.")
        return parse({name: value for name, value in body.items() if value is not None}, surface, now, "aside")

    def _filters(self) -> object:
        try:
            return json.loads(self.filters) if self.filters else None
        except ValueError:
            raise RequestError("The filters are no JSON.", 'As {"brand": ["Lumen"]}.') from None


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two scores that are fused, taken apart: what each feature or source added to its base."""

    name: str
    score: float
    base: float
    parts: Sequence[tuple[str, float, Markup]]


@dataclass(frozen=True, slots=True)
class Row:
    """An item of the answer, and everything that put it there."""

    item: AnsweredItem
    title: str
    alpha: float | None
    sides: Sequence[Side] = ()
    sources: Sequence[tuple[str, float]] = ()
    moved: Sequence[str] = field(default_factory=list)
    by_score: int | None = None


def rows(items: Sequence[AnsweredItem], language: str) -> list[Row]:
    """Every item with its explanation read."""
    return [_row(item, language) for item in items]


def _row(item: AnsweredItem, language: str) -> Row:
    told = item.explanation or {}
    moved, place, alpha = told.get("moved"), told.get("by_score"), told.get("alpha")
    return Row(
        item,
        words.title({"item_id": item.item_id, **item.attributes}, language)[0][:100],
        float(alpha) if isinstance(alpha, int | float) else None,
        [side for name in ("ctr", "rer") if (side := _side(name, told.get(name))) is not None],
        sorted(((name, score) for name, score in item.scores.items() if name not in ("ctr", "rer")), key=lambda pair: pair[0]),
        [str(one) for one in moved] if isinstance(moved, list | tuple) else [],
        place if isinstance(place, int) else None,
    )


def _side(name: str, told: Json) -> Side | None:
    contributions = told.get("contributions") if isinstance(told, Mapping) else None
    if not isinstance(told, Mapping) or not isinstance(contributions, Mapping):
        return None
    known = {part: float(value) for part, value in contributions.items() if isinstance(value, int | float)}
    return Side(name, _number(told.get("score")), _number(told.get("base")), charts.parts(known))


def _number(value: Json) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _moment(typed: str, now: float) -> float | None:
    try:
        found = float(typed)
    except ValueError:
        return None
    return min(found, now) if 0 < found < 1e11 else None
