"""One request type for search and recommendation: what is absent is absent, nothing is guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Surface = Literal["search", "home", "item", "basket", "similar", "rank"]
SURFACES: tuple[str, ...] = get_args(Surface)
SORTS = ("relevance", "price", "-price", "newest", "popular")
MOST_ITEMS = 500
"""Paging runs inside this many items; also the largest ``limit``."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What a filter asks of one attribute: any of ``any_of``, none of ``none_of``, and number bounds."""

    any_of: tuple[str, ...] = ()
    none_of: tuple[str, ...] = ()
    lt: float | None = None
    lte: float | None = None
    gt: float | None = None
    gte: float | None = None

    @property
    def bounded(self) -> bool:
        """Whether a number bound is set."""
        return any(bound is not None for bound in (self.lt, self.lte, self.gt, self.gte))


@dataclass(frozen=True, slots=True)
class Request:
    """Everything known about one request.

    ``as_of`` is UTC seconds (NaN: after everything known); ``deadline_ms`` counts from arrival and is absent offline.
    """

    request_id: str
    surface: Surface
    user_id: str | None = None
    session_id: str | None = None
    query: str | None = None
    items: tuple[str, ...] = ()
    filters: Mapping[str, Condition] = field(default_factory=dict)
    limit: int = 10
    offset: int = 0
    sort: str = "relevance"
    facets: tuple[str, ...] = ()
    exclude_seen: bool | None = None
    as_of: float = float("nan")
    language: str | None = None
    explain: bool = False
    why: tuple[str, ...] = ()
    deadline_ms: float | None = None
