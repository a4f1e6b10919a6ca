"""What is shown when nothing better can be worked out in time: what is popular in the category that the request is about, then what is
popular at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aisle.core.candidates import Candidates
from aisle.core.catalogue import Catalogue
from aisle.core.stage import Allowed, Block, Mask, Scores, Source

CATEGORY = "category"


@dataclass(frozen=True)
class Fallback:
    """``popularity`` with the items of the likely category before all others. The category is that of the page's items, else the one the
    user turns to most; a filter on categories needs nothing, since only what it allows is counted."""

    popularity: Source
    catalogue: Catalogue

    def retrieve(self, block: Block, allowed: Allowed, limit: int) -> Candidates:
        """The ``limit`` most popular allowed items of each request; the score of those in the category is raised above all others."""
        every = self.popularity.retrieve(block, allowed, limit)
        near = [self.near(block, number) for number in range(len(block))]
        if all(mask is None for mask in near):
            return every
        inner = self.popularity.retrieve(block, allowed & _only(near, len(self.catalogue)), limit)
        lists, scores = [], []
        for number, mask in enumerate(near):
            items, score = _part(every, number)
            if mask is not None:
                first, first_score = _part(inner, number)
                rest = ~mask[items]
                lift = float(score.max(initial=0.0))
                items, score = np.concatenate([first, items[rest]]), np.concatenate([first_score + lift, score[rest]])
            lists.append(items[:limit])
            scores.append(score[:limit].astype(np.float32))
        return Candidates.of(lists, score=scores)

    def ordered(self, block: Block, candidates: Candidates) -> Candidates:
        """Candidates of any origin with a ``score`` by the same order, best first; what nobody ever wanted has 0."""
        score = np.nan_to_num(self.popularity.score(block, candidates))
        for number in range(len(block)):
            part = candidates.of_request(number)
            if part.stop > part.start and (mask := self.near(block, number)) is not None:
                score[part] += score[part].max() * mask[candidates.item[part]]
        scored = Candidates(candidates.offsets, candidates.item, {"score": score.astype(np.float32)})
        return scored.take(scored.order_by("score"))

    def near(self, block: Block, number: int) -> Mask | None:
        """``(items,) bool``: the items of the category that a request is about, None where none is known."""
        if CATEGORY not in self.catalogue.texts:
            return None
        labels = self.catalogue.labels(CATEGORY)
        seeds = block.seeds.item[block.seeds.of(number)]
        codes = labels.first[seeds]
        codes = codes[codes >= 0]
        if not len(codes) and (tastes := block.profiles.tastes.get(CATEGORY)) is not None:
            mine = tastes.of(number)
            codes = tastes.item[mine][np.argsort(-tastes.values["weight"][mine], kind="stable")][:1]
        return labels.having(labels.names[int(code)] for code in np.unique(codes)) if len(codes) else None

    def score(self, block: Block, candidates: Candidates) -> Scores:
        """How popular candidates of any origin are."""
        return self.popularity.score(block, candidates)


def _only(near: list[Mask | None], items: int) -> Allowed:
    every = Allowed.everything(items, len(near))
    return Allowed(every.shared, [np.zeros(items, bool) if mask is None else mask for mask in near], every.excluded)


def _part(found: Candidates, number: int) -> tuple[np.ndarray, np.ndarray]:
    rows = found.of_request(number)
    return found.item[rows], found["score"][rows]
