"""Puts a pipeline together from its fitted parts: the same for a bundle that serves and for the windows that training measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aisle.core.catalogue import Catalogue
from aisle.core.stage import Filter, Source
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

RAW = frozenset({"lexical", "dense", "content"})
"""Sources whose scores keep their scale from one fit to the next."""


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
    groups: list[Group] = [SourceScores(list(sources), RAW), UserItem(catalogue), ItemFacts(catalogue, counters)]
    lexical = sources.get("lexical")
    if isinstance(lexical, Lexical):
        groups.append(TextMatch(lexical.tokens_))
    return Pipeline(
        catalogue, history, understand, policies(catalogue, armed), sources, Features(groups), stacks, sources["popularity"], limit
    )
