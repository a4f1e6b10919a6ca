"""The storefront as a person uses it: with a mouse, with the keyboard alone, without a script, on a phone, in both languages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.browser.conftest import DESK, PHONE, Visit, Visitor

SAID = {
    "en": {
        "type": "red", "lamp": "Red desk lamp", "new": "Popular with everyone", "you": "Picked for you", "nothing": "Nothing yet",
        "hidden": "You will not see it again", "kept": "steps are kept", "forgotten": "Everything is forgotten",
    },
    "zh": {
        "type": "红", "lamp": "红色台灯", "new": "大家都在看", "you": "为您推荐", "nothing": "暂无记录",
        "hidden": "以后不再显示", "kept": "条记录", "forgotten": "已全部删除",
    },
}  # fmt: skip


def heading(visitor: Visitor) -> str:
    return visitor.text(".shelf .head h2")


def find(visitor: Visitor, typed: str, wanted: str) -> None:
    """Type a few letters, take the way on that is meant."""
    visitor.page.locator("#q").press_sequentially(typed)
    visitor.page.locator(".ways li", has_text=wanted).first.click()
    visitor.page.wait_for_url("**/search?q=*")


def buy(me: Visitor, said: dict[str, str]) -> None:
    find(me, said["type"], said["lamp"])
    me.page.locator(".card a", has_text=said["lamp"]).first.click()
    me.page.wait_for_url("**/item/**")
    assert me.text("h1") == said["lamp"]
    me.page.locator(".buy .button").first.click()
    me.page.locator("#held", has_text="1").wait_for()


def hide(me: Visitor, said: dict[str, str]) -> None:
    first = me.titles()[0]
    me.page.locator(".shelf .card").first.hover()
    me.page.locator(".shelf .no").first.click()
    me.page.locator(".toast", has_text=said["hidden"]).wait_for()
    me.page.locator(".shelf", has_text=first).first.locator(".card.htmx-swapping").wait_for(state="detached")
    me.page.reload()
    assert first not in me.page.locator(".card :is(h2, h3)").all_inner_texts()


@pytest.mark.parametrize("size", [DESK, PHONE])
def test_a_notice_covers_neither_the_question_nor_its_answers(visit: Visit, size: tuple[int, int]):
    me = visit(size=size)
    me.go("/item/lamp_red")
    me.page.locator(".buy .button").first.click()
    notice, question = me.page.locator(".toast span"), me.page.locator(".ask")
    notice.wait_for()
    told, asked = notice.bounding_box(), question.bounding_box()
    assert told["y"] > 0 and told["y"] + told["height"] <= asked["y"]
    question.locator("button").last.click()
    me.page.locator(".buy .button").first.click()
    notice.wait_for()
    told = notice.bounding_box()
    assert size[1] / 2 < told["y"] and told["y"] + told["height"] < size[1], "where nothing is asked it stands at the foot of the window"


def take_along(me: Visitor) -> list[str]:
    """The kinds of events in the file that a visitor may take along."""
    with me.page.expect_download() as download:
        me.page.locator(".yours a[download]").click()
    return sorted(event["type"] for event in json.loads(Path(download.value.path()).read_text(encoding="utf-8"))["events"])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_shopper_finds_buys_hides_looks_at_himself_and_is_forgotten(visit: Visit, language: str):
    said, me = SAID[language], visit(language)
    me.go("/")
    assert heading(me) == said["new"]
    buy(me, said)
    me.page.locator(".sign").click()
    me.page.wait_for_url(me.shop + "/")
    assert heading(me) == said["you"]
    assert said["lamp"] in " ".join(me.page.locator(".reason").all_inner_texts())
    hide(me, said)
    me.go("/basket")
    assert said["lamp"] in me.text(".lines")
    me.page.locator(".many button").last.click()
    me.page.locator(".many span", has_text="2").wait_for()
    me.go("/you")
    assert said["kept"] in me.text(".yours")
    assert take_along(me) == ["cart", "cart", "click", "dismiss", "query"]
    me.page.locator("a[href='/you/forget']").click()
    me.page.locator("main form button").click()
    me.page.locator(".toast", has_text=said["forgotten"]).wait_for()
    assert heading(me) == said["new"]
    me.go("/you")
    assert said["nothing"] in me.text()


def test_filters_chips_and_sorting(visit: Visit):
    me = visit()
    me.go("/search")
    everything = len(me.titles(".main"))
    me.page.locator(".facet a", has_text="Home").click()
    me.page.wait_for_url("**category=Home*")
    assert 0 < len(me.titles(".main")) < everything
    me.page.locator(".order summary").click()
    me.page.locator(".order a", has_text="low to high").click()
    me.page.wait_for_url("**sort=price*")
    prices = [float(text.strip("$€¥ ").split()[0]) for text in me.page.locator(".main .price").all_inner_texts()]
    assert prices == sorted(prices)
    me.page.locator(".chosen .chip").click()
    me.page.wait_for_url(lambda address: "category" not in address)
    assert len(me.titles(".main")) == everything
    me.page.locator("input[name=high]").first.fill("20")
    me.page.locator("input[name=high]").first.press("Enter")
    me.page.wait_for_url("**high=20*")
    assert "Up to 20" in me.text(".chosen")


def test_the_keyboard_alone_is_enough(visit: Visit):
    me = visit()
    me.go("/")
    me.page.keyboard.press("Tab")
    assert me.page.evaluate("document.activeElement.className") == "skip"
    me.page.keyboard.press("Enter")
    assert me.page.evaluate("document.activeElement.id") == "content"
    me.page.locator("#q").focus()
    me.page.keyboard.type("lam")
    me.page.locator(".ways li").first.wait_for()
    typed = me.page.locator(".ways li").all_inner_texts()
    me.page.keyboard.press("ArrowDown")
    assert me.page.locator("#q").input_value() in typed[0]
    assert me.page.locator("#q").get_attribute("aria-activedescendant") == "way0"
    me.page.keyboard.press("ArrowUp")
    assert me.page.locator("#q").input_value() == "lam"
    me.page.keyboard.press("Escape")
    assert me.page.locator(".ways").is_hidden()
    me.page.keyboard.press("Enter")
    me.page.wait_for_url("**/search?q=lam*")
    me.page.locator(".main .card a").first.focus()
    assert me.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    me.page.keyboard.press("Tab")
    me.page.keyboard.press("Enter")
    me.page.locator("#held", has_text="1").wait_for()
    me.page.locator("details.menu summary").first.focus()
    me.page.keyboard.press("Enter")
    me.page.locator("details.menu[open]").wait_for()
    me.page.keyboard.press("Escape")
    assert me.page.locator("details.menu[open]").count() == 0


def test_without_a_script_everything_works_but_slower(visit: Visit):
    me = visit(script=False)
    me.go("/")
    me.page.locator("#q").fill("lamp")
    me.page.locator(".find > button").click()
    assert "Results for “lamp”" in me.text()
    me.page.locator(".main .card a").first.click()
    me.page.locator(".buy .button").first.click()
    assert "In your basket" in me.page.locator(".toast").text_content()
    me.page.locator(".buy .button").last.click()
    assert "You will not see it again" in me.page.locator(".toast").text_content()
    me.page.locator("#theme").click()
    assert me.page.locator("html").get_attribute("data-theme") == "dark"
    me.page.locator(".ask button").last.click()
    assert me.page.locator(".ask").count() == 0
    me.page.locator(".tongue").click()
    assert me.page.locator("html").get_attribute("lang") == "zh-CN"


def test_light_and_dark_follow_the_system_until_they_are_chosen_and_then_stay(visit: Visit):
    me = visit(scheme="dark")
    me.go("/")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = me.page.evaluate(ground)
    with me.page.expect_response("**/do/theme"):
        me.page.locator("#theme").click()
    light = me.page.evaluate(ground)
    assert (dark, light) == ("rgb(18, 19, 21)", "rgb(255, 255, 255)")
    me.page.reload()
    assert me.page.evaluate(ground) == light


def test_the_shop_can_be_seen_as_a_shopper(visit: Visit):
    me = visit()
    me.go("/")
    me.page.locator("details.menu summary").first.click()
    me.page.locator(".sheet button", has_text="Shopper u").first.click()
    me.page.wait_for_load_state()
    assert heading(me) == "Picked for you"
    me.go("/you")
    assert "You are seen as shopper u" in me.text()


def test_what_comes_into_sight_is_told_only_after_consent(visit: Visit):
    me = visit()

    def told() -> list[str]:
        events = me.page.context.request.get(f"{me.shop}/you/export").json()["events"]
        return [event["item_id"] for event in events if event["type"] == "impression"]

    me.go("/item/lamp_red")
    me.go("/search?q=lamp")
    me.go("/basket")
    assert told() == []
    me.page.locator(".ask button").last.click()
    me.page.wait_for_url("**/basket")
    me.go("/search?q=lamp")
    me.page.wait_for_timeout(300)
    me.go("/basket")
    me.page.wait_for_timeout(300)
    assert "lamp_blue" in told()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_nothing_is_wider_than_a_phone(visit: Visit, language: str):
    me = visit(language, PHONE)
    for path in ("/", "/search?q=lamp", "/search?q=zeppelin", "/item/lamp_red", "/basket", "/you", "/you/forget", "/nothing", "/login"):
        me.go(path)
        assert me.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
    me.troubles = [said for said in me.troubles if "404" not in said]


def test_hostile_words_in_the_address_do_nothing(visit: Visit):
    me = visit(size=DESK)
    me.go("/search?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E%E2%80%AE%E2%80%8B&brand=%3Cimg%20src=x%20onerror=alert(1)%3E")
    me.page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    assert "<script>alert(1)</script>" in me.text("h1")
