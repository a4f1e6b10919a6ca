"""A real Chromium before a real server over the toy dozen; where either is missing, the tests skip and say why."""

from __future__ import annotations

import io
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from aisle.serving.app import create_app
from aisle.serving.listen import address, bind
from aisle.serving.live import Live
from aisle.serving.plan import Plan, open_service
from aisle.serving.telemetry import Telemetry
from tests.serving.toy_store import toy_store

DESK, PHONE = (1280, 900), (360, 780)
LOCALES = {"en": "en-GB", "zh": "zh-CN"}
REFUSALS = """document.addEventListener('securitypolicyviolation',
    (found) => console.error(`${found.violatedDirective} refused ${found.blockedURI || found.sample}`))"""
"""Whatever the pages' policy refuses is an error in the browser's console."""
PATIENCE_MS = 30_000
"""A busy machine is slow; nothing here waits that long on an idle one."""


def chromium() -> str:
    """The browser's program; skips where there is none."""
    found = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One a file: while it is open a loop runs in this thread, in which no other test could run one of its own."""
    program = chromium()
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install 'aisle[dev]'")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_store(tmp_path_factory.mktemp("shop"), "one", "two")


@contextmanager
def serving(store: Path, state: Path) -> Iterator[str]:
    """A server over a store and a fresh state folder, and its address."""
    service = open_service(Plan(str(store), str(state), old_log=True))
    live = Live(service.engine, service.clock, service.store)
    app = create_app(live, Telemetry(io.StringIO(), b"salt"), service.shop, service.gate, service.pictures, service.insight)
    with bind("127.0.0.1", 0) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield address(listener)
        finally:
            server.should_exit = True
            thread.join(20)
    service.close()


@pytest.fixture
def shop(store: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a shop that nobody has visited yet."""
    with serving(store, tmp_path / "state") as where:
        yield where


@dataclass
class Visitor:
    """A person with a browser of his own. ``troubles`` are what the browser's console complained of."""

    page: Any
    shop: str
    troubles: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        """Type an address."""
        self.page.goto(f"{self.shop}{path}")

    def text(self, selector: str = "main") -> str:
        """What stands there."""
        return str(self.page.locator(selector).first.inner_text())

    def titles(self, selector: str = ".shelf, .main") -> list[str]:
        """The titles of the first group of items."""
        return [str(title) for title in self.page.locator(selector).first.locator(".card :is(h2, h3)").all_inner_texts()]


Visit = Callable[..., Visitor]


@pytest.fixture
def visit(browser: Any, shop: str) -> Iterator[Visit]:
    """Opens a browser for one more person; at the end none of them may have seen an error."""
    opened: list[tuple[Any, Visitor]] = []

    def one(language: str = "en", size: tuple[int, int] = DESK, scheme: str = "light", script: bool = True) -> Visitor:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, locale=LOCALES[language], color_scheme=scheme, reduced_motion="reduce",
            java_script_enabled=script, is_mobile=size == PHONE,
            has_touch=size == PHONE,
        )  # fmt: skip
        context.set_default_timeout(PATIENCE_MS)
        visitor = Visitor(context.new_page(), shop)
        visitor.page.on("console", lambda said: visitor.troubles.append(said.text) if said.type in ("error", "warning") else None)
        visitor.page.add_init_script(REFUSALS)
        visitor.page.on("pageerror", lambda error: visitor.troubles.append(str(error)))
        opened.append((context, visitor))
        return visitor

    yield one
    for context, visitor in opened:
        context.close()
        assert visitor.troubles == []
