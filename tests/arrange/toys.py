"""Hand-made candidates and catalogues for the claims about page order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aisle.arrange.page import Arranger, Page
from aisle.arrange.rules import Rules
from aisle.core.candidates import Candidates
from aisle.core.catalogue import Catalogue
from aisle.core.profiles import Profiles, Slices
from aisle.core.request import Request
from aisle.core.stage import Block
from aisle.query.understand import understand
from aisle.testing.toys import catalogue


def shop(parents: Sequence[str | None] = (), categories: Sequence[str | None] = (), size: int = 0) -> Catalogue:
    """Items ``i0``, ``i1``, ... with these parents and categories."""
    size = max(size, len(parents), len(categories))
    filled = [*parents, *[None] * (size - len(parents))], [*categories, *[None] * (size - len(categories))]
    return catalogue({f"i{n}": {"title": f"item {n}", "parent_id": filled[0][n], "category": filled[1][n]} for n in range(size)})


def block(*requests: Request) -> Block:
    """The requests of strangers."""
    queries = [understand(request.query) if request.query else None for request in requests]
    nothing = Slices.none(len(requests))
    as_of = np.array([request.as_of for request in requests])
    return Block(requests, as_of, queries, Profiles.strangers(len(requests)), nothing, nothing)


def page(arranger: Arranger, request: Request, scores: Sequence[float], items: Sequence[int] | None = None) -> Page:
    """The page of one request whose candidate ``n`` is item ``n`` (or ``items[n]``) with ``scores[n]``."""
    rows = np.arange(len(scores), dtype=np.int32) if items is None else np.array(items, np.int32)
    return arranger(block(request), Candidates.of([rows], score=[np.array(scores, np.float32)]))[0]


def arranger(items: Catalogue, rules: Rules | None = None, **more: object) -> Arranger:
    """An arranger without diversity, unless asked for."""
    return Arranger(items, rules or Rules(items), **more)  # type: ignore[arg-type]
