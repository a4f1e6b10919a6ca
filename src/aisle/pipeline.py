"""Read this first: the online flow, stage by stage. Offline work (fitting, the report) runs the same code over larger blocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from operator import and_

import numpy as np
from numpy.typing import NDArray

from aisle.arrange.order import POPULAR
from aisle.arrange.page import Arranger, Page
from aisle.core.candidates import Candidates, union
from aisle.core.catalogue import Catalogue
from aisle.core.errors import StageError
from aisle.core.profiles import Slices
from aisle.core.request import Request
from aisle.core.runner import Runner
from aisle.core.stage import Allowed, Block, Filter, Held, Query, Source
from aisle.fusion.pool import pool
from aisle.fusion.stack import ITEM, Stack
from aisle.fusion.top import Top
from aisle.profile.gather import gather
from aisle.profile.history import History
from aisle.query.reader import Encode, Reader
from aisle.ranking.features import Features
from aisle.retrieval.counters import Counters
from aisle.retrieval.fallback import Fallback
from aisle.schema import SESSION_ACTOR

RANKING_MS = 10.0
"""What scoring a page is given: with less left before the deadline the recall side answers alone."""


@dataclass(frozen=True)
class Ranked:
    """A block answered: ``pages[r]`` are the rows of ``candidates`` that request ``r`` is shown, in page order, before paging."""

    block: Block
    allowed: Allowed
    candidates: Candidates
    pages: Sequence[Page]


@dataclass(frozen=True)
class Pipeline:
    """One bundle's stages. All requests of a block are of one task (`task_of`)."""

    catalogue: Catalogue
    history: History
    counters: Counters
    understand: Callable[[str], Query]
    filters: Sequence[Filter]
    sources: Mapping[str, Source]
    features: Features
    stacks: Mapping[str, Stack]
    fallback: Fallback
    arranger: Arranger
    limit: int = 200
    reader: Reader | None = None
    encode: Encode | None = None
    top: Top | None = None

    def answer(self, requests: Sequence[Request], runner: Runner) -> Ranked:
        """understand ─► filter ─► what `ranked` does; a search in another order than by score, inside what has most of its words."""
        block = runner.must("understand", lambda: self.block(requests))
        if self.reader is not None and block.searching.any():
            runner.step("read", partial(self.read, self.reader, block))
        allowed = runner.must("filters", lambda: self.allowed(block))
        if sorting(block).any():
            block.held = runner.step("words", partial(self.held, block, allowed)) or {}
        within = allowed.within({number: one.best for number, one in block.held.items()}) if block.held else allowed
        return replace(self.ranked(block, within, runner), allowed=allowed)

    def ranked(self, block: Block, allowed: Allowed, runner: Runner) -> Ranked:
        """retrieve ─► hydrate ─► keep ─► score ─► fuse ─► read again ─► arrange; when a required stage fails, what is popular."""
        stack = self.stacks[task_of(block.requests[0])]
        candidates = self.propose(stack, block, allowed, runner, pooled=True)
        if not len(candidates) and (runner.trace.skipped or not (block.searching.any() or ranking(block).all())):
            return self.popular(block, allowed, runner)
        scored = runner.step("rank", lambda: self.score(stack, block, candidates), RANKING_MS)
        if scored is None:
            scored = runner.step("recall", lambda: with_columns(candidates, {"score": _by_recall(stack, candidates)}))
        if scored is None:
            return self.popular(block, allowed, runner)
        if self.top is not None and "rer" in scored.columns and self.top.wants(block):
            scored = runner.step("cross", partial(self.top, block, scored, self.catalogue), self.top.ms) or scored
        pages = self.arrange(block, scored)
        runner.step("chance", lambda: self.chance(stack, block, scored, pages))
        return Ranked(block, allowed, scored, pages)

    def block(self, requests: Sequence[Request]) -> Block:
        """What is known of each request before retrieval: the query understood, the profile as of its time, the seeds."""
        as_of = np.array([request.as_of for request in requests], float)
        queries = [self.understand(request.query) if request.query else None for request in requests]
        profiles = gather(self.history, [actor(request) for request in requests], as_of)
        seeds = _rows(self.catalogue, [() if request.surface == "rank" else request.items for request in requests])
        given = _rows(self.catalogue, [request.items if request.surface == "rank" else () for request in requests])
        return Block(requests, as_of, queries, profiles, seeds, given)

    def read(self, reader: Reader, block: Block) -> None:
        """Each query's intent and attributes; the encoder's vector is the one that search by meaning asks for next."""
        block.queries = [None if query is None else reader(query, self.encode) for query in block.queries]

    def allowed(self, block: Block) -> Allowed:
        """What passes every filter; one that raises ends the answer, it never passes."""
        return reduce(and_, (each.allowed(block) for each in self.filters), Allowed.everything(len(self.catalogue), len(block)))

    def held(self, block: Block, allowed: Allowed) -> dict[int, Held]:
        """How many of its words each item has, for each search that another order than by score would fill with what has but one."""
        found: dict[int, Held] = {}
        for number in np.flatnonzero(sorting(block)).tolist():
            query, source = block.queries[number], self.arranger.literal
            held = None if query is None or source is None else source.held(query, allowed.mask(number))
            found |= {} if held is None else {number: held}
        return found

    def propose(self, stack: Stack, block: Block, allowed: Allowed, runner: Runner, pooled: bool = False) -> Candidates:
        """Every source's candidates side by side, merged, checked against the filters, each scored by every source that answered.

        ``pooled``: only those worth ranking; the report measures each source by all that it proposed.
        """
        names = [name for name in stack.sources if name in self.sources]
        found = runner.together({name: partial(_retrieved, self.sources[name], block, allowed, self.limit) for name in names})
        handed = {**_given(block), **_pinned(self.arranger, block)}
        merged = union({**found, **handed}, len(block))
        may = allowed.holds(merged) & _asked_for(block, merged)
        kept = merged if may.all() else merged.keep(may)
        runner.trace.removed += len(merged) - len(kept)
        if pooled:
            kept = pool(kept, names, block.requests, list(handed))
        scores = runner.together({f"{name}_score": partial(_scored, self.sources[name], block, kept) for name in found})
        for name in found:
            kept.add(name, scores.get(f"{name}_score", np.full(len(kept), np.nan, np.float32)))
        return kept

    def score(self, stack: Stack, block: Block, candidates: Candidates) -> Candidates:
        """The feature function, the ranker, the recall side, their fusion."""
        features = block.memo["features"] = self.features(block, candidates)
        return with_columns(candidates, stack.fuse({**features, **stack.asked(block.requests, candidates.request)}))

    def arrange(self, block: Block, candidates: Candidates) -> list[Page]:
        """The pages, from what was scored."""
        if any(request.sort == POPULAR for request in block.requests):
            candidates.add(POPULAR, self.fallback.score(block, candidates))
        return self.arranger(block, candidates)

    def chance(self, stack: Stack, block: Block, candidates: Candidates, pages: Sequence[Page]) -> None:
        """Add the ``probability`` of what each request is shown; NaN for the rest, of which nobody asks it."""
        features: Mapping[str, NDArray[np.float32]] = block.memo.get("features", {})
        if stack.clicks is None or not features:
            return
        shown = np.concatenate([page.rows[r.offset : r.offset + r.limit] for r, page in zip(block.requests, pages, strict=True)])
        read = {name: features[name][shown] for name in stack.click_names if name in features}
        found = stack.probability({**read, ITEM: candidates.item[shown].astype(np.float32)})
        if found is not None:
            column = np.full(len(candidates), np.nan, np.float32)
            column[shown] = found
            candidates.add("probability", column)

    def popular(self, block: Block, allowed: Allowed, runner: Runner) -> Ranked:
        """The last resort: what is popular and allowed, the likely category first; in a shop where nothing happened yet, whatever is
        allowed. For who searches without words it is no resort: all that is allowed, in that order."""
        runner.trace.fallback = bool(runner.trace.skipped) or not browsing(block).all()
        candidates = self._popular(block, allowed)
        place = np.arange(len(candidates)) - np.repeat(candidates.offsets[:-1], candidates.counts)
        candidates = with_columns(candidates, {"popularity": candidates["score"], "popularity_rank": place.astype(np.float32)})
        if not len(candidates):
            most = np.where(ranking(block), 0, self.limit)
            candidates = _listed([np.flatnonzero(allowed.mask(number))[: most[number]].astype(np.int32) for number in range(len(block))])
        return Ranked(block, allowed, candidates, self.arrange(block, candidates))

    def _popular(self, block: Block, allowed: Allowed) -> Candidates:
        """What is popular; where `rank` was handed items or the whole shop is browsed, all of those that are allowed, best first."""
        browsed, handed = browsing(block), ranking(block)
        if not (browsed | handed).any():
            return self.fallback.retrieve(block, allowed, self.limit)
        given = block.given
        lists = [np.flatnonzero(allowed.mask(n)) if browsed[n] else np.unique(given.item[given.of(n)]) for n in range(len(block))]
        every = Candidates.of([rows.astype(np.int32) for rows in lists])
        every = self.fallback.ordered(block, every.keep(allowed.holds(every)))
        found = every if (browsed | handed).all() else self.fallback.retrieve(block, allowed, self.limit)
        chosen = [every if one else found for one in browsed | handed]
        parts = [(each, each.of_request(number)) for number, each in enumerate(chosen)]
        return Candidates.of([each.item[rows] for each, rows in parts], score=[each["score"][rows] for each, rows in parts])


def actor(request: Request) -> str | None:
    """Whose history counts: the user's, else the session's own."""
    if request.user_id is None and request.session_id is not None:
        return SESSION_ACTOR + request.session_id
    return request.user_id


def task_of(request: Request) -> str:
    """The task whose stack answers: `rank` is search with a query and home without one; home without owned items is its own task."""
    if request.surface == "rank":
        return "search" if request.query else "home"
    return "home_new" if request.surface == "home" and request.exclude_seen else request.surface


def ranking(block: Block) -> NDArray[np.bool_]:
    """``(requests,) bool``: which of them `rank` what they were handed."""
    return np.array([request.surface == "rank" for request in block.requests], bool)


def browsing(block: Block) -> NDArray[np.bool_]:
    """``(requests,) bool``: which of them look through the shop without words."""
    return np.array([request.surface == "search" and not request.query for request in block.requests], bool)


def sorting(block: Block) -> NDArray[np.bool_]:
    """``(requests,) bool``: which of them search by words and sort by something else than the score."""
    return block.searching & np.array([request.surface == "search" and request.sort != "relevance" for request in block.requests], bool)


def with_columns(candidates: Candidates, columns: Mapping[str, NDArray[np.float32]]) -> Candidates:
    """``candidates`` with further columns."""
    for name, values in columns.items():
        candidates.add(name, values)
    return candidates


def _retrieved(source: Source, block: Block, allowed: Allowed, limit: int) -> Candidates:
    """What a source proposes, if it keeps to the protocol."""
    found = source.retrieve(block, allowed, limit)
    if found.requests != len(block) or len(found["score"]) != len(found):
        raise StageError(f"{source.name} answered {found.requests} requests of {len(block)}.")
    return found


def _scored(source: Source, block: Block, candidates: Candidates) -> NDArray[np.float32]:
    """A source's scores, if there is one per candidate."""
    scores = source.score(block, candidates)
    if scores.shape != (len(candidates),):
        raise StageError(f"{source.name} gave {len(scores)} scores for {len(candidates)} candidates.")
    return scores


def _rows(catalogue: Catalogue, ids: Sequence[Sequence[str]]) -> Slices:
    """The rows of each request's ids; unknown ones are left out."""
    known = [rows[rows >= 0] for rows in (catalogue.rows(one) for one in ids)]
    offsets = np.concatenate([[0], np.cumsum([len(rows) for rows in known])]).astype(np.int64)
    return Slices(offsets, np.concatenate([np.zeros(0, np.int32), *known]).astype(np.int32), {})


def _by_recall(stack: Stack, candidates: Candidates) -> NDArray[np.float32]:
    """Equal weights on reciprocal ranks: needs nothing but what retrieval left."""
    ranks = [np.nan_to_num(1 / (1 + candidates[f"{name}_rank"])) for name in stack.sources if f"{name}_rank" in candidates.columns]
    return np.sum(ranks, axis=0, dtype=np.float32) if ranks else np.zeros(len(candidates), np.float32)


def _given(block: Block) -> dict[str, Candidates]:
    """The items that `rank` requests hand in, as one more source."""
    if not ranking(block).any():
        return {}
    return {"given": _listed([np.unique(block.given.item[block.given.of(number)]) for number in range(len(block))])}


def _pinned(arranger: Arranger, block: Block) -> dict[str, Candidates]:
    """The items that rules pin to these requests, as one more source: they are filtered and scored as all others."""
    pinned = arranger.rules.pinned(block)
    return {} if pinned is None else {"pinned": _listed(pinned)}


def _listed(lists: Sequence[NDArray[np.int32]]) -> Candidates:
    return Candidates.of(lists, score=[np.zeros(len(rows), np.float32) for rows in lists])


def _asked_for(block: Block, merged: Candidates) -> NDArray[np.bool_]:
    """`rank` answers on what was handed in and nothing else."""
    if "given_rank" not in merged.columns:
        return np.ones(len(merged), bool)
    return ~ranking(block)[merged.request] | np.isfinite(merged["given_rank"])
