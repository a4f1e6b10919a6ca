"""What pages are made of beside items: rows, departments, filters with their counts, the steps of a path, page numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from aisle.core.answer import Answer, AnsweredItem, Json
from aisle.serving.cards import OWN_PLACE, Card, leaf, text
from aisle.serving.images import Images
from aisle.serving.picture import picture
from aisle.serving.view import LONGEST_VALUE, OWN, View, listed
from aisle.serving.words import Words

MOST_VALUES, MOST_FACETS, MOST_DEPARTMENTS, TASTES = 10, 5, 12, 5
LEAST_SHARE, MOST_NAMES, LONGEST_NAME = 0.25, 40, 30
"""An attribute filters well when a quarter of the items have it, with few and short values."""


@dataclass(frozen=True, slots=True)
class Row:
    """A headed row of items; ``more`` is the address of all of them, or empty; ``tall`` rows have two lines."""

    title: str
    cards: Sequence[Card]
    note: str = ""
    more: str = ""
    tall: bool = False


@dataclass(frozen=True, slots=True)
class Department:
    """The first step of category paths, with the picture of one of its items."""

    name: str
    url: str
    image: str
    art: Markup


@dataclass(frozen=True, slots=True)
class Choice:
    """One value to filter by: its short name, the address that adds it or takes it away, how many items have it, whether it is chosen."""

    name: str
    url: str
    count: int
    on: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """An attribute to filter by. Of one that is a ``path`` a step is chosen at a time, and ``above`` are those that lead back up."""

    title: str
    choices: Sequence[Choice]
    path: bool = False
    above: Sequence[tuple[str, str]] = ()


def attributes(items: Sequence[AnsweredItem]) -> tuple[str, ...]:
    """The attributes that a shop with such items can be filtered by: category and brand where there are any, then those that fit best."""
    names = Counter(name for item in items for name, value in item.attributes.items() if isinstance(value, str) and value.strip())
    first = [name for name in ("category", "brand") if names[name]]
    further = [name for name, _ in names.most_common() if name not in OWN_PLACE | OWN and _fits(name, items)]
    return (*first, *further)[:MOST_FACETS]


def _fits(name: str, items: Sequence[AnsweredItem]) -> bool:
    values = [part.strip() for item in items for part in text(item.attributes, name).split("|") if part.strip()]
    few = 2 <= len(set(values)) <= min(MOST_NAMES, max(2, len(values) // 2))
    return few and len(values) >= LEAST_SHARE * len(items) and max(map(len, values)) <= LONGEST_NAME and len(name) <= LONGEST_NAME


def departments(answer: Answer, images: Images) -> list[Department]:
    """The first steps of the items' categories, in the order of the items."""
    result: dict[str, Department] = {}
    for item in answer.items:
        name = text(item.attributes, "category").partition("|")[0].partition(" > ")[0].strip()
        if not name or len(name) > LONGEST_VALUE or (name in result and (result[name].image or not item.attributes.get("image"))):
            continue
        source = images.source(item.item_id, item.attributes)
        if name not in result or source:
            result[name] = Department(name, listed(chosen=(("category", name),)), source, picture(item.item_id, name))
    return list(result.values())[:MOST_DEPARTMENTS]


def facets(view: View, names: Sequence[str], answer: Answer, free: Mapping[str, Answer], say: Words) -> list[Facet]:
    """Every attribute with its commonest values; ``free[name]`` is the answer without the filter on that attribute."""
    result = []
    for name in names:
        counts = free.get(name, answer).facets.get(name, {})
        found = _paths(view, counts, say) if name == "category" else _values(view, name, counts, say)
        if found.choices or found.above:
            result.append(found)
    return result


def _values(view: View, name: str, counts: Mapping[str, int], say: Words) -> Facet:
    chosen = view.values(name)
    short = [(value, count) for value, count in counts.items() if len(value) <= LONGEST_VALUE]
    first = sorted(short, key=lambda pair: pair[0] not in chosen)[:MOST_VALUES]
    return Facet(say.attribute(name), [Choice(value, view.toggled(name, value), count, value in chosen) for value, count in first])


def _paths(view: View, counts: Mapping[str, int], say: Words) -> Facet:
    """Categories one step at a time: those below the chosen one, and the way back up."""
    here = (view.values("category") or [""])[0]
    below: Counter[str] = Counter()
    for path, count in counts.items():
        if not here or path.startswith(f"{here} > "):
            start = len(here) + 3 if here else 0
            end = path.find(" > ", start)
            below[path if end < 0 else path[:end]] += count
    short = [(path, count) for path, count in below.most_common() if len(path) <= LONGEST_VALUE][:MOST_VALUES]
    choices = [Choice(leaf(path), view.only("category", path), count, False) for path, count in short]
    steps = here.split(" > ") if here else []
    above = [(step, view.only("category", " > ".join(steps[: end + 1]))) for end, step in enumerate(steps)]
    return Facet(say.attribute("category"), choices, True, [(say("all_categories"), view.only("category", "")), *above] if above else [])


def tastes(profile: Mapping[str, Json], attribute: str = "category", most: int = TASTES) -> list[tuple[str, float]]:
    """The values of an attribute that a user turns to most, with their share of all of them."""
    held = profile.get("tastes")
    weights = held.get(attribute) if isinstance(held, Mapping) else None
    if not isinstance(weights, Mapping):
        return []
    known = {name: float(weight) for name, weight in weights.items() if isinstance(weight, int | float) and weight > 0}
    whole = sum(known.values())
    best = sorted(known, key=lambda name: -known[name])
    return [(name, known[name] / whole) for name in best if len(name) <= LONGEST_VALUE][:most]


def crumbs(category: str) -> list[tuple[str, str]]:
    """The steps of a category path, each with the address of its items, as far as they are short enough to be filtered by."""
    parts = [part for part in category.partition("|")[0].strip().split(" > ") if part][:6]
    paths = [" > ".join(parts[: end + 1]) for end in range(len(parts))]
    short = [(part, path) for part, path in zip(parts, paths, strict=True) if len(path) <= LONGEST_VALUE]
    return [(part, listed(chosen=(("category", path),))) for part, path in short]


def numbers(page: int, last: int) -> list[int]:
    """The page numbers to offer: the first, the last, and those around this one; 0 stands for a gap."""
    near = sorted({number for number in (1, page - 1, page, page + 1, last) if 1 <= number <= last})
    result: list[int] = []
    for number in near:
        result += [0, number] if result and number > result[-1] + 1 else [number]
    return result
