"""Why an item is not on the page: the stage at which it was lost, and how near it came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.arrange.page import Page
from aisle.core.answer import Absence, Json
from aisle.core.candidates import Candidates
from aisle.core.catalogue import Catalogue
from aisle.core.stage import Allowed, Block, Filter, Held, Mask, Source
from aisle.explain.phrases import Phrases

CHUNK = 8_192
"""Items that a source scores at once: vectors are read as float32."""


@dataclass(frozen=True)
class Absences:
    """One answered request, looked back at. ``sources`` are those of its task, ``limit`` how many each proposes, ``say`` has the words."""

    catalogue: Catalogue
    filters: Sequence[Filter]
    sources: Mapping[str, Source]
    limit: int
    block: Block
    allowed: Allowed
    candidates: Candidates
    page: Page
    number: int
    say: Phrases

    def of(self, item: str) -> Absence:
        """Where ``item`` was lost; for one that no stage lost, its place beyond the page that was asked for."""
        row = self.catalogue.row_of.get(item)
        if row is None:
            return Absence("unknown", self.say("lost/unknown"))
        if not self.allowed.mask(self.number)[row]:
            lost = [each.name for each in self.filters if not each.allowed(self.block).mask(self.number)[row]]
            return Absence("filter", self.say("lost/filter", names=self._listed([self._filter(name) for name in lost])), {"filters": lost})
        held = self.block.held.get(self.number)
        if held is not None and not held.best[row]:
            return self._fewer(held, row)
        part = self.candidates.of_request(self.number)
        found = np.flatnonzero(self.candidates.item[part] == row)
        return self._ranked(part.start + int(found[0])) if len(found) else self._unproposed(row)

    def _fewer(self, held: Held, row: int) -> Absence:
        """Fewer of the query's words than others, in an order in which those would stand among it."""
        had = int(held.count[row])
        return Absence(
            "words", self.say("lost/words", words=had, most=held.most, of=held.of), {"words": had, "most": held.most, "of": held.of}
        )

    def _unproposed(self, row: int) -> Absence:
        """Not among the candidates: no source proposed it, or too few of them to be ranked."""
        ranks = {name: rank for name, source in self.sources.items() if (rank := self._rank(source, row)) is not None}
        details: dict[str, Json] = {"ranks": dict(ranks), "limit": self.limit}
        best = min(ranks.values(), default=self.limit)
        nearest = sorted(ranks.items(), key=lambda pair: pair[1])
        told = self._listed([self.say("lost/at", source=name, place=rank + 1) for name, rank in nearest]) or self.say("lost/silent")
        if best < self.limit:
            return Absence("pool", self.say("lost/pool", places=told), details)
        return Absence("not_proposed", self.say("lost/not_proposed", limit=self.limit, places=told), details)

    def _listed(self, texts: Sequence[str]) -> str:
        return self.say("joint").join(texts)

    def _filter(self, name: str) -> str:
        """A filter in words; one that a shop added has its name alone."""
        key = f"filter/{name}"
        return self.say(key) if key in self.say else name

    def _rank(self, source: Source, row: int) -> int | None:
        """The item's place, 0 first, if the source proposed everything that may be shown; None where it is silent."""
        every, scores = self._scores(source)
        place = int(np.searchsorted(every, row))
        mine = scores[place]
        if not np.isfinite(mine):
            return None
        return int((scores > mine).sum() + (scores[:place] == mine).sum())

    def _scores(self, source: Source) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        key = f"absence/{source.name}/{self.number}"
        if key not in self.block.memo:
            every = np.flatnonzero(self._mask).astype(np.int32)
            parts = [source.score(self.block, self._alone(every[at : at + CHUNK])) for at in range(0, len(every), CHUNK)]
            self.block.memo[key] = every, np.concatenate([np.zeros(0, np.float32), *parts])
        found: tuple[NDArray[np.int32], NDArray[np.float32]] = self.block.memo[key]
        return found

    @property
    def _mask(self) -> Mask:
        held, mask = self.block.held.get(self.number), self.allowed.mask(self.number)
        return mask if held is None else mask & held.best

    def _alone(self, items: NDArray[np.int32]) -> Candidates:
        nothing = np.zeros(0, np.int32)
        return Candidates.of([items if number == self.number else nothing for number in range(len(self.block))])

    def _ranked(self, row: int) -> Absence:
        """Among the candidates: hidden behind a variant, cut, or further down."""
        score = float(self.candidates["score"][row])
        if row in self.page.grouped:
            shown = self.catalogue.ids[int(self.candidates.item[self.page.grouped[row]])]
            return Absence("variant", self.say("lost/variant", item=shown), {"variant": shown, "score": score})
        at = np.flatnonzero(self.page.rows == row)
        if not len(at):
            stage = "cut" if row in self.page.cut else "near" if row in self.page.near else "unscored"
            return Absence(stage, self.say(f"lost/{stage}"), {"score": score})
        rank, stage = int(at[0]), "buried" if "buried" in self.page.moved.get(row, ()) else "page"
        told = self.say(f"lost/{stage}", rank=rank + 1, of=len(self.page), score=f"{score:.4g}")
        return Absence(stage, told, {"rank": rank, "of": len(self.page), "score": score})
