"""A whole pipeline over the toy dozen, for the claims about the online flow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from aisle.assemble import assemble
from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset
from aisle.core.request import Request, Surface
from aisle.core.stage import Source
from aisle.pipeline import Pipeline
from aisle.profile.history import History
from aisle.query.complete import Completer
from aisle.retrieval.counters import Counters
from aisle.retrieval.item_knn import ItemKnn
from aisle.retrieval.lexical import Lexical
from aisle.retrieval.popularity import Popularity
from aisle.retrieval.repeat import Repeat
from aisle.shop import Shop
from aisle.testing import toys
from aisle.training.job import plain_stacks


def pipeline(data: Dataset | None = None, extra: Mapping[str, Source] | None = None) -> Pipeline:
    """Lexical, popularity, repeat and item-KNN over the toy shop, all weighing the same; ``extra`` sources join or replace them."""
    data = data or toys.bilingual()
    sources: dict[str, Source] = {source.name: source.fit(data) for source in (Lexical(), Popularity(), Repeat(), ItemKnn())}
    stacks = plain_stacks(list(sources))
    sources |= extra or {}
    history, counters = History.of(data.catalogue, data.events), Counters.of(data.events, len(data.catalogue))
    return assemble(data.catalogue, history, counters, sources, stacks)


def shop(made: Pipeline | None = None) -> Shop:
    """The toy pipeline as a shop that answers."""
    made = made or pipeline()
    lexical = made.sources["lexical"]
    assert isinstance(lexical, Lexical)
    return Shop("toy", made, Completer().fit(toys.bilingual()), lexical)


def request(surface: Surface = "home", **fields: object) -> Request:
    """A request with these fields, after everything known."""
    return replace(Request("r1", surface, limit=12), **fields)  # type: ignore[arg-type]


def with_columns(items: Catalogue, **numbers: list[float]) -> Catalogue:
    """The catalogue with further number columns."""
    import numpy as np

    return Catalogue(items.ids, items.texts, {**items.numbers, **{name: np.array(values, float) for name, values in numbers.items()}})
