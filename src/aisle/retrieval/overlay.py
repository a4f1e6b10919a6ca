"""What sources say beside what came after their bundle: those that can take it in, the others keep to the items that they learned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from aisle.core.candidates import Candidates
from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset
from aisle.core.stage import Allowed, Block, Scores, Source
from aisle.retrieval.base import history
from aisle.retrieval.counters import Counters
from aisle.retrieval.left_out import LeavesOut

T = TypeVar("T")


@dataclass(frozen=True)
class Step:
    """From one state of a running shop to the next.

    ``catalogue`` is the whole one as it stands now; ``rewritten`` ``(k,) int32``, ascending: rows whose text is not what it was before
    this step, new items among them; ``vectors``: by `ItemVectors.made_from` the vectors of rows, made of their present text; ``counted``:
    what all events since the bundle add up to, None where that has not changed. ``reworded``: those of ``rewritten`` of which an encoder
    reads another text than before; None: all. ``memo`` holds work that two sources share.
    """

    catalogue: Catalogue
    rewritten: NDArray[np.int32]
    vectors: Mapping[str, Mapping[int, NDArray[np.float32]]] = field(default_factory=dict)
    counted: Counters | None = None
    reworded: NDArray[np.int32] | None = None
    memo: dict[int, Any] = field(default_factory=dict)

    @property
    def stale(self) -> NDArray[np.int32]:
        """``(k,) int32``: rows whose vectors, made before this step, hold no more."""
        return self.rewritten if self.reworded is None else self.reworded

    def once(self, of: object, make: Callable[[], T]) -> T:
        """What ``make`` gives for the object ``of``, made once in this step."""
        if id(of) not in self.memo:
            self.memo[id(of)] = make()
        found: T = self.memo[id(of)]
        return found


@runtime_checkable
class Growing(Protocol):
    """A source that takes in what came since: `over` gives the source after a step and leaves this one as it was."""

    def over(self, step: Step) -> Self: ...


def after(source: Source, step: Step) -> Source:
    """``source`` after a step; one that cannot take it in answers for the items of its bundle alone."""
    if isinstance(source, Growing):
        return source.over(step)
    known = len(step.catalogue.bundled)
    return source if len(step.catalogue) == known else Bundled(source, known)


class Bundled:
    """A source that knows the first ``known`` items: silent on those that came later, which it neither sees in a history nor proposes."""

    def __init__(self, source: Source, known: int) -> None:
        self.source, self.known = source, known
        self.name, self.surfaces = source.name, source.surfaces

    def over(self, step: Step) -> Bundled:
        """As it was: nothing is learned in between."""
        return self

    def fit(self, data: Dataset) -> Self:
        """Fit what is inside."""
        self.source, self.known = self.source.fit(data), len(data.catalogue)
        return self

    def retrieve(self, block: Block, allowed: Allowed, limit: int) -> Candidates:
        """What the source proposes of the items it knows."""
        return self.source.retrieve(self._inner(block), self._cut(allowed), limit)

    def score(self, block: Block, candidates: Candidates) -> Scores:
        """Its scores, NaN for the items it does not know."""
        inside = candidates.item < self.known
        result = np.full(len(candidates), np.nan, np.float32)
        result[inside] = self.source.score(self._inner(block), candidates if inside.all() else candidates.keep(inside))
        return result

    def save(self, folder: Path) -> None:
        """Save what is inside."""
        self.source.save(folder)

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> Self:
        """Only what is inside can be loaded."""
        raise NotImplementedError("load the source itself")

    def __getattr__(self, name: str) -> Any:
        """Whatever else the source can do and tell."""
        if name == "source":
            raise AttributeError(name)
        found = getattr(self.source, name)
        return self._without if name == "without" else found

    def _without(self, block: Block, request: int, items: NDArray[np.int32]) -> NDArray[np.float32]:
        """As `left_out.LeavesOut`: leaving out an item that the source does not know changes nothing."""
        source = cast(LeavesOut, self.source)
        past, inner, inside = history(block, source.decay), self._inner(block), items < self.known
        left_out, learned = past.item[past.of(request)], history(inner, source.decay)
        read = learned.item[learned.of(request)]  # it may reach further back, past the items that the source does not know
        rows = np.isin(left_out, read)
        result = np.zeros((len(left_out), len(items)), np.float32)
        if not rows.all():
            asked = Candidates.of([items[inside] if number == request else items[:0] for number in range(len(block))])
            result[:, inside] = np.nan_to_num(self.source.score(inner, asked))
        result[np.ix_(rows, inside)] = source.without(inner, request, items[inside])[np.isin(read, left_out)]
        return result

    def _inner(self, block: Block) -> Block:
        """The block as the bundle would know it; all such sources share it, and its memo."""
        key = f"bundled/{self.known}"
        if key not in block.memo:
            block.memo[key] = bundled(block, self.known)
        found: Block = block.memo[key]
        return found

    def _cut(self, allowed: Allowed) -> Allowed:
        own = [None if mask is None else mask[: self.known] for mask in allowed.own]
        return Allowed(allowed.shared[: self.known], own, [rows[rows < self.known] for rows in allowed.excluded])


def bundled(block: Block, known: int) -> Block:
    """``block`` without the items that came later. A page that starts from such items alone starts from nothing, not from its user."""
    profiles, seeds = block.profiles, block.seeds.where(block.seeds.item < known)
    lost = (np.diff(block.seeds.offsets) > 0) & (np.diff(seeds.offsets) == 0)
    recent = profiles.recent.where((profiles.recent.item < known) & ~lost[profiles.recent.request])
    owned, dismissed = (slices.where(slices.item < known) for slices in (profiles.owned, profiles.dismissed))
    inner = replace(profiles, recent=recent, owned=owned, dismissed=dismissed)
    return replace(block, profiles=inner, seeds=seeds, given=block.given.where(block.given.item < known), memo={})
