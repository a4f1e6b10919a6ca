"""Puts a pipeline together from its parts, the same for a bundle and for the windows that training measures; saves and opens it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from aisle.core.catalogue import Catalogue
from aisle.core.stage import Filter, Query, Source
from aisle.filters.asked import Asked
from aisle.filters.policy import Availability, Stock
from aisle.filters.seen import Seen
from aisle.fusion.stack import Stack
from aisle.pipeline import Pipeline
from aisle.profile.history import History
from aisle.query.understand import understand
from aisle.ranking.features import Features, Group, SourceScores, UserItem
from aisle.ranking.item_facts import ItemFacts
from aisle.ranking.text_match import TextMatch
from aisle.retrieval.counters import Counters
from aisle.retrieval.lexical import Lexical
from aisle.retrieval.registry import SOURCES, load

SCALELESS = frozenset({"popularity", "trending", "new", "repeat"})
"""Sources whose raw scores grow with the log: the ranker reads only their shares and ranks."""


def policies(catalogue: Catalogue, armed: Sequence[str]) -> list[Filter]:
    """Every filter, policy first."""
    return [Stock(catalogue, "stock" in armed), Availability(catalogue, "availability" in armed), Asked(catalogue), Seen(catalogue)]


def assemble(
    catalogue: Catalogue,
    history: History,
    counters: Counters,
    sources: Mapping[str, Source],
    stacks: Mapping[str, Stack],
    armed: Sequence[str] = (),
    limit: int = 200,
) -> Pipeline:
    """The pipeline over these parts; ``armed`` names the policy filters that the settings arm."""
    groups: list[Group] = [SourceScores(list(sources), frozenset(sources) - SCALELESS), UserItem(catalogue), ItemFacts(catalogue, counters)]
    lexical = sources.get("lexical")
    reading: Callable[[str], Query] = understand
    if isinstance(lexical, Lexical):
        groups.append(TextMatch(lexical.tokens_))
        reading = partial(understand, correct=lexical.speller_)
    filters, features = policies(catalogue, armed), Features(groups)
    return Pipeline(catalogue, history, counters, reading, filters, sources, features, stacks, sources["popularity"], limit)


def save(pipeline: Pipeline, folder: Path) -> None:
    """Write every fitted part into a bundle's folder."""
    pipeline.catalogue.save(folder / "catalogue")
    pipeline.history.save(folder / "history")
    pipeline.counters.save(folder / "counters")
    for name, source in pipeline.sources.items():
        source.save(folder / "sources" / name)
    for task, stack in pipeline.stacks.items():
        stack.save(folder / "stacks" / task)


def opened(folder: Path, armed: Sequence[str] = (), limit: int = 200) -> Pipeline:
    """The pipeline of a bundle's folder."""
    catalogue = Catalogue.load(folder / "catalogue")
    sources = {
        path.name: load(folder / "sources", path.name, catalogue) for path in sorted((folder / "sources").iterdir()) if path.name in SOURCES
    }
    stacks = {path.name: Stack.load(path) for path in sorted((folder / "stacks").iterdir())}
    history, counters = History.load(folder / "history", catalogue), Counters.load(folder / "counters")
    return assemble(catalogue, history, counters, sources, stacks, armed, limit)
