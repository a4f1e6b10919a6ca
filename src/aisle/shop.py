"""One open bundle that answers: the pipeline, the page it shows, and the answers in the contract's form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from time import perf_counter
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from aisle.arrange.facets import facet
from aisle.arrange.highlight import highlights
from aisle.core.answer import Absence, Answer, AnsweredItem, Completion, Json, Reason, Span, Understanding, Value
from aisle.core.request import Request
from aisle.core.runner import Runner, Trust
from aisle.core.stage import Query
from aisle.core.trace import Trace
from aisle.explain.absence import Absences
from aisle.explain.contributions import explanations, second_reading
from aisle.explain.phrases import phrases
from aisle.explain.reasons import Explainer
from aisle.fusion.top import RAW
from aisle.pipeline import Pipeline, Ranked, task_of
from aisle.profile.gather import gather
from aisle.query.complete import Completer

BLOCK = 256
DEADLINE_MS = 1_000.0
"""What a single request is given when it names no deadline; several at once then have as long as they take."""

WORKERS = 4
"""Threads that sources run on."""


class Matches(Protocol):
    """A source that knows every item that matches a query in words, not only the best ones."""

    def matches(self, query: Query) -> NDArray[np.integer]: ...


@dataclass(frozen=True)
class Shown:
    """One page's rows of the candidates, with what is known of each item and where the query's words stand in it."""

    rows: NDArray[np.int64]
    attributes: Sequence[Mapping[str, Value]]
    highlights: Sequence[Mapping[str, Sequence[Span]]]


class Shop:
    """Answers blocks of requests from one bundle. Safe to call from several threads: nothing here changes after construction."""

    def __init__(
        self, bundle_id: str, pipeline: Pipeline, completer: Completer, matching: Matches | None, name: str = "", language: str = ""
    ) -> None:
        self.bundle_id, self.pipeline, self.completer, self.matching = bundle_id, pipeline, completer, matching
        self.name, self.language = name, language
        self._pool, self._trust = ThreadPoolExecutor(WORKERS, thread_name_prefix="source"), Trust()

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
        runner = Runner(_deadline_ms(requests), self._pool, self._trust)
        runner.trace.requests = len(requests)
        ranked = self.pipeline.answer(requests, runner)
        shown = [self._shown(ranked, number) for number in range(len(requests))]
        reasons = runner.step("explain", lambda: self._reasons(ranked, shown)) or [[] for _ in shown]
        took = (perf_counter() - started) * 1000 / len(requests)
        return [
            self._block([request])[0] if self._alone(ranked, number)
            else self._answer(ranked, number, shown[number], reasons[number], runner.trace, took)
            for number, request in enumerate(requests)
        ]  # fmt: skip

    def _alone(self, ranked: Ranked, number: int) -> bool:
        """Whether a request found nothing beside others that did, and by itself would be shown what is popular."""
        wordless = not ranked.block.requests[number].query
        return len(ranked.block) > 1 and wordless and not ranked.candidates.counts[number] and len(ranked.candidates) > 0

    def _shown(self, ranked: Ranked, number: int) -> Shown:
        request, query = ranked.block.requests[number], ranked.block.queries[number]
        rows = ranked.pages[number].rows[request.offset : request.offset + request.limit]
        attributes = [self.pipeline.catalogue.item(int(item)) for item in ranked.candidates.item[rows]]
        return Shown(rows, attributes, [highlights(one, query) if query else {} for one in attributes])

    def _reasons(self, ranked: Ranked, shown: Sequence[Shown]) -> list[list[list[Reason]]]:
        weights = self.pipeline.stacks[task_of(ranked.block.requests[0])].recall.weights
        return [
            self._explainer.reasons(ranked.block, number, ranked.candidates, ranked.pages[number], one.rows, one.highlights, weights)
            for number, one in enumerate(shown)
        ]

    @cached_property
    def _explainer(self) -> Explainer:
        return Explainer(self.pipeline.catalogue, self.pipeline.counters, self.pipeline.sources, self.language)

    def _answer(
        self, ranked: Ranked, number: int, shown: Shown, reasons: Sequence[Sequence[Reason]], trace: Trace, took_ms: float
    ) -> Answer:
        request, query = ranked.block.requests[number], ranked.block.queries[number]
        items = self._items(ranked, number, shown, reasons)
        if request.surface == "rank":
            items += self._left_out(ranked, number)
        total, facets = self._total(ranked, number)
        return Answer(
            request.request_id,
            self.bundle_id,
            items,
            total,
            facets,
            Understanding(query.intent, query.attributes, query.correction) if query else Understanding(),
            trace.degraded,
            tuple(trace.skipped),
            self._why(ranked, number),
            took_ms,
            tuple(trace.steps) if request.explain else (),
            trace,
        )

    def _items(self, ranked: Ranked, number: int, shown: Shown, reasons: Sequence[Sequence[Reason]]) -> list[AnsweredItem]:
        """What is said of each shown item; columns are read once for the page."""
        request, columns, rows = ranked.block.requests[number], ranked.candidates.columns, shown.rows
        explained = self._explained(ranked, number, rows) if request.explain else [None] * len(rows)
        scores: list[dict[str, float]] = [{} for _ in rows]
        for name in (*self.pipeline.sources, "ctr", "rer", "cross"):
            for known, score in zip(scores, columns[name][rows].tolist() if name in columns else (), strict=False):
                if isfinite(score):
                    known[name] = score
        probabilities = columns["probability"][rows].tolist() if "probability" in columns else [None] * len(rows)
        return [
            AnsweredItem(
                str(shown.attributes[place]["item_id"]),
                shown.attributes[place],
                score,
                probabilities[place],
                scores[place],
                shown.highlights[place],
                reasons[place] if reasons else (),
                variants=self._variants(ranked, number, int(ranked.candidates.item[rows[place]])),
                explanation=explained[place],
            )
            for place, score in enumerate(columns["score"][rows].tolist())
        ]

    def _variants(self, ranked: Ranked, number: int, item: int) -> Sequence[str]:
        """The other variants that an item stands for and that the request may be shown."""
        siblings = self.pipeline.arranger.siblings(ranked.block.requests[number], item)
        if not len(siblings):
            return ()
        return [self.pipeline.catalogue.ids[int(one)] for one in siblings[ranked.allowed.mask(number)[siblings]]]

    def _explained(self, ranked: Ranked, number: int, rows: NDArray[np.int64]) -> list[Mapping[str, Json]]:
        """Contributions to each shown item's score, its place by score alone and what moved it; no contributions from a fallback."""
        candidates, page = ranked.candidates, ranked.pages[number]
        placed = candidates["score"][page.rows]
        moved: list[dict[str, Json]] = [
            {"by_score": int((placed > candidates["score"][row]).sum()), "moved": list(page.moved.get(int(row), ()))} for row in rows
        ]
        if not len(rows) or "rer" not in candidates.columns:
            return [*moved]
        order = np.sort(rows)
        mask = np.zeros(len(candidates), bool)
        mask[order] = True
        shown, stack = candidates.keep(mask), self.pipeline.stacks[task_of(ranked.block.requests[number])]
        features = self.pipeline.features(ranked.block, shown)
        found = explanations(stack, {**features, **stack.asked(ranked.block.requests, shown.request)})
        if self.pipeline.top is not None and RAW in candidates.columns:
            found = second_reading(found, candidates[RAW][order], self.pipeline.top.weight)
        return [found[place] | more for place, more in zip(np.searchsorted(order, rows).tolist(), moved, strict=True)]

    def _left_out(self, ranked: Ranked, number: int) -> list[AnsweredItem]:
        """What `rank` was handed and may not show or does not know, last and without a score."""
        shown = {int(item) for item in ranked.candidates.item[ranked.pages[number].rows]}
        request, catalogue = ranked.block.requests[number], self.pipeline.catalogue
        left = [item for item in dict.fromkeys(request.items) if catalogue.row_of.get(item, -1) not in shown]
        absences = self._absences(ranked, number)
        return [AnsweredItem(item, {}, removed=absences.of(item).reason) for item in left]

    def _why(self, ranked: Ranked, number: int) -> Mapping[str, Absence]:
        request, absences = ranked.block.requests[number], self._absences(ranked, number)
        rows = ranked.pages[number].rows[: request.offset + request.limit]
        shown = {self.pipeline.catalogue.ids[int(item)] for item in ranked.candidates.item[rows]} if request.why else ()
        return {item: absences.of(item) for item in request.why if item not in shown}

    def _absences(self, ranked: Ranked, number: int) -> Absences:
        pipeline = self.pipeline
        stack = pipeline.stacks[task_of(ranked.block.requests[number])]
        sources = {name: pipeline.sources[name] for name in stack.sources if name in pipeline.sources}
        return Absences(
            pipeline.catalogue, pipeline.filters, sources, pipeline.limit, ranked.block, ranked.allowed, ranked.candidates,
            ranked.pages[number], number, phrases(self._explainer.spoken(ranked.block.requests[number], ranked.block.queries[number])),
        )  # fmt: skip

    def _total(self, ranked: Ranked, number: int) -> tuple[int, dict[str, dict[str, int]]]:
        request, query = ranked.block.requests[number], ranked.block.queries[number]
        mask, held = ranked.allowed.mask(number), ranked.block.held.get(number)
        rows: NDArray[np.integer]
        if held is not None:
            rows = np.flatnonzero(mask & held.best)
        elif query is not None and self.matching is not None:
            rows = np.asarray(self.matching.matches(query))
            rows = rows[mask[rows]]
        else:
            rows = ranked.candidates.item[ranked.candidates.of_request(number)]
        arranger, catalogue = self.pipeline.arranger, self.pipeline.catalogue
        product = arranger.product(request)
        return arranger.products(request, rows), {name: facet(catalogue, name, rows, product) for name in request.facets}

    def complete(self, prefix: str, limit: int) -> list[Completion]:
        """At most ``limit`` ways to go on typing, best first."""
        return self.completer.complete(prefix, limit)

    def item(self, item_id: str) -> Mapping[str, Value] | None:
        """An item's attributes, None for an unknown id."""
        row = self.pipeline.catalogue.row_of.get(item_id)
        return None if row is None else self.pipeline.catalogue.item(row)

    def profile(self, user_id: str) -> Mapping[str, Json] | None:
        """What is known of a user, None of a stranger."""
        known = gather(self.pipeline.history, [user_id], np.array([np.nan]))
        if not known.events[0]:
            return None
        ids, recent, owned = self.pipeline.catalogue.ids, known.recent.item[::-1], known.owned.item
        tastes: dict[str, Json] = {}
        for name, held in known.tastes.items():
            names = self.pipeline.catalogue.labels(name).names
            tastes[name] = {names[int(code)]: round(float(w), 4) for code, w in zip(held.item, held.values["weight"], strict=True)}
        return {
            "user_id": user_id,
            "events": int(known.events[0]),
            "recent": [ids[int(row)] for row in recent],
            "owned": [ids[int(row)] for row in owned],
            "dismissed": [ids[int(row)] for row in known.dismissed.item],
            "tastes": tastes,
        }

    def users(self, limit: int) -> list[str]:
        """Ids of some users with a history, those with the most events first."""
        return self._busiest[:limit]

    @cached_property
    def _busiest(self) -> list[str]:
        counts = np.diff(self.pipeline.history.offsets)
        return [self.pipeline.history.users[int(row)] for row in np.argsort(-counts, kind="stable")[:100]]


def _deadline_ms(requests: Sequence[Request]) -> float | None:
    """The shortest of the requests' deadlines."""
    named = [request.deadline_ms for request in requests if request.deadline_ms is not None]
    return min(named, default=DEADLINE_MS if len(requests) == 1 else None)
