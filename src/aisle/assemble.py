"""Puts a pipeline together from its parts, the same for a bundle and for the windows that training measures; saves and opens it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from aisle.arrange.page import Arranger
from aisle.arrange.rules import Blocked, Rules
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
from aisle.retrieval.dense import Nearest
from aisle.retrieval.lexical import Lexical
from aisle.retrieval.registry import SOURCES, load
from aisle.settings import Settings

SCALELESS = frozenset({"popularity", "trending", "new", "repeat"})
"""Sources whose raw scores grow with the log: the ranker reads only their shares and ranks."""


def policies(catalogue: Catalogue, armed: Sequence[str], rules: Rules) -> list[Filter]:
    """Every filter, policy first."""
    policy: list[Filter] = [Stock(catalogue, "stock" in armed), Availability(catalogue, "availability" in armed), Blocked(rules)]
    return [*policy, Asked(catalogue), Seen(catalogue)]


def assemble(
    catalogue: Catalogue,
    history: History,
    counters: Counters,
    sources: Mapping[str, Source],
    stacks: Mapping[str, Stack],
    settings: Settings | None = None,
    rules: Rules | None = None,
) -> Pipeline:
    """The pipeline over these parts, by the policy, ranking and page ``settings`` and the shop's ``rules``."""
    settings, rules = settings or Settings(), rules or Rules(catalogue)
    groups: list[Group] = [SourceScores(list(sources), frozenset(sources) - SCALELESS), UserItem(catalogue), ItemFacts(catalogue, counters)]
    lexical = sources.get("lexical")
    reading: Callable[[str], Query] = understand
    if isinstance(lexical, Lexical):
        groups.append(TextMatch(lexical.tokens_))
        reading = partial(understand, correct=lexical.speller_)
    vectors = next((source.vectors_.vectors for source in sources.values() if isinstance(source, Nearest)), None)
    page = Arranger(
        catalogue, rules, lexical if isinstance(lexical, Lexical) else None, vectors,
        settings.arrange.diversity, settings.arrange.group_variants,
    )  # fmt: skip
    filters, features, limit = policies(catalogue, settings.policy.armed, rules), Features(groups), settings.ranking.candidates
    return Pipeline(catalogue, history, counters, reading, filters, sources, features, stacks, sources["popularity"], page, limit)


def save(pipeline: Pipeline, folder: Path) -> None:
    """Write every fitted part into a bundle's folder."""
    pipeline.catalogue.save(folder / "catalogue")
    pipeline.history.save(folder / "history")
    pipeline.counters.save(folder / "counters")
    for name, source in pipeline.sources.items():
        source.save(folder / "sources" / name)
    for task, stack in pipeline.stacks.items():
        stack.save(folder / "stacks" / task)
    pipeline.arranger.rules.save(folder / "rules")


def opened(folder: Path, settings: Settings) -> Pipeline:
    """The pipeline of a bundle's folder."""
    catalogue = Catalogue.load(folder / "catalogue")
    sources = {
        path.name: load(folder / "sources", path.name, catalogue) for path in sorted((folder / "sources").iterdir()) if path.name in SOURCES
    }
    stacks = {path.name: Stack.load(path) for path in sorted((folder / "stacks").iterdir())}
    history, counters = History.load(folder / "history", catalogue), Counters.load(folder / "counters")
    return assemble(catalogue, history, counters, sources, stacks, settings, Rules.load(folder / "rules", catalogue))
