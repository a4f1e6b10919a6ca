"""Takes the pictures of docs/screenshots from a running demo: python -m tests.browser.screenshots http://127.0.0.1:8000"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.browser.conftest import DESK, LOCALES, PHONE, chromium

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
COLOURS = 112
TOUCH = {"is_mobile": True, "has_touch": True}
Prepare = Callable[[Any], None]


def nothing(_: Any) -> None:
    pass


def typed(page: Any) -> None:
    page.locator("#q").press_sequentially("coff")
    page.locator(".ways li").first.wait_for()


def filled(page: Any) -> None:
    for item in page.locator(".card .put").all()[:3]:
        item.click()
        page.wait_for_timeout(200)
    page.goto(page.url.partition("/search")[0] + "/basket")


def compared(page: Any) -> None:
    page.locator("textarea").fill("coffee beans\n咖啡豆\ndesk lamp")
    page.locator("main .button").click()
    page.locator(".versus").last.wait_for()


SHOTS: list[tuple[str, str, str, str, tuple[int, int], Prepare]] = [
    ("home", "/?user=u000091", "en", "light", DESK, nothing),
    ("home-phone", "/?user=u000091", "zh", "dark", PHONE, nothing),
    ("completion", "/", "en", "light", DESK, typed),
    ("search", "/search?q=kettle&brand=Kochwell", "en", "light", DESK, nothing),
    ("search-phone", "/search?q=水壶", "zh", "light", PHONE, nothing),
    ("item", "/item/P000288", "en", "dark", DESK, nothing),
    ("item-phone", "/item/P000288", "zh", "light", PHONE, nothing),
    ("basket", "/search?q=coffee", "zh", "light", DESK, filled),
    ("you", "/you?user=u000091", "en", "light", DESK, nothing),
    ("you-phone", "/you?user=u000091", "zh", "dark", PHONE, nothing),
    ("console", "/console", "en", "light", DESK, nothing),
    ("console-trace", "/console/trace?query=coffee&user=u000091&why=P000073", "en", "dark", DESK, nothing),
    ("console-compare", "/console/compare", "zh", "light", DESK, compared),
]
"""Name, address, language, appearance, size, and what is done before the picture is taken."""


def take(browser: Any, shop: str, shot: tuple[str, str, str, str, tuple[int, int], Prepare]) -> None:
    name, address, language, scheme, (width, height), prepare = shot
    settings: dict[str, Any] = {"viewport": {"width": width, "height": height}, "locale": LOCALES[language], "color_scheme": scheme}
    context = browser.new_context(**settings, reduced_motion="reduce", **(TOUCH if (width, height) == PHONE else {}))
    context.add_cookies([{"name": "aisle_consent", "value": "no", "url": shop}])
    page = context.new_page()
    page.goto(shop + address)
    prepare(page)
    page.wait_for_load_state("networkidle")
    page.locator(".toast span").evaluate_all("all => all.forEach(one => one.remove())")
    page.mouse.move(0, 0)
    page.screenshot(path=FOLDER / f"{name}.png")
    context.close()
    smaller(FOLDER / f"{name}.png")


def smaller(path: Path) -> None:
    """Fewer colours, where there is Pillow."""
    if importlib.util.find_spec("PIL"):
        image = importlib.import_module("PIL.Image").open(path)
        image.convert("RGB").quantize(COLOURS).save(path, optimize=True)


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as running:
        opened = running.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        for one in SHOTS:
            take(opened, sys.argv[1].rstrip("/"), one)
        opened.close()
