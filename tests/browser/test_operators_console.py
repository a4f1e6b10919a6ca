"""The console as an operator uses it: requests come in, one is taken apart, an absent item is explained, a bundle is switched."""

from __future__ import annotations

import pytest

from tests.browser.conftest import PHONE, Visit


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_operator_sees_a_search_come_in_and_takes_it_apart(visit: Visit, language: str):
    operator, shopper = visit(language), visit()
    operator.go("/console/requests")
    shopper.go("/search?q=lamp")
    operator.page.locator("#rows td", has_text="lamp").wait_for()
    operator.page.locator("#pause").click()
    operator.page.locator("#rows tr", has_text="lamp").locator("a").first.click()
    operator.page.wait_for_url("**/console/trace?id=*")
    operator.page.locator("input[name=why]").fill("shoe_run, nope")
    operator.page.locator(".ask button").click()
    operator.page.wait_for_url("**why=*")
    assert "nope" in operator.text("section:has(.tag.warn)")
    operator.page.locator(".ranked summary").last.click()
    assert operator.page.locator(".ranked details[open] .parts").last.is_visible()


def test_an_operator_switches_bundles_and_back(visit: Visit):
    operator = visit()
    operator.go("/console/bundles")
    operator.page.locator("form[action='/console/activate'] button").first.click()
    operator.page.locator("tr", has_text="two").locator(".tag.good").wait_for()
    operator.page.locator("form[action='/console/rollback'] button").click()
    operator.page.locator("tr", has_text="one").locator(".tag.good").wait_for()


def test_what_a_row_offers_stands_at_the_height_of_the_row(visit: Visit):
    operator = visit()
    operator.go("/console/bundles")
    middles = [
        one.bounding_box()["y"] + one.bounding_box()["height"] / 2
        for one in operator.page.locator("tbody tr").first.locator("code, a").all()
    ]
    assert abs(middles[0] - middles[1]) < 3


@pytest.mark.parametrize("script", [True, False])
def test_on_a_phone_the_open_page_is_in_sight_among_the_others(visit: Visit, script: bool):
    operator = visit("zh", PHONE, script=script)
    operator.go("/console/catalogue")
    box = operator.page.locator(".rail [aria-current]").bounding_box()
    assert (box["x"] + box["width"] <= PHONE[0]) is script


def test_two_bundles_are_compared(visit: Visit):
    operator = visit()
    operator.go("/console/compare")
    operator.page.locator("textarea").fill("lamp\n@u1")
    operator.page.locator("main .button").click()
    operator.page.locator(".versus").first.wait_for()
    assert operator.page.locator(".versus").count() == 2
    assert "100" in operator.text(".tiles")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_console_fits_a_phone(visit: Visit, language: str):
    operator = visit(language, PHONE, "dark")
    for place in ("", "/requests", "/queries", "/trace?query=lamp", "/report", "/quality", "/bundles", "/compare", "/catalogue"):
        operator.go(f"/console{place}")
        assert operator.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, place
