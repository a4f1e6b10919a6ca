"""One open bundle that answers: the pipeline, the page it shows, and the answers in the contract's form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from time import perf_counter
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from aisle.arrange.facets import facet
from aisle.arrange.highlight import highlights
from aisle.core.answer import Answer, AnsweredItem, Completion, Json, Understanding, Value
from aisle.core.request import Request
from aisle.core.runner import Runner
from aisle.core.stage import Query
from aisle.core.trace import Trace
from aisle.pipeline import Pipeline, Ranked, task_of
from aisle.profile.gather import gather
from aisle.query.complete import Completer

BLOCK = 256
DEADLINE_MS = 1_000.0
"""What a single request is given when it names no deadline."""

WORKERS = 4
"""Threads that sources run on."""


class Matches(Protocol):
    """A source that knows every item that matches a query in words, not only the best ones."""

    def matches(self, query: Query) -> NDArray[np.integer]: ...


class Shop:
    """Answers blocks of requests from one bundle. Safe to call from several threads: nothing here changes after construction."""

    def __init__(self, bundle_id: str, pipeline: Pipeline, completer: Completer, matching: Matches | None, name: str = "") -> None:
        self.bundle_id, self.pipeline, self.completer, self.matching, self.name = bundle_id, pipeline, completer, matching, name
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="source")

    @property
    def newest(self) -> float:
        """UTC seconds of the newest event known, NaN for a log without a clock."""
        return self.pipeline.history.newest

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """One answer per request, in order; requests of one task run as one block."""
        answers: dict[int, Answer] = {}
        tasks: dict[str, list[int]] = {}
        for place, request in enumerate(requests):
            tasks.setdefault(task_of(request), []).append(place)
        for places in tasks.values():
            for start in range(0, len(places), BLOCK):
                part = places[start : start + BLOCK]
                answers |= dict(zip(part, self._block([requests[place] for place in part]), strict=True))
        return [answers[place] for place in range(len(requests))]

    def _block(self, requests: Sequence[Request]) -> list[Answer]:
        started = perf_counter()
        alone = len(requests) == 1
        runner = Runner((requests[0].deadline_ms or DEADLINE_MS) if alone else None, self._pool if alone else None)
        ranked = self.pipeline.answer(requests, runner)
        took = (perf_counter() - started) * 1000 / len(requests)
        return [self._answer(ranked, number, runner.trace, took) for number in range(len(requests))]

    def _answer(self, ranked: Ranked, number: int, trace: Trace, took_ms: float) -> Answer:
        request, page = ranked.block.requests[number], ranked.pages[number].rows
        shown = page[request.offset : request.offset + request.limit]
        items = [self._item(ranked, number, int(row)) for row in shown]
        if request.surface == "rank":
            items += self._left_out(ranked, number, page)
        total, facets = self._total(ranked, number)
        query = ranked.block.queries[number]
        return Answer(
            request.request_id,
            self.bundle_id,
            items,
            total,
            facets,
            Understanding(correction=query.correction if query else None),
            trace.degraded,
            tuple(trace.skipped),
            self._why(ranked, number),
            took_ms,
        )

    def _item(self, ranked: Ranked, number: int, row: int) -> AnsweredItem:
        candidates, item = ranked.candidates, int(ranked.candidates.item[row])
        attributes = self.pipeline.catalogue.item(item)
        names = [name for name in (*self.pipeline.sources, "ctr", "rer") if name in candidates.columns]
        scores = {name: float(candidates[name][row]) for name in names if np.isfinite(candidates[name][row])}
        probability = float(candidates["probability"][row]) if "probability" in candidates.columns else None
        query = ranked.block.queries[number]
        return AnsweredItem(
            str(attributes["item_id"]),
            attributes,
            float(candidates["score"][row]),
            probability,
            scores,
            highlights(attributes, query) if query else {},
        )

    def _left_out(self, ranked: Ranked, number: int, page: NDArray[np.int64]) -> list[AnsweredItem]:
        """What `rank` was handed and may not show or does not know, last and without a score."""
        shown = {int(ranked.candidates.item[row]) for row in page}
        request, catalogue = ranked.block.requests[number], self.pipeline.catalogue
        left = [item for item in dict.fromkeys(request.items) if catalogue.row_of.get(item, -1) not in shown]
        return [AnsweredItem(item, {}, removed=self._reason(ranked, number, item)) for item in left]

    def _why(self, ranked: Ranked, number: int) -> Mapping[str, str]:
        request = ranked.block.requests[number]
        page = ranked.pages[number].rows[: request.offset + request.limit]
        shown = {self.pipeline.catalogue.ids[int(ranked.candidates.item[row])] for row in page}
        return {item: self._reason(ranked, number, item) for item in request.why if item not in shown}

    def _reason(self, ranked: Ranked, number: int, item: str) -> str:
        """At which stage an item was lost."""
        row = self.pipeline.catalogue.row_of.get(item)
        if row is None:
            return "unknown"
        if not ranked.allowed.mask(number)[row]:
            one = [each.name for each in self.pipeline.filters if not each.allowed(ranked.block).mask(number)[row]]
            return f"filter: {', '.join(one)}"
        found = ranked.candidates.item[ranked.candidates.of_request(number)]
        return "ranked below the page" if row in found else "not proposed by any source"

    def _total(self, ranked: Ranked, number: int) -> tuple[int, dict[str, dict[str, int]]]:
        request, query = ranked.block.requests[number], ranked.block.queries[number]
        mask = ranked.allowed.mask(number)
        if query is not None and self.matching is not None:
            rows = np.asarray(self.matching.matches(query))
            rows = rows[mask[rows]]
        else:
            rows = ranked.candidates.item[ranked.candidates.of_request(number)]
        return len(rows), {name: facet(self.pipeline.catalogue, name, rows) for name in request.facets}

    def complete(self, prefix: str, limit: int) -> list[Completion]:
        """At most ``limit`` ways to go on typing, best first."""
        return self.completer.complete(prefix, limit)

    def item(self, item_id: str) -> Mapping[str, Value] | None:
        """An item's attributes, None for an unknown id."""
        row = self.pipeline.catalogue.row_of.get(item_id)
        return None if row is None else self.pipeline.catalogue.item(row)

    def profile(self, user_id: str) -> Mapping[str, Json] | None:
        """What is known of a user, None of a stranger."""
        history = self.pipeline.history
        if history.find(user_id) < 0:
            return None
        known = gather(history, [user_id], np.array([np.nan]))
        ids, recent, owned = self.pipeline.catalogue.ids, known.recent.item[::-1][:20], known.owned.item
        tastes: dict[str, Json] = {}
        for name, held in known.tastes.items():
            names = self.pipeline.catalogue.labels(name).names
            tastes[name] = {names[int(code)]: round(float(w), 4) for code, w in zip(held.item, held.values["weight"], strict=True)}
        return {
            "user_id": user_id,
            "events": int(known.events[0]),
            "recent": [ids[int(row)] for row in recent],
            "owned": [ids[int(row)] for row in owned],
            "tastes": tastes,
        }

    def users(self, limit: int) -> list[str]:
        """Ids of some users with a history, those with the most events first."""
        return self._busiest[:limit]

    @cached_property
    def _busiest(self) -> list[str]:
        counts = np.diff(self.pipeline.history.offsets)
        return [self.pipeline.history.users[int(row)] for row in np.argsort(-counts, kind="stable")[:100]]
