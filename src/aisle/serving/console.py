"""The console: what is asked and how fast, why an item is where it is, the reports, and which bundle answers. For whoever runs the shop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, RedirectResponse, Response

from aisle.core.answer import Answer, Json
from aisle.core.errors import AisleError, BundleError, RequestError
from aisle.schema import ITEMS, Kind
from aisle.serving import console_charts as charts
from aisle.serving import console_figures, console_trace
from aisle.serving.compare import DEPTH, Comparison, compare, lines_of
from aisle.serving.console_insight import Insight, NoInsight
from aisle.serving.console_trace import Question
from aisle.serving.engine import BundleInfo, Engine
from aisle.serving.pages_draw import Draw, Pages, Visit
from aisle.serving.pages_form import SEE_OTHER, form
from aisle.serving.problems import RefusedError

T = TypeVar("T")
ROWS, QUERIES, CHANGES, LINES = 60, 50, 40, 50
NO_NOTE: Mapping[str, Json] = {
    "request_id": "", "time": None, "surface": "", "query": None, "seeds": [], "items": [], "total": None, "took_ms": 0.0,
    "degraded": False, "skipped": [], "bundle": "", "user": None, "trace": [], "together": 1, "removed": None, "because": {},
}  # fmt: skip
TIMES = frozenset(name for name, column in ITEMS.items() if column.kind is Kind.TIME)
NO_QUALITY: Mapping[str, Json] = {"files": {}, "rules": [], "remarks": []}
"""What a note or a report lacks that another version wrote."""
REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'self'; base-uri 'none'"
"""The report is a page of its own with its styles inside; it may do nothing but be read."""


class Console:
    """The routes below ``/console``. ``insight`` reads what the server noted."""

    def __init__(self, pages: Pages, insight: Insight | None = None) -> None:
        self.pages, self.live, self.insight = pages, pages.live, insight or NoInsight()
        self._other: tuple[str, Engine] | None = None
        self.router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
        shown: dict[str, Draw] = {
            "": self._overview, "/requests": self._requests, "/queries": self._queries, "/trace": self._trace, "/report": self._report,
            "/report.html": self._report_page, "/quality": self._quality, "/bundles": self._bundles, "/compare": self._compare,
            "/catalogue": self._catalogue,
        }  # fmt: skip
        for path, draw in shown.items():
            self.router.add_api_route(f"/console{path}", pages.guarded(draw), methods=["GET"])
        acts: dict[str, Draw] = {"/compare": self._compare, "/activate": self._activate, "/rollback": self._rollback}
        for path, act in acts.items():
            self.router.add_api_route(f"/console{path}", pages.guarded(act), methods=["POST"])

    async def _overview(self, http: HttpRequest, visit: Visit) -> Response:
        now = self.live.clock()
        times = await self._read(lambda insight: insight.times(now - console_figures.WINDOW))
        counts = await self._read(lambda insight: insight.counts())
        medians = charts.line(console_figures.medians(times, now), visit.say("c_median"))
        return self._page(
            http, visit, "overview", speeds=console_figures.speeds(times, now), medians=medians, counts=counts,
            totals=console_figures.totals(self.pages.telemetry.exposition().decode()), minutes=int(console_figures.WINDOW / 60),
        )  # fmt: skip

    async def _requests(self, http: HttpRequest, visit: Visit) -> Response:
        surface, typed = http.query_params.get("surface", ""), http.query_params.get("query", "").strip().lower()[:200]
        notes = await self._read(lambda insight: insight.recent(ROWS * 5))
        fitting = [{**NO_NOTE, **note} for note in notes if _fits(note, surface, typed)][:ROWS]
        shown = "rows" if http.query_params.get("part") == "rows" else "requests"
        return self._page(http, visit, shown, notes=fitting, surface=surface, typed=typed)

    async def _queries(self, http: HttpRequest, visit: Visit) -> Response:
        nothing = await self._read(lambda insight: insight.no_result_queries(QUERIES))
        unloved = await self._read(lambda insight: insight.no_click_queries(QUERIES))
        return self._page(http, visit, "queries", nothing=nothing, unloved=unloved)

    async def _trace(self, http: HttpRequest, visit: Visit) -> Response:
        name = http.query_params.get("id", "")[:100]
        note = await self._read(lambda insight: insight.get(name)) if name else None
        note = {**NO_NOTE, **note} if note else None
        asked = Question.of(http.query_params, note)
        answer, problem = await self._asked(asked, visit) if not asked.empty else (None, "")
        rows = console_trace.rows(answer.items, visit.say.language) if answer else []
        return self._page(http, visit, "trace", note=note, name=name, asked=asked, answer=answer, rows=rows, problem=problem)

    async def _asked(self, asked: Question, visit: Visit) -> tuple[Answer | None, str]:
        try:
            request = asked.request(self.live.clock(), visit.say.language)
            (answer,) = await self.pages.ask(visit, lambda engine: engine.answer([request]))
        except RequestError as error:
            return None, str(error)
        return answer, ""

    async def _report(self, http: HttpRequest, visit: Visit) -> Response:
        chosen = self._chosen(http)
        there = await self._read(lambda insight: insight.report(chosen))
        return self._page(http, visit, "report", chosen=chosen, there=bool(there), bundles=await self._listed())

    async def _report_page(self, http: HttpRequest, _: Visit) -> Response:
        found = await self._read(lambda insight: insight.report(self._chosen(http)))
        if found is None:
            raise RefusedError(404, "not_found", "This bundle has no report.")
        return HTMLResponse(found, headers={"Content-Security-Policy": REPORT_POLICY, "Cache-Control": "private, max-age=60"})

    async def _quality(self, http: HttpRequest, visit: Visit) -> Response:
        chosen = self._chosen(http)
        quality = await self._read(lambda insight: insight.quality(chosen))
        aside = await self._read(lambda insight: insight.set_aside(QUERIES))
        told = {**NO_QUALITY, **quality} if quality else None
        return self._page(http, visit, "quality", quality=told, aside=aside, chosen=chosen, bundles=await self._listed())

    async def _catalogue(self, http: HttpRequest, visit: Visit) -> Response:
        bundle = self.live.engine.bundle_id
        overlay = await self._read(lambda insight: insight.overlay(bundle, CHANGES))
        return self._page(http, visit, "catalogue", overlay=overlay, times=TIMES)

    async def _bundles(self, http: HttpRequest, visit: Visit, status: int = 200, problem: str = "") -> Response:
        bundles = await self._listed()
        return self._page(http, visit, "bundles", status, bundles=bundles, problem=problem, store=self.live.store is not None)

    async def _activate(self, http: HttpRequest, visit: Visit) -> Response:
        name = (await form(http)).get("bundle")
        return await self._changed(http, visit, partial(self.live.activate, name))

    async def _rollback(self, http: HttpRequest, visit: Visit) -> Response:
        await form(http)
        return await self._changed(http, visit, self.live.rollback)

    async def _changed(self, http: HttpRequest, visit: Visit, change: Callable[[], Awaitable[str]]) -> Response:
        try:
            await change()
        except BundleError as error:
            return await self._bundles(http, visit, 409, str(error))
        return RedirectResponse("/console/bundles", SEE_OTHER)

    async def _compare(self, http: HttpRequest, visit: Visit) -> Response:
        given = await form(http) if http.method == "POST" else None
        bundles = await self._listed()
        names = [one.bundle_id for one in bundles if not one.problem]
        left, right = self.live.engine.bundle_id, next((name for name in names if name != self.live.engine.bundle_id), "")
        text = "" if given is None else given.get("queries")
        left, right = (left, right) if given is None else (given.get("left"), given.get("right"))
        found, problem = await self._compared(left, right, text, visit) if given is not None else (None, "")
        return self._page(
            http, visit, "compare", names=names, left=left, right=right, text=text or await self._typical(), found=found, problem=problem
        )

    async def _compared(self, left: str, right: str, text: str, visit: Visit) -> tuple[Comparison | None, str]:
        try:
            one, other = await self._opened(left), await self._opened(right)
        except AisleError as error:
            return None, str(error)
        asked, now = lines_of(text, LINES), self.live.clock()
        return await asyncio.to_thread(compare, one, other, asked, DEPTH, now, visit.say.language), ""

    async def _opened(self, name: str) -> Engine:
        """The running engine, or another bundle opened to read; the last one stays open."""
        if name == self.live.engine.bundle_id:
            return self.live.engine
        if self._other is None or self._other[0] != name:
            if self.live.store is None:
                raise BundleError("This server runs one bundle, not a store of them.", "Start it with the folder that holds the bundles.")
            self._other = name, await asyncio.to_thread(self.live.store.open, name)
        return self._other[1]

    async def _typical(self) -> str:
        """Queries to begin a comparison with: those asked lately."""
        notes = await self._read(lambda insight: insight.recent(200))
        asked = [str(note["query"]) for note in notes if note.get("query") and note.get("surface") == "search"]
        return "\n".join(list(dict.fromkeys(asked))[:8])

    async def _listed(self) -> list[BundleInfo]:
        return await asyncio.to_thread(self.live.bundles)

    def _chosen(self, http: HttpRequest) -> str:
        return http.query_params.get("bundle", "")[:100] or self.live.engine.bundle_id

    async def _read(self, read: Callable[[Insight], T]) -> T:
        """What the notes say, off the event loop."""
        return await asyncio.to_thread(read, self.insight)

    def _page(self, http: HttpRequest, visit: Visit, page: str, status: int = 200, **shown: object) -> Response:
        kept = [pair for pair in http.query_params.multi_items() if pair[0] not in ("lang", "part")]
        here = f"{http.url.path}?{urlencode(kept)}" if kept else http.url.path
        place = http.url.path.removeprefix("/console").strip("/") or "overview"
        return self.pages.page(
            http, visit, f"console_{page}.html", status, here=here if len(here) < 1_500 else http.url.path, place=place,
            now=self.live.clock(), noted=self.insight.kept, **shown,
        )  # fmt: skip


def _fits(note: Mapping[str, Json], surface: str, typed: str) -> bool:
    return (not surface or note.get("surface") == surface) and (not typed or typed in str(note.get("query") or "").lower())
