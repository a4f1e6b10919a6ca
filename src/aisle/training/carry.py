"""The parts of a running bundle under the rows of today's catalogue, and which of its sources are worth learning again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np

from aisle.arrange.rules import Rules
from aisle.assemble import assemble, head_of, opened, told, vectors_of
from aisle.bundle import Bundle
from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset
from aisle.core.stage import Source
from aisle.fusion.stack import Stack
from aisle.pipeline import Pipeline
from aisle.profile.history import History
from aisle.query.attributes import Attributes
from aisle.query.reader import Reader
from aisle.ranking.ctr.bert_head import BertHead
from aisle.retrieval.counters import Counters
from aisle.retrieval.dense import Nearest
from aisle.retrieval.lexical import Lexical
from aisle.retrieval.moving import GoesOn, Movable
from aisle.retrieval.pictures import Pictures
from aisle.retrieval.vectors import ItemVectors
from aisle.settings import Settings
from aisle.training.budget import COST
from aisle.training.job import build
from aisle.vision.encoders import picture_encoder

GONE_ON = 0.3
"""Of the seconds of a whole fit so many go into carrying a source on: three of ten rounds of ALS; a pass of a net, and its start."""
TWICE = 2
"""A source is fitted for the comparison and again for the bundle."""
FIRST = 0.6
"""Of the events so many lie in window 1: a source that no refit was timed of took as long for those."""


@dataclass(frozen=True)
class Carried:
    """What a bundle learned, on ``data``: its ``sources`` know of each item what they knew; words, counts and vectors, which are no
    models, are today's, and ``texts`` were encoded for that. ``stacks``, ``reader`` and the ``head`` of bert_ctr are the bundle's."""

    data: Dataset
    settings: Settings
    rules: Rules
    sources: Mapping[str, Source]
    stacks: Mapping[str, Stack]
    reader: Reader | None
    texts: int
    head: BertHead | None = None

    @classmethod
    def of(cls, bundle: Bundle, data: Dataset, settings: Settings, rules: Rules) -> Carried:
        """Open a verified bundle on today's data."""
        old = opened(bundle.folder, settings)
        before, after = old.catalogue, data.catalogue
        rows = before.rows(after.ids)
        vectors, texts = _vectors(old.sources, before, after)
        sources: dict[str, Source] = {}
        for name, source in old.sources.items():
            if isinstance(source, Nearest) and vectors is not None:
                sources[name] = source.on(vectors)
            elif isinstance(source, Pictures):
                sources[name] = source.by(picture_encoder(settings.pictures)).fit(data)
            elif isinstance(source, Movable):
                sources[name] = source.moved(rows)
            else:
                sources[name] = source if isinstance(source, Lexical) and alike(before, after) else build(name, settings).fit(data)
        stacks = {task: stack.moved(rows) for task, stack in old.stacks.items()}
        reader = None if old.reader is None else replace(old.reader, attributes=Attributes().fit(after))
        return cls(data, settings, rules, sources, stacks, reader, texts, head_of(old))

    @property
    def learned(self) -> list[str]:
        """The sources that learned from events."""
        return [name for name, source in self.sources.items() if isinstance(source, Movable)]

    def again(self, name: str, data: Dataset, since: float) -> Source:
        """A source after ``data``: carried on where it can be from what it knew up to ``since``, else fitted anew."""
        source = self.sources[name]
        if isinstance(source, GoesOn) and source.goes_on:
            return source.go_on(data, since)
        return build(name, self.settings).fit(data)

    def how(self, name: str) -> str:
        """What `again` does, in words."""
        source = self.sources[name]
        return "carried on" if isinstance(source, GoesOn) and source.goes_on else "fitted again"

    def pipeline(self, sources: Mapping[str, Source]) -> Pipeline:
        """Today's shop with these sources in the place of its own; profiles and counters are as of each request."""
        data = self.data
        counters = Counters.of(data.events, len(data.catalogue))
        history, all_sources = History.of(data.catalogue, data.events), {**self.sources, **sources}
        made = assemble(data.catalogue, history, counters, all_sources, self.stacks, self.settings, self.rules, self.reader)
        return told(made, self.head)

    def affordable(self, seconds: Mapping[str, float], allowed: float) -> tuple[str, ...]:
        """The learned sources that can be fitted twice in ``allowed`` seconds, cheapest first, by the ``seconds`` that each part of the
        full training took; machine and moment do not matter, so that the same bundle and data make the same update."""
        cost = {name: TWICE * self._cost(name, seconds) for name in self.learned}
        order = sorted(cost, key=lambda name: cost[name])
        total = accumulate(cost[name] for name in order)
        return tuple(name for name, spent in zip(order, total, strict=True) if spent <= allowed)

    def _cost(self, name: str, seconds: Mapping[str, float]) -> float:
        items, events = len(self.data.catalogue), len(self.data.events)
        guess = COST[name](items, events) if name in COST else events / 100_000
        whole = seconds.get(f"fit {name} on everything", seconds.get(f"fit {name} on window 1", guess * FIRST) / FIRST)
        return whole * (GONE_ON if self.how(name) == "carried on" else 1.0)


def alike(one: Catalogue, other: Catalogue) -> bool:
    """Whether two catalogues have the same items in the same order with the same texts."""
    if one.texts.keys() != other.texts.keys():
        return False
    pairs = [(one.ids, other.ids), *((one.texts[name], other.texts[name]) for name in one.texts)]
    return all(np.array_equal(a.offsets, b.offsets) and np.array_equal(a.blob, b.blob) for a, b in pairs)


def _vectors(sources: Mapping[str, Source], before: Catalogue, after: Catalogue) -> tuple[ItemVectors | None, int]:
    """The vectors that the sources by meaning share, and how many texts had to be encoded."""
    held = vectors_of(sources)
    return (None, 0) if held is None else held.moved(before, after)
