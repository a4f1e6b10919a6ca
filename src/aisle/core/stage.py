"""The stages of the online flow, one verb each, and the block of requests that they work on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from aisle.core.answer import Intent, Json
from aisle.core.candidates import Candidates
from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset
from aisle.core.profiles import Profiles, Slices
from aisle.core.request import Request

Mask = NDArray[np.bool_]
Scores = NDArray[np.float32]


@dataclass(frozen=True)
class Query:
    """A query understood. ``text`` is the matching form (NFKC, lower case, simplified), ``raw`` what was typed, ``tokens`` the words of
    ``text``, ``language`` ``en`` or ``zh``, ``correction`` a better spelling or None. ``intent`` and ``attributes`` are what was read out
    of it (`aisle.query.reader`); empty before that, and where nothing was taught."""

    raw: str
    text: str
    tokens: tuple[str, ...]
    language: str
    correction: str | None = None
    intent: Intent | None = None
    attributes: Mapping[str, Json] = field(default_factory=dict)


@dataclass
class Block:
    """``n`` requests and what is known of each before retrieval. ``queries[r]`` is None where the request has no query; ``seeds`` are the
    catalogue rows of the ``items`` that a page starts from (unknown ids left out), ``given`` those that a `rank` request hands in to be
    scored. ``memo`` holds work that two stages of one block share, ``held`` the searches that show only what has most of their words."""

    requests: Sequence[Request]
    as_of: NDArray[np.float64]
    queries: Sequence[Query | None]
    profiles: Profiles
    seeds: Slices
    given: Slices
    memo: dict[str, Any] = field(default_factory=dict)
    held: Mapping[int, Held] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.requests)

    @property
    def searching(self) -> Mask:
        """``(n,) bool``: the request has a query."""
        return np.array([query is not None for query in self.queries], bool)


@dataclass(frozen=True)
class Allowed:
    """What each request may be shown: ``shared`` ``(items,) bool`` for the whole block, ``own[r]`` the same for one request or None, and
    ``excluded[r]``, rows that this one request shall not see (seen, dismissed, the seeds themselves)."""

    shared: Mask
    own: Sequence[Mask | None]
    excluded: Sequence[NDArray[np.int32]]

    @classmethod
    def everything(cls, items: int, requests: int) -> Allowed:
        """No filter at all."""
        return cls(np.ones(items, bool), [None] * requests, [np.zeros(0, np.int32)] * requests)

    def mask(self, request: int) -> Mask:
        """``(items,) bool`` for one request, a fresh array."""
        own = self.own[request]
        mask = self.shared.copy() if own is None else self.shared & own
        mask[self.excluded[request]] = False
        return mask

    def __and__(self, other: Allowed) -> Allowed:
        """What both allow."""
        own = [b if a is None else a if b is None else a & b for a, b in zip(self.own, other.own, strict=True)]
        excluded = [np.concatenate([a, b]).astype(np.int32, copy=False) for a, b in zip(self.excluded, other.excluded, strict=True)]
        return Allowed(self.shared & other.shared, own, excluded)

    def holds(self, candidates: Candidates) -> Mask:
        """``(n,) bool``: the candidates that their request may be shown."""
        result = self.shared[candidates.item]
        for request in range(candidates.requests):
            if self.own[request] is not None or len(self.excluded[request]):
                rows = candidates.of_request(request)
                result[rows] = self.mask(request)[candidates.item[rows]]
        return result

    def within(self, own: Mapping[int, Mask]) -> Allowed:
        """The same, for some requests only inside ``own`` ``(items,) bool``."""
        held = [
            mask if (more := own.get(request)) is None else more if mask is None else mask & more for request, mask in enumerate(self.own)
        ]
        return Allowed(self.shared, held, self.excluded)

    def pick(self, requests: Sequence[int]) -> Allowed:
        """The same for some of the requests."""
        return Allowed(self.shared, [self.own[r] for r in requests], [self.excluded[r] for r in requests])


@dataclass(frozen=True)
class Held:
    """How many of a query's words each item has: ``count`` ``(items,) uint8`` of ``of``; ``most``: that many has the best item that the
    request may be shown."""

    count: NDArray[np.uint8]
    most: int
    of: int

    @property
    def best(self) -> Mask:
        """``(items,) bool``: the items that have as many."""
        return self.count == self.most


@runtime_checkable
class Source(Protocol):
    """Proposes candidates. Inductive: the user is known by the block's profiles alone, never by a number of his own.

    ``surfaces`` are those it can serve. `retrieve` gives at most ``limit`` allowed items per request, best first, with a column
    ``score`` (larger is better); a request it has nothing to say on gets none. `score` gives ``(n,) float32`` for candidates of any
    origin, NaN where the source is silent; for an item it retrieved it is the same score. Neither depends on which other requests
    stand in the block.
    """

    name: str
    surfaces: frozenset[str]

    def fit(self, data: Dataset) -> Self: ...
    def retrieve(self, block: Block, allowed: Allowed, limit: int) -> Candidates: ...
    def score(self, block: Block, candidates: Candidates) -> Scores: ...
    def save(self, folder: Path) -> None: ...
    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> Self: ...


class Filter(Protocol):
    """Decides what may be shown, never how good it is; what it cannot tell is not allowed."""

    name: str

    def allowed(self, block: Block) -> Allowed: ...
