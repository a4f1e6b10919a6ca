"""The pool: of all that the sources proposed for a request, the candidates that are worth ranking."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aisle.core.candidates import Candidates
from aisle.core.request import MOST_ITEMS, Request

SIZE, LISTED = 120, 300
"""Candidates that the ranker scores for a page, and for a list of more than `PAGE` items. Features and trees cost most of an answer, and
what stands further down by every source is hardly ever shown. Against 200, NDCG@10 over Amazon Beauty's last items was -.0001 with 120 and
-.0002 with 80 (4,473 users), over Online Retail's later purchases +.0005 and over those new to the user +.0001 with 120. A list gains a
hundredth of recall@100 by 300."""
ASKED, ASKED_LISTED = 200, 400
"""The same where there is a query: its sources are few, and what only one of them knows is often right. On Home Depot 150, 200 and 300
find the same among the first ten, and lists by 400 two hundredths of recall@100 more than by 200."""
PAGE = 50
"""Items asked for at once up to which they are a page: all pages of one length agree."""
BEYOND = "beyond"
"""Column of a deep page's candidates: 1 for those that no shallow page would have scored, which therefore stand behind all others."""


def pool(candidates: Candidates, sources: Sequence[str], requests: Sequence[Request], handed: Sequence[str] = ()) -> Candidates:
    """The best candidates of each request by the sum over ``sources`` of ``1 / (1 + rank / 5)``, ties to the lower item.

    That is `SIZE` of them (`LISTED`, `ASKED`, `ASKED_LISTED`), or as many as there are pages for (`MOST_ITEMS`) where the request asks for
    a deep page or another order than the score's: pages then agree however deep they are. What one of ``handed`` proposed always stays.
    """
    place = places(candidates, sources)
    shallow = np.array([_size(request) for request in requests])
    most = np.array([MOST_ITEMS if _deep(request, size) else size for request, size in zip(requests, shallow.tolist(), strict=True)])
    keep = place < most[candidates.request]
    for name in handed:
        keep |= np.isfinite(candidates[f"{name}_rank"])
    kept = candidates.keep(keep)
    if (most > shallow).any():
        kept.add(BEYOND, (place >= shallow[candidates.request])[keep].astype(np.float32))
    return kept


def places(candidates: Candidates, sources: Sequence[str]) -> NDArray[np.int64]:
    """``(n,) int64``: each candidate's place in its request by the sum of the sources, 0 first; of equals the first stands first."""
    ranks = [candidates[f"{name}_rank"] for name in sources if f"{name}_rank" in candidates.columns]
    total = np.zeros(len(candidates), np.float32)
    if ranks:
        worth = 1 / (1 + np.stack(ranks) / 5)
        worth[np.isnan(worth)] = 0
        total = worth.sum(axis=0)
    order = np.lexsort((-total, candidates.request)) if candidates.requests > 1 else np.argsort(-total, kind="stable")
    result = np.empty(len(order), np.int64)
    result[order] = np.arange(len(order)) - np.repeat(candidates.offsets[:-1], candidates.counts)
    return result


def _size(request: Request) -> int:
    page, listed = (ASKED, ASKED_LISTED) if request.query else (SIZE, LISTED)
    return listed if request.limit > PAGE else page


def _deep(request: Request, shallow: int) -> bool:
    return request.surface != "rank" and (request.sort != "relevance" or request.offset + request.limit > shallow)
