"""Puts a pipeline together from its parts, the same for a bundle and for the windows that training measures; saves and opens it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from aisle.arrange.page import Arranger
from aisle.arrange.rules import Blocked, Rules
from aisle.core.catalogue import Catalogue
from aisle.core.stage import Filter, Query, Source
from aisle.filters.asked import Asked
from aisle.filters.policy import Availability, Gone, Stock
from aisle.filters.seen import Seen
from aisle.fusion.stack import Stack
from aisle.fusion.top import Top
from aisle.pipeline import Pipeline
from aisle.profile.history import History
from aisle.query.reader import Encode, Reader
from aisle.query.understand import understand
from aisle.ranking.ctr.bert_head import BertHead
from aisle.ranking.ctr.bert_score import BertScore
from aisle.ranking.ctr.settings import BERT_CTR
from aisle.ranking.features import Features, Group, SourceScores, UserItem
from aisle.ranking.item_facts import ItemFacts
from aisle.ranking.likeness import Likeness
from aisle.ranking.links import Links
from aisle.ranking.text_match import TextMatch
from aisle.retrieval.counters import Counters
from aisle.retrieval.dense import Nearest
from aisle.retrieval.fallback import Fallback
from aisle.retrieval.lexical import Lexical
from aisle.retrieval.overlay import Bundled, Step, after
from aisle.retrieval.pictures import Pictures
from aisle.retrieval.registry import SOURCES, load
from aisle.retrieval.vectors import ItemVectors
from aisle.settings import Settings

SCALELESS = frozenset({"popularity", "trending", "new", "repeat"})
"""Sources whose raw scores grow with the log: the ranker reads only their shares and ranks."""
LINKED = ("markov",)
"""Sources of which the ranker reads which items of the history lead to a candidate. On amazon_beauty transitions so gain .0007 +- .0003 of
NDCG@10 on window 3, item-KNN nothing more."""


def policies(catalogue: Catalogue, armed: Sequence[str], rules: Rules) -> list[Filter]:
    """Every filter, policy first."""
    policy: list[Filter] = [] if catalogue.gone is None else [Gone(catalogue)]
    policy += [Stock(catalogue, "stock" in armed), Availability(catalogue, "availability" in armed), Blocked(rules)]
    return [*policy, Asked(catalogue), Seen(catalogue)]


def assemble(
    catalogue: Catalogue,
    history: History,
    counters: Counters,
    sources: Mapping[str, Source],
    stacks: Mapping[str, Stack],
    settings: Settings | None = None,
    rules: Rules | None = None,
    reader: Reader | None = None,
) -> Pipeline:
    """The pipeline over these parts, by the policy, ranking and page ``settings``, the shop's ``rules`` and what it can read in queries."""
    settings, rules = settings or Settings(), rules or Rules(catalogue)
    page = Arranger(catalogue, rules, lexical(sources), vectors_of(sources), settings.arrange.diversity, settings.arrange.group_variants)
    reading, features = _reading(sources), _features(catalogue, counters, sources)
    filters, limit = policies(catalogue, settings.policy.armed, rules), settings.ranking.candidates
    fallback, encode = Fallback(sources["popularity"], catalogue), None if reader is None else _encode(reader, sources)
    return Pipeline(catalogue, history, counters, reading, filters, sources, features, stacks, fallback, page, limit, reader, encode)


def over(pipeline: Pipeline, step: Step, history: History) -> Pipeline:
    """A pipeline after a step of what came since its bundle: the same stages over the catalogue and the ``history`` as they stand now."""
    sources = {name: after(source, step) for name, source in pipeline.sources.items()}
    counters = pipeline.counters if step.counted is None else pipeline.counters.plus(step.counted)
    rules = Rules(step.catalogue, pipeline.arranger.rules.rules)
    armed = [each.name for each in pipeline.filters if isinstance(each, Stock | Availability) and each.armed]
    made = replace(
        pipeline,
        catalogue=step.catalogue,
        history=history,
        counters=counters,
        understand=_reading(sources),
        filters=policies(step.catalogue, armed, rules),
        sources=sources,
        features=_features(step.catalogue, counters, sources),
        fallback=Fallback(sources["popularity"], step.catalogue),
        arranger=replace(pipeline.arranger, catalogue=step.catalogue, rules=rules, literal=lexical(sources)),
    )
    return told(made, head_of(pipeline))


def told(pipeline: Pipeline, head: BertHead | None) -> Pipeline:
    """The pipeline with bert_ctr's score among its features, over the vectors of its sources by meaning; unchanged without either."""
    vectors = vectors_of(pipeline.sources)
    if head is None or vectors is None:
        return pipeline
    return replace(pipeline, features=Features([*pipeline.features.groups, BertScore(head, vectors)]))


def head_of(pipeline: Pipeline) -> BertHead | None:
    """The head of bert_ctr, where its score is a feature."""
    return next((group.head for group in pipeline.features.groups if isinstance(group, BertScore)), None)


def vectors_of(sources: Mapping[str, Source]) -> ItemVectors | None:
    """Those of the sources by meaning, which share them; None without any."""
    return next((source.vectors_ for source in sources.values() if isinstance(source, Nearest)), None)


def lexical(sources: Mapping[str, Source]) -> Lexical | None:
    """The source that matches words, where there is one."""
    found = sources.get("lexical")
    return found if isinstance(found, Lexical) else None


def _encode(reader: Reader, sources: Mapping[str, Source]) -> Encode | None:
    """The encoder that the reader learned with, by the memory of a source that asks it for the same query."""
    meaning = [source.vectors_ for source in sources.values() if isinstance(source, Nearest)]
    return next((one.query for one in meaning if reader.encoder and one.encoder.fingerprint == reader.encoder), None)


def _reading(sources: Mapping[str, Source]) -> Callable[[str], Query]:
    words = lexical(sources)
    return understand if words is None else partial(understand, correct=words.speller_)


def _features(catalogue: Catalogue, counters: Counters, sources: Mapping[str, Source]) -> Features:
    groups: list[Group] = [SourceScores(list(sources), frozenset(sources) - SCALELESS), UserItem(catalogue), ItemFacts(catalogue, counters)]
    vectors, look, words = vectors_of(sources), _looking(sources), lexical(sources)
    groups += [] if vectors is None else [Likeness(vectors)]
    groups += [] if look is None else [Likeness(look.vectors_, "picture")]
    groups += [Links(name, held) for name in LINKED if (held := getattr(sources.get(name), "neighbours_", None)) is not None]
    return Features(groups if words is None else [*groups, TextMatch(words.tokens_)])


def _looking(sources: Mapping[str, Source]) -> Pictures | None:
    """The source by pictures, also where items that came since its bundle are kept from it."""
    found = sources.get("pictures")
    found = found.source if isinstance(found, Bundled) else found
    return found if isinstance(found, Pictures) else None


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
    if pipeline.reader is not None:
        pipeline.reader.save(folder / "reader")
    if pipeline.top is not None:
        pipeline.top.save(folder / "cross")
    if (head := head_of(pipeline)) is not None:
        head.save(folder / BERT_CTR)


def opened(folder: Path, settings: Settings) -> Pipeline:
    """The pipeline of a bundle's folder."""
    catalogue = Catalogue.load(folder / "catalogue")
    sources = {
        path.name: load(folder / "sources", path.name, catalogue) for path in sorted((folder / "sources").iterdir()) if path.name in SOURCES
    }
    stacks = {path.name: Stack.load(path) for path in sorted((folder / "stacks").iterdir())}
    history, counters = History.load(folder / "history", catalogue), Counters.load(folder / "counters")
    rules, place = Rules.load(folder / "rules", catalogue), folder / "reader"
    made = assemble(catalogue, history, counters, sources, stacks, settings, rules, Reader.load(place) if place.is_dir() else None)
    made = told(made, BertHead.load(folder / BERT_CTR) if (folder / BERT_CTR).is_dir() else None)
    return replace(made, top=Top.load(folder / "cross")) if (folder / "cross").is_dir() else made
