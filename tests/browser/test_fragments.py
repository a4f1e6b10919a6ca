"""What htmx does in a real browser: a page stays and a piece of it changes, the focus with it; twice is once; failures end in a page."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import Visit, Visitor

STAYS = "window.stays = true"


def mark(me: Visitor, path: str) -> None:
    """Open a page and leave a mark that a new page would not have."""
    me.go(path)
    me.page.evaluate(STAYS)


def stayed(me: Visitor) -> bool:
    return bool(me.page.evaluate("window.stays === true"))


def held(me: Visitor, number: int) -> None:
    """Wait until the basket holds so many."""
    me.page.locator("#held", has_text=str(number)).wait_for()


def focus(me: Visitor) -> str:
    """The form that the button with the focus sends, or the link's or the element's name."""
    return str(me.page.evaluate("(one => one.getAttribute('formaction') || one.getAttribute('href') || one.id)(document.activeElement)"))


def test_a_click_puts_in_the_basket_without_a_new_page_and_keeps_the_focus(visit: Visit):
    me = visit()
    mark(me, "/search?q=lamp")
    me.page.locator(".main .put").first.focus()
    me.page.keyboard.press("Enter")
    held(me, 1)
    assert "In your basket" in str(me.page.locator("#toast").text_content())
    me.page.locator(".main .put.done").wait_for()
    assert (stayed(me), focus(me)) == (True, "/do/add")
    me.page.locator(".toast span", has_text="basket").wait_for(state="hidden")
    me.go("/")
    assert me.page.locator(".toast span").count() == 0, "what was said is not said again"


def test_pressed_twice_is_once_and_three_at_once_are_three(visit: Visit):
    me = visit()
    mark(me, "/search")
    me.page.locator(".main .card").first.hover()
    me.page.locator(".main .put").first.dblclick()
    held(me, 1)
    me.page.locator(".main .put").evaluate_all("all => all.slice(1, 4).forEach(one => one.click())")
    held(me, 4)
    me.page.wait_for_timeout(300)
    assert (stayed(me), me.text("#held")) == (True, "4")
    me.go("/basket")
    assert me.page.locator(".lines > li").count() == 4


def test_a_hidden_card_goes_and_the_focus_goes_to_the_next(visit: Visit):
    me = visit()
    mark(me, "/")
    cards = me.page.locator(".shelf").first.locator(".card")
    before, second = cards.count(), cards.nth(1).locator("a").first.get_attribute("href")
    cards.first.locator(".no").focus()
    me.page.keyboard.press("Enter")
    me.page.locator("#toast span", has_text="not see it again").wait_for()
    cards.nth(before - 1).wait_for(state="detached")
    assert (stayed(me), cards.count(), focus(me)) == (True, before - 1, second)


def test_the_basket_counts_up_and_down_where_it_is(visit: Visit):
    me = visit()
    me.go("/item/lamp_red")
    me.page.locator(".buy .button").first.click()
    held(me, 1)
    mark(me, "/basket")
    more, less = me.page.locator(".many button").last, me.page.locator(".many button").first
    more.focus()
    for number in (2, 3):
        me.page.keyboard.press("Enter")
        held(me, number)
        assert focus(me) == "/do/add"
    for number in (2, 1):
        less.click()
        held(me, number)
    assert me.text(".many span") == "1"
    me.page.locator(".what .clear").click()
    me.page.locator(".empty h1").wait_for()
    assert "Removed" in str(me.page.locator("#toast").text_content())
    assert (stayed(me), focus(me), me.page.locator("#held").is_hidden()) == (True, "content", True)


def test_what_slips_under_the_pointer_is_not_pressed_too(visit: Visit):
    me = visit()
    me.go("/search")
    me.page.locator(".main .put").evaluate_all("all => all.slice(0, 3).forEach(one => one.click())")
    held(me, 3)
    me.go("/basket")
    me.page.locator(".what .clear").first.dblclick(delay=150)
    held(me, 2)
    me.page.locator(".many button").first.dblclick(delay=150)
    held(me, 1)
    me.page.wait_for_timeout(300)
    assert me.text("#held") == "1"
    me.page.locator(".many button").last.dblclick()
    held(me, 3)


def unwell(me: Visitor, lost: bool) -> None:
    """What htmx sends is answered with a fault, or lost; a form sent without it gets through."""

    def answer(route: Any) -> None:
        if "hx-request" not in route.request.headers:
            route.continue_()
        elif lost:
            route.abort()
        else:
            route.fulfill(status=503, body="<p>broken</p>", content_type="text/html")

    me.page.route("**/do/*", answer)


@pytest.mark.parametrize("lost", [False, True], ids=["fault", "lost"])
def test_where_a_request_fails_the_form_is_sent_as_without_a_script(visit: Visit, lost: bool):
    me = visit()
    unwell(me, lost)
    mark(me, "/search?q=lamp")
    me.page.locator(".main .put").first.focus()
    with me.page.expect_navigation():
        me.page.keyboard.press("Enter")
    assert me.page.evaluate("window.stays") is not True
    held(me, 1)
    assert "q=lamp" in me.page.url
    me.page.locator("#q").press_sequentially("s")
    me.page.wait_for_timeout(300)
    assert me.page.locator("#ways").is_hidden()
    assert me.troubles
    me.troubles.clear()


def test_the_console_rests_while_it_is_paused_or_looked_at_closely(visit: Visit):
    operator, shopper = visit(), visit()
    shopper.go("/search?q=lamp")
    operator.go("/console/requests")
    operator.page.locator("#rows a").first.focus()
    shopper.go("/search?q=shoe")
    operator.page.wait_for_timeout(2_500)
    assert operator.page.locator("#rows td", has_text="shoe").count() == 0
    operator.page.locator("#pause").click()
    operator.page.wait_for_timeout(2_500)
    assert operator.page.locator("#rows td", has_text="shoe").count() == 0
    operator.page.locator("#pause").click()
    operator.page.locator("#rows td", has_text="shoe").wait_for()


def test_what_the_policy_refuses_would_be_noticed(visit: Visit):
    me = visit()
    me.go("/")
    assert me.troubles == []
    me.page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">x</p>')")
    me.page.wait_for_timeout(100)
    assert "style-src" in " ".join(me.troubles)
    me.troubles.clear()


@pytest.mark.parametrize("path", ["/", "/console"])
def test_light_and_dark_change_without_a_new_page_and_are_kept(visit: Visit, path: str):
    me = visit(scheme="dark")
    mark(me, path)
    for chosen in ("light", "dark", "light"):
        with me.page.expect_response("**/do/theme") as answer:
            me.page.locator("#theme").click()
        assert (answer.value.status, me.page.locator("html").get_attribute("data-theme")) == (204, chosen)
    assert (stayed(me), me.page.evaluate("document.activeElement.id")) == (True, "theme")
    me.page.reload()
    assert me.page.locator("html").get_attribute("data-theme") == "light"
