"""Ways to go on typing: what shoppers asked for, categories, brands and titles that begin so, the most wanted first."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterable
from pathlib import Path
from typing import Self

import numpy as np

from aisle.core.answer import Completion
from aisle.core.events import Dataset
from aisle.text.normalise import normalise

KINDS = ("query", "category", "brand", "item")
LONGEST = 80
MOST = 200_000
"""Entries kept; the least wanted go first."""


class Completer:
    """Sorted matching forms with what is shown for them; ``lamp`` completes to ``red lamp`` too, by a later word."""

    def __init__(self) -> None:
        self.shown_: list[tuple[str, str, float]] = []
        self.keys_: list[tuple[str, int]] = []

    def fit(self, data: Dataset) -> Self:
        """Gather queries that were typed at least twice, categories, brands and titles, weighed by the events behind them."""
        weight: dict[tuple[str, str], float] = {}
        events = data.events
        typed = np.bincount(events.query[events.query >= 0], minlength=len(events.queries))
        _gather(weight, ((text, "query", float(n)) for text, n in zip(events.queries, typed, strict=True) if n >= 2))
        wanted = np.bincount(events.item[events.item >= 0], minlength=len(data.catalogue))
        for name in ("category", "brand"):
            labels = data.catalogue.labels(name)
            owner = np.repeat(np.arange(len(data.catalogue)), np.diff(labels.offsets))
            total = np.bincount(labels.codes, 1 + wanted[owner], minlength=len(labels.names))
            _gather(weight, ((text.split(" > ")[-1], name, float(n)) for text, n in zip(labels.names, total, strict=True)))
        titles = zip(data.catalogue.text("title"), wanted, strict=True)
        _gather(weight, ((text, "item", 0.5 * float(n)) for text, n in titles))
        best = sorted(weight.items(), key=lambda entry: (-entry[1], entry[0]))[:MOST]
        self.shown_ = [(text, kind, score) for (text, kind), score in best]
        self._index()
        return self

    def _index(self) -> None:
        keys = []
        for place, (text, _, _) in enumerate(self.shown_):
            words = normalise(text).split(" ")
            keys += [(" ".join(words[start:]), place) for start in range(min(len(words), 4))]
        self.keys_ = sorted(keys)

    def complete(self, prefix: str, limit: int) -> list[Completion]:
        """At most ``limit`` completions, the most wanted first; nothing for an empty beginning."""
        start = normalise(prefix[:LONGEST])
        if not start:
            return []
        found: set[int] = set()
        at = bisect_left(self.keys_, (start, -1))
        while at < len(self.keys_) and self.keys_[at][0].startswith(start) and len(found) < 2_000:
            found.add(self.keys_[at][1])
            at += 1
        result: dict[str, Completion] = {}
        for place in sorted(found):
            text, kind, score = self.shown_[place]
            result.setdefault(text.lower(), Completion(text, kind, score))
            if len(result) == limit:
                break
        return list(result.values())

    def save(self, folder: Path) -> None:
        """Write ``completions.json``."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "completions.json").write_text(json.dumps(self.shown_, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open what `save` wrote."""
        model = cls()
        model.shown_ = [tuple(entry) for entry in json.loads((folder / "completions.json").read_text(encoding="utf-8"))]
        model._index()
        return model


def _gather(weight: dict[tuple[str, str], float], entries: Iterable[tuple[str, str, float]]) -> None:
    for text, kind, score in entries:
        shown = text.strip()
        if shown and len(shown) <= LONGEST:
            weight[shown, kind] = weight.get((shown, kind), 0.0) + score
