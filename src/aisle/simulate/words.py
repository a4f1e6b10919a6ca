"""The word lists behind the simulated shop, read once from the package's data files and typed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

Pair = tuple[str, str]
"""One thing in English and in Chinese."""


@dataclass(frozen=True)
class Kind:
    """A product type. ``price`` is the usual range, ``period`` the days until a consumable is used up (0: it lasts), ``season`` its best
    month (0: none), ``accessories`` the numbers of the types that people buy after it."""

    key: str
    name: Pair
    synonyms: tuple[tuple[str, ...], tuple[str, ...]]
    category: tuple[str, str]
    style_group: str
    colour_group: str
    price: tuple[float, float]
    materials: tuple[str, ...]
    features: tuple[Pair, ...]
    sizes: tuple[Pair, ...]
    weight: float
    period: float
    season: int
    accessories: tuple[int, ...]


@dataclass(frozen=True)
class Stage:
    """A stage of life: what it makes people like, what it lets them spend, and which stage follows."""

    name: str
    age: str
    budget: float
    share: float
    following: int
    likes: dict[str, float]


@dataclass(frozen=True)
class Words:
    """All word lists. Colours are (English, Chinese, hex); ``brands`` gives (English, Chinese, price factor) for each department; ``lines``
    are names that tell products apart which are otherwise called the same."""

    kinds: tuple[Kind, ...]
    styles: dict[str, tuple[Pair, ...]]
    colours: dict[str, tuple[tuple[str, str, str], ...]]
    materials: dict[str, str]
    brands: dict[str, tuple[tuple[str, str, float], ...]]
    lines: tuple[Pair, ...]
    descriptions: tuple[tuple[str, ...], tuple[str, ...]]
    keyboard: dict[str, str]
    homophones: dict[str, str]
    cities: tuple[str, ...]
    stages: tuple[Stage, ...]
    talk: dict[str, tuple[str, ...]]

    def style(self, kind: int, style: int) -> Pair:
        """The word for latent style ``style`` on a product of type ``kind``: `Minimalist` lamps, `Basic` shirts."""
        return self.styles[self.kinds[kind].style_group][style]

    def colour(self, kind: int, colour: int) -> tuple[str, str, str]:
        """English word, Chinese word and hex of the ``colour``-th colour of this type."""
        return self.colours[self.kinds[kind].colour_group][colour]

    def brand(self, kind: int, brand: int) -> tuple[str, str, float]:
        """English name, Chinese name and price factor of the ``brand``-th brand of this type's department."""
        return self.brands[self.kinds[kind].category[0]][brand]

    def line(self, number: int) -> Pair:
        """The name of a product's line: none for the first of its name, then `Aria`, ..., `Tidal`, `Aria 2`, ..."""
        if number == 0:
            return ("", "")
        english, chinese = self.lines[(number - 1) % len(self.lines)]
        again = (number - 1) // len(self.lines) + 1
        return (english, chinese) if again == 1 else (f"{english} {again}", f"{chinese}{again}")


STYLES = 6
"""Latent styles, the same six for every type; each group of types has its own words for them."""


def _read(name: str) -> Any:
    return json.loads((files("aisle.simulate") / "data" / name).read_text(encoding="utf-8"))


def _pairs(rows: list[list[str]]) -> tuple[Pair, ...]:
    return tuple((row[0], row[1]) for row in rows)


@cache
def words() -> Words:
    """Every list, read and typed; the same object on each call."""
    raw = _read("words.json")
    stage_names = list(raw["stages"])
    stages = tuple(
        Stage(name, row["age"], row["budget"], row["share"], stage_names.index(row["next"]), row["likes"])
        for name, row in raw["stages"].items()
    )
    return Words(
        kinds=_kinds(),
        styles={group: _pairs(rows) for group, rows in raw["styles"].items()},
        colours={group: tuple((r[0], r[1], r[2]) for r in rows) for group, rows in raw["colours"].items()},
        materials=raw["materials"],
        brands={department: tuple((r[0], r[1], float(r[2])) for r in rows) for department, rows in raw["brands"].items()},
        lines=_pairs(raw["lines"]),
        descriptions=(tuple(raw["descriptions_en"]), tuple(raw["descriptions_zh"])),
        keyboard=raw["keyboard"],
        homophones=raw["homophones"],
        cities=tuple(raw["cities"]),
        stages=stages,
        talk={intent: tuple(lines) for intent, lines in _read("talk.json").items()},
    )


def _kinds() -> tuple[Kind, ...]:
    rows = _read("types.json")["types"]
    number = {row["key"]: index for index, row in enumerate(rows)}
    return tuple(
        Kind(
            key=row["key"],
            name=(row["en"], row["zh"]),
            synonyms=(tuple(row["synonyms_en"]), tuple(row["synonyms_zh"])),
            category=(row["category"][0], row["category"][1]),
            style_group=row["styles"],
            colour_group=row["colours"],
            price=(float(row["price"][0]), float(row["price"][1])),
            materials=tuple(row["materials"]),
            features=_pairs(row["features"]),
            sizes=_pairs(row["sizes"]),
            weight=float(row["weight"]),
            period=float(row["period_days"]),
            season=int(row["season_month"]),
            accessories=tuple(number[key] for key in row["accessories"]),
        )
        for row in rows
    )
