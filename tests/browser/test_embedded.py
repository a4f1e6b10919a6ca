"""`aisle.js` on another site's page, in a real browser: what is seen, opened and added arrives once, also over a change of page."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from aisle.core.answer import Json
from aisle.serving.access import Gate
from aisle.serving.app import create_app
from aisle.serving.listen import address, bind
from aisle.serving.live import Live
from aisle.serving.options import Options
from aisle.serving.telemetry import Telemetry
from tests.serving.fakes import FakeEngine, FakeKeys

SCRIPT = Path(__file__).resolve().parents[2] / Path("src/aisle/serving/static/aisle.js")
LIST = """
<ul data-aisle-request="r1" data-aisle-surface="search" data-aisle-query="lamp">
  <li data-aisle-item="A1"><a href="/next">one</a> <button data-aisle-cart>add</button></li>
  <li data-aisle-item="A2"><a href="#here">two</a></li>
  <li data-aisle-item="far" style="margin-top: 300vh"><a href="#far">far</a></li>
</ul>
"""


def test_the_script_is_at_most_three_kilobytes():
    assert len(SCRIPT.read_bytes()) <= 3 * 1024


@contextmanager
def up(app: Any, listener: socket.socket) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield address(listener)
    finally:
        server.should_exit = True
        thread.join(20)


@dataclass
class Site:
    """A shop's own site, which embeds the script, and the engine that hears of it."""

    page: Any
    where: str
    engine: FakeEngine

    def events(self) -> list[dict[str, Json]]:
        return [dict(event) for event in self.engine.events.values()]

    def told(self) -> list[tuple[Json, Json]]:
        return sorted((str(event["type"]), str(event["item_id"])) for event in self.events())

    def hears(self, wanted: list[tuple[str, str]]) -> bool:
        return _soon(lambda: self.told() == sorted(wanted))


def _soon(claim: Callable[[], bool]) -> bool:
    until = time.monotonic() + 8
    while time.monotonic() < until and not claim():
        time.sleep(0.05)
    return claim()


@pytest.fixture
def site(browser: Any) -> Iterator[Callable[..., Site]]:
    opened: list[Any] = []
    with bind("127.0.0.1", 0) as ours, bind("127.0.0.1", 0) as theirs:
        head: dict[str, str] = {}

        async def page(http: Request) -> HTMLResponse:
            script = f'<script src="{address(ours)}/aisle.js" {head["attributes"]} defer></script>'
            return HTMLResponse(f"<!doctype html><title>shop</title>{script}{LIST if http.url.path == '/' else 'next'}")

        engine = FakeEngine()
        gate = Gate(FakeKeys(), Options(storefront="public", origins=(address(theirs),)))
        app = create_app(Live(engine, lambda: 5.0), Telemetry(io.StringIO(), b"salt"), gate=gate)
        with up(app, ours), up(Starlette(routes=[Route("/{path:path}", page)]), theirs) as where:

            def visit(attributes: str = "", storage: bool = True) -> Site:
                head["attributes"] = attributes
                context = browser.new_context(viewport={"width": 800, "height": 600})
                opened.append(context)
                tab = context.new_page()
                if not storage:
                    tab.add_init_script("for (const name of ['localStorage', 'sessionStorage'])"
                                        "Object.defineProperty(window, name, {get() { throw new Error('off'); }})")  # fmt: skip
                tab.goto(where)
                return Site(tab, where, engine)

            yield visit
            for context in opened:
                context.close()


def test_what_is_seen_is_told_once_and_what_is_out_of_sight_is_not(site: Callable[..., Site]):
    shop = site('data-key="events" data-user="42"')
    assert shop.hears([("impression", "A1"), ("impression", "A2")]), shop.told()
    first = next(event for event in shop.events() if event["item_id"] == "A1")
    assert {name: first[name] for name in ("request_id", "surface", "query", "rank", "user_id")} == {
        "request_id": "r1", "surface": "search", "query": "lamp", "rank": 0, "user_id": "42",
    }  # fmt: skip
    assert abs(float(str(first["timestamp"])) / 1000 - time.time()) < 60 and "consent" not in first
    shop.page.evaluate("document.querySelector('[data-aisle-item=far]').scrollIntoView()")
    assert shop.hears([("impression", "A1"), ("impression", "A2"), ("impression", "far")])
    shop.page.evaluate("scrollTo(0, 0)")
    late = "<li data-aisle-item=late data-aisle-rank=7>late</li>"
    shop.page.evaluate(f"document.querySelector('ul').insertAdjacentHTML('afterbegin', '{late}')")
    assert shop.hears([("impression", "A1"), ("impression", "A2"), ("impression", "far"), ("impression", "late")])
    assert next(event for event in shop.events() if event["item_id"] == "late")["rank"] == 7


def test_a_click_that_leaves_the_page_arrives_and_the_session_goes_on(site: Callable[..., Site]):
    shop = site()
    shop.page.click("button")
    shop.page.click("text=one")
    shop.page.wait_for_url("**/next")
    assert shop.hears([("impression", "A1"), ("impression", "A2"), ("cart", "A1"), ("click", "A1")]), shop.told()
    assert len({str(event["session_id"]) for event in shop.events()}) == 1
    assert _soon(lambda: shop.page.evaluate("sessionStorage.getItem('aisle.queue')") == "[]")


def test_what_could_not_be_sent_waits_and_arrives_after_the_next_page(site: Callable[..., Site]):
    shop = site()
    shop.page.route("**/v1/events", lambda route: route.abort())
    shop.page.click("text=two")
    time.sleep(0.3)
    assert shop.told() == []
    shop.page.unroute("**/v1/events")
    shop.page.goto(f"{shop.where}/next")
    assert _soon(lambda: ("click", "A2") in shop.told())
    assert len(shop.told()) == len(set(shop.told())), "each once, however often it was sent"


def test_without_storage_and_with_consent_refused_the_page_works_and_says_so(site: Callable[..., Site]):
    shop = site('data-consent="false"', storage=False)
    shop.page.evaluate("aisle.send('favourite', 'A2')")
    assert shop.hears([("favourite", "A2"), ("impression", "A1"), ("impression", "A2")]), shop.told()
    assert all(event["consent"] is False for event in shop.events())
