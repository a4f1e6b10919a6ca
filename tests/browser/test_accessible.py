"""axe finds nothing to complain of on any page, in light and dark, at a desk and on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.conftest import DESK, PHONE, Visit, Visitor

AXE = (Path(__file__).parent / "axe.min.js").read_text(encoding="utf-8")
SEARCHES = ["/search?q=lamp&category=Home", "/search?q=zeppelin"]
STORE = ["/", *SEARCHES, "/item/lamp_red", "/basket", "/you", "/you/forget", "/nothing", "/login"]
CONSOLE = ["", "/requests", "/queries", "/trace?query=lamp&why=lamp_red", "/report", "/quality", "/bundles", "/compare", "/catalogue"]
ALL, CHANGING = "null", "['color-contrast', 'label-content-name-mismatch', 'scrollable-region-focusable']"
"""Every rule, and those whose outcome colours, words and widths may change."""
RUN = """async () => (await axe.run(document, {resultTypes: ['violations'], runOnly: RULES || undefined})).violations
    .map(found => `${found.id}: ${found.nodes.slice(0, 3).map(node => node.html.slice(0, 160)).join(' | ')}`)"""


def complaints(visitor: Visitor, rules: str = ALL) -> list[str]:
    visitor.page.evaluate(AXE)
    return list(visitor.page.evaluate(RUN.replace("RULES", rules)))


@pytest.mark.parametrize(
    ("scheme", "size", "language", "rules"), [("light", DESK, "en", ALL), ("dark", PHONE, "zh", CHANGING)], ids=["desk", "phone"]
)
def test_axe_is_content(visit: Visit, scheme: str, size: tuple[int, int], language: str, rules: str):
    me = visit(language, size, scheme)
    me.go("/item/lamp_blue")
    me.page.locator(".buy .button").first.click()
    me.page.locator("#held", has_text="1").wait_for()
    found = {}
    for path in [*STORE, *(f"/console{place}" for place in CONSOLE)]:
        me.go(path)
        found[path] = complaints(me, rules)
    me.troubles = [said for said in me.troubles if "404" not in said and "[DOM]" not in said]
    assert {path: said for path, said in found.items() if said} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_is_content_with_menus_and_suggestions_open(visit: Visit, scheme: str):
    me = visit(scheme=scheme)
    me.go("/search?q=lamp")
    me.page.locator("details.menu").evaluate_all("all => all.forEach(one => one.open = true)")
    me.page.locator("#q").fill("")
    me.page.locator("#q").press_sequentially("sh")
    me.page.locator(".ways li").first.wait_for()
    me.page.keyboard.press("ArrowDown")
    assert complaints(me) == []
