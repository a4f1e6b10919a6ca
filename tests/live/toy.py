"""The toy dozen as a running shop: every kind of source, a state in memory, and short ways to ask and tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from aisle.core.answer import Answer, Json
from aisle.core.events import Dataset
from aisle.core.request import Request, Surface
from aisle.core.stage import Source
from aisle.live import LiveShop
from aisle.query.complete import Completer
from aisle.retrieval.als import Als
from aisle.retrieval.dense import Content, Dense
from aisle.retrieval.lexical import Lexical
from aisle.retrieval.new_items import NewItems
from aisle.retrieval.trending import Trending
from aisle.retrieval.vectors import ItemVectors
from aisle.shop import Shop
from aisle.state.protocols import Kept
from aisle.testing import toys
from aisle.testing.state import MemoryState
from aisle.text.ngram import NgramEncoder
from tests.pipeline import toy

NOW = toys.START + 40 * toys.DAY
LANTERN: dict[str, Json] = {
    "item_id": "lantern", "title": "Green paper lantern", "title_zh": "绿色纸灯笼", "price": 12, "brand": "Hua",
    "category": "Home > Lanterns", "colour": "green",
}  # fmt: skip


def bundle(data: Dataset, name: str = "toy") -> Shop:
    """A shop over all kinds of sources, fitted on ``data``."""
    vectors = ItemVectors.of(NgramEncoder(dimension=16).fit(list(data.catalogue.text("title"))), data.catalogue)
    more: dict[str, Source] = {source.name: source.fit(data) for source in (NewItems(), Trending(), Als(embedding_size=8))}
    made = toy.pipeline(data, {**more, "dense": Dense(vectors=vectors), "content": Content(vectors=vectors)})
    stacks = {task: replace(stack, sources=_able(task, made.sources)) for task, stack in made.stacks.items()}
    lexical = made.sources["lexical"]
    assert isinstance(lexical, Lexical)
    return Shop(name, replace(made, stacks=stacks), Completer().fit(data), lexical)


def _able(task: str, sources: object) -> tuple[str, ...]:
    if task == "search":
        return ("lexical", "dense")
    if task in ("home", "home_new"):
        return ("popularity", "repeat", "item_knn", "als", "new", "trending", "content")
    return ("item_knn", "content", "popularity") if task != "similar" else ("item_knn", "content")


@cache
def shop() -> Shop:
    """The bundle of the toy dozen."""
    return bundle(toys.bilingual())


def live(state: Kept | None = None, base: Shop | None = None, after: int = 0) -> LiveShop:
    """A process beside a state."""
    return LiveShop(base or shop(), state or MemoryState(), after)


def ask(engine: LiveShop, surface: Surface = "home", as_of: float = NOW, **fields: object) -> Answer:
    """One answer."""
    asked = replace(Request("r1", surface, limit=20, as_of=as_of), **fields)  # type: ignore[arg-type]
    (answer,) = engine.answer([asked])
    assert not answer.skipped, answer.skipped
    return answer


def ids(answer: Answer) -> list[str]:
    """The items of a page in order."""
    return [item.item_id for item in answer.items]


def search(engine: LiveShop, query: str, **fields: object) -> list[str]:
    """What a query finds, best first."""
    return ids(ask(engine, "search", query=query, **fields))


def put(engine: LiveShop, *items: dict[str, Json], replace: bool = False, now: float = NOW) -> dict[str, Json]:
    """Items put, all of them taken."""
    told = engine.put_items(list(items), replace, now)
    assert told["rejected"] == [], told
    return dict(told)


def tell(engine: LiveShop, kind: str, item: str | None, now: float = NOW, **fields: Json) -> None:
    """One event recorded."""
    named = {} if item is None else {"item_id": item}
    told = engine.record([{"type": kind, **named, **fields}], now)
    assert told["stored"] == 1, told


def recent(engine: LiveShop, user: str) -> Sequence[Json]:
    """The items of a profile, the newest first."""
    profile = engine.profile(user)
    found = profile["recent"] if profile else []
    assert isinstance(found, list)
    return found
