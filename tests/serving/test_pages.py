"""The storefront: what a shopper sees, in two languages, without a script; hostile text stays text, and pages stay small."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from aisle.core.errors import StageError
from aisle.serving import words
from aisle.serving.cards import pieces
from aisle.serving.live import Live
from aisle.serving.pages_product import variants
from aisle.serving.picture import picture
from aisle.serving.view import View
from tests.serving.fakes import FakeEngine
from tests.serving.seen import HTMX, see

FACETS = ("category", "brand")
HOSTILE = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'{{7*7}}&amp;"


def test_the_front_page_has_a_row_for_the_user_and_says_what_it_rests_on(client: TestClient):
    text = see(client, "/?user=42").text
    assert "Picked for you" in text
    assert "From 38 steps" in text
    assert "Often bought with Brass reading lamp" in text
    assert "Your aisles" in text


def test_a_stranger_is_not_told_that_things_were_picked_for_him(client: TestClient):
    for address in ("/", "/?user=nobody"):
        text = see(client, address).text
        assert "Picked for you" not in text
        assert "Popular with everyone" in text


def test_the_front_page_leads_to_every_department(client: TestClient):
    assert {f"/search?category={name}" for name in ("Home", "Kitchen", "Outdoor")} <= set(see(client, "/").links())


def test_a_search_shows_titles_prices_counts_and_marks_the_words(client: TestClient):
    seen = see(client, "/search?q=red+lamp")
    assert "Results for “red lamp”" in seen.text
    assert "€39.90" in seen.text
    assert "1 item" in seen.text
    assert seen.all("mark") == [{}, {}]


def test_a_query_in_the_front_pages_address_leads_to_its_results(client: TestClient):
    assert "Results for “red lamp”" in see(client, "/?q=red+lamp").text


def test_every_link_of_a_result_page_leads_somewhere(client: TestClient):
    seen = see(client, "/search?q=red&user=42&sort=price&brand=Lumen")
    for link in {link for link in seen.links() if link not in ("#content", "/console")}:
        assert client.get(link, headers={"Accept": "text/html"}).status_code == 200


def test_links_keep_the_query_and_the_filters(client: TestClient):
    for link in see(client, "/search?q=red&brand=Lumen&high=60").links():
        if "sort=" in link or "category=" in link:
            assert {"q": "red", "brand": "Lumen", "high": "60"}.items() <= dict(parse_qsl(urlsplit(link).query)).items()


def test_filters_reach_the_engine_and_can_be_taken_away(client: TestClient, engine: FakeEngine):
    seen = see(client, "/search?q=red&category=Home+%3E+Lamps&low=10")
    asked = [request for request in engine.asked if request.facets][-1]
    assert asked.filters["category"].any_of == ("Home > Lamps",)
    assert asked.filters["price"].gte == 10
    assert "2 items" in seen.text
    assert {"/search?q=red&low=10", "/search?q=red&category=Home+%3E+Lamps", "/search?q=red"} <= set(seen.links())


def test_categories_are_walked_a_step_at_a_time(client: TestClient):
    assert "/search?category=Kitchen+%3E+Mugs" not in see(client, "/search").links()
    links = see(client, "/search?category=Kitchen").links()
    assert "/search?category=Kitchen+%3E+Mugs" in links
    assert "/search" in links


def test_a_list_of_one_category_is_called_after_it(client: TestClient):
    assert "Mugs" in see(client, "/search?category=Kitchen+%3E+Mugs").text.partition("2 items")[0]


def test_a_chosen_brand_still_shows_the_others(client: TestClient):
    links = see(client, "/search?brand=Lumen").links()
    assert "/search?brand=Lumen&brand=Nord" in links
    assert "/search" in links


def test_attributes_of_the_shops_own_filter_when_they_fit(client: TestClient, engine: FakeEngine):
    for number, item in enumerate(engine.items.values()):
        item |= {"colour": ("red", "blue", "sand")[number % 3], "serial": f"S{number}", "sort": "a" if number % 2 else "b"}
    seen = see(client, "/search?colour=red")
    assert "Colour" in seen.text
    assert "/search?colour=red&colour=blue" in seen.links()
    assert not [link for link in seen.links() if "serial=" in link or "sort=a" in link]


def test_a_shop_without_categories_or_brands_can_be_searched(client: TestClient, engine: FakeEngine):
    engine.items = {"a": {"item_id": "a", "title": "red thing"}}
    assert "1 item" in see(client, "/search?q=red&brand=x&category=y").text


def test_sorting_and_pages_reach_the_engine(client: TestClient, engine: FakeEngine):
    see(client, "/search?q=e&sort=-price&page=3")
    asked = [request for request in engine.asked if request.facets][-1]
    assert (asked.sort, asked.offset, asked.limit) == ("-price", 48, 24)


def test_pages_can_be_turned(client: TestClient, engine: FakeEngine):
    engine.items = {f"B{n}": {"item_id": f"B{n}", "title": f"Red thing {n}"} for n in range(200)}
    seen = see(client, "/search?q=red&page=4")
    assert {"/search?q=red", "/search?q=red&page=3", "/search?q=red&page=5", "/search?q=red&page=9"} <= set(seen.links())
    assert "/search?q=red&page=10" not in seen.links()


def test_a_product_page_shows_the_item_its_path_and_its_neighbours(client: TestClient):
    seen = see(client, "/item/A0")
    assert "In stock" in seen.text
    assert "Similar items" in seen.text
    assert "/search?category=Home+%3E+Lamps" in seen.links()
    assert "/item/A0?lang=zh" in seen.links()


def test_an_item_that_is_sold_out_says_so_and_is_not_sold(client: TestClient):
    seen = see(client, "/item/A3")
    assert "Out of stock" in seen.text
    assert "|A3" not in "".join(seen.tokens("/do/add"))


def test_variants_are_told_apart_by_what_differs():
    items = {
        "a": {"item_id": "a", "title": "Mug", "colour": "Red", "size": "S", "material": "clay"},
        "b": {"item_id": "b", "title": "Mug", "colour": "Blue", "size": "L", "material": "clay"},
    }
    assert variants("a", items, "en") == [("Blue · L", "/item/b", False), ("Red · S", "/item/a", True)]
    assert variants("a", {"a": items["a"]}, "en") == []
    twins = {name: {**items["a"], "price": price, "currency": "EUR"} for name, price in (("a", 9.0), ("c", 8.0))}
    assert [told for told, _, _ in variants("a", twins, "en")] == ["Mug · €8.00", "Mug · €9.00"]


def test_ids_with_any_sign_in_them_have_their_page(client: TestClient, engine: FakeEngine):
    name = "a/b?c#d 50%&é灯"
    engine.items = {name: {"item_id": name, "title": "Odd one"}, "other": {"item_id": "other", "title": "Other one"}}
    link = next(link for link in see(client, "/search?q=odd").links() if link.startswith("/item/"))
    assert "Odd one" in see(client, link).text


def test_chinese_pages_show_chinese_words_and_titles(client: TestClient):
    seen = see(client, "/search?q=red&lang=zh")
    assert "红色台灯" in seen.text
    assert "的搜索结果" in seen.text
    assert seen.tags[0] == ("html", {"lang": "zh-CN"})


def test_the_browsers_language_decides_where_the_address_names_none(client: TestClient):
    accepted = {"Accept-Language": "de;q=1, zh-CN;q=0.9, en;q=0.8"}
    assert seen_language(client, "/", **accepted) == "zh-CN"
    assert seen_language(client, "/?lang=en", **accepted) == "en"
    assert seen_language(client, "/") == "en"


def seen_language(client: TestClient, address: str, **headers: str) -> str:
    return see(client, address, **headers).tags[0][1]["lang"]


def test_both_languages_know_the_same_words_with_the_same_blanks():
    english, chinese = words.strings()["en"], words.strings()["zh"]
    assert english.keys() == chinese.keys()
    for key in english:
        assert set(re.findall(r"{\w+}", english[key])) == set(re.findall(r"{\w+}", chinese[key])), key


def test_nothing_found_and_nothing_there_are_pages_too(client: TestClient, engine: FakeEngine):
    assert "Nothing matches" in see(client, "/search?q=zeppelin").text
    engine.items = {}
    assert "Nothing to show yet" in see(client, "/").text


def test_a_list_that_is_longer_than_what_matches_says_so(client: TestClient, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch):
    assert "1 item matches" not in see(client, "/search?q=kettle").text
    answer = engine.answer
    monkeypatch.setattr(engine, "answer", lambda requests: [replace(one, total=1) for one in answer(requests)])
    assert "1 item matches, others come near" in see(client, "/search?q=kettle").text
    assert "1 件商品匹配，另有相近商品" in see(client, "/search?q=kettle&lang=zh").text


def test_a_correction_and_a_thin_answer_are_said(client: TestClient, engine: FakeEngine):
    engine.correction, engine.skipped = "red", ("dense",)
    text = see(client, "/search?q=red").text
    assert "Showing results for red" in text
    assert "may be incomplete" in text


@pytest.mark.parametrize("address", ["/item/nope", "/item/", "/nothing/here"])
def test_what_is_not_there_is_a_page_for_people_and_a_problem_for_programs(client: TestClient, address: str):
    assert "This page is not here" in see(client, address, 404).text
    if not address.startswith("/item"):
        assert client.get(address, headers={"Accept": "application/json"}).json()["code"] == "not_found"


@pytest.mark.parametrize("address", ["/", "/search?q=red", "/item/A0", "/basket"])
def test_a_fault_of_the_server_is_a_page_without_its_insides(client: TestClient, engine: FakeEngine, address: str):
    engine.error = StageError("Column `secret` is not there.")
    text = see(client, address, 500).text
    assert "Something broke on our side" in text
    assert "secret" not in text


def test_a_busy_shop_says_so(client: TestClient, live: Live):
    live.reads.patience = -1
    assert "very busy" in see(client, "/", 503).text


@pytest.mark.parametrize("address", ["/", "/search?q=nothing+fits+this", "/item/A0", "/you"])
def test_a_page_that_was_let_in_is_not_sent_away_half_drawn(client: TestClient, live: Live, engine: FakeEngine, address: str):
    asked = list[float | None]()
    submit = live.reads.submit

    def crowded(*given: Any, **named: Any) -> Any:
        future = submit(*given, **named)
        asked.append(named.get("patience"))
        live.reads.wait = lambda: 99.0  # whoever comes now stands behind many
        return future

    live.reads.submit = crowded
    see(client, address, 200)
    assert "very busy" in see(client, address, 503).text, "a new page is sent away"
    assert address == "/you" or len(asked) > 1


def test_a_page_bears_a_longer_line_than_one_question(client: TestClient, live: Live):
    live.reads.patience = 0.03
    live.reads.wait = lambda: 0.2
    see(client, "/", 200)
    assert client.post("/v1/search", json={"query": "x"}).status_code == 503
    live.reads.wait = lambda: 0.4
    see(client, "/", 503)


def test_hostile_words_in_addresses_stay_words(client: TestClient):
    for address in ("/search", "/item/A0", "/item/nope", "/basket", "/you"):
        params = {name: HOSTILE for name in ("q", "user", "category", "brand", "lang", "sort", "page", "low", "high", "from")}
        status = 404 if address == "/item/nope" else 200
        response = client.get(address, params=params, headers={"Accept": "text/html"})
        assert response.status_code == status
        assert "<script>" not in response.text
        assert "<img src=x" not in response.text
        assert ">49" not in response.text


ODD = ["灯" * 350_000, "🧨🧨", "\u202eshop\u202d", "\u200b\u200d\ufeff", "' OR 1=1; --", "%00\x00", "{{7*7}}", "a\u0301" * 500]


@pytest.mark.parametrize("odd", ODD, ids=["1 MB", "emoji", "right to left", "no width", "SQL", "zero", "template", "marks"])
def test_odd_queries_and_titles_are_words_like_others(client: TestClient, engine: FakeEngine, odd: str):
    engine.items["A0"] = {"item_id": "A0", "title": odd, "category": odd, "brand": odd, "description": odd}
    for address in (f"/search?q={quote(odd[:6_000])}", "/", "/item/A0", "/search?q=red"):
        see(client, address)
    for form in ({"item": f"|{odd}"}, {"item": "|A0", "back": odd}, {"answer": odd}, {"theme": odd}, {"user": odd}):
        for action in ("add", "hide", "remove", "consent", "theme", "as"):
            assert client.post(f"/do/{action}", data=form).status_code in (200, 404, 413)


def test_hostile_words_in_the_catalogue_stay_words(client: TestClient, engine: FakeEngine):
    item = {name: HOSTILE for name in ("title", "title_zh", "description", "category", "brand", "currency", "image", HOSTILE)}
    engine.items = {HOSTILE: {"item_id": HOSTILE, "price": 1.0, "in_stock": 1.0, **item}, "b": {"item_id": "b", "title": "x"}}
    page = "/item/" + quote(HOSTILE, safe="")
    for address in ("/", "/search?q=script&lang=zh", "/search?sort=price", page, "/item/b"):
        see(client, address)
    client.post("/do/add", data={"item": f"|{HOSTILE}"}, headers=HTMX)
    see(client, "/basket")


ELSEWHERE = [
    "https://cdn.test/x.png",
    "javascript:alert(1)",
    "data:text/html,<b>",
    "data:image/png;base64,?",
    "data:image/png," + "A" * 70_000,
]


@pytest.mark.parametrize("image", ELSEWHERE)
def test_only_small_images_inside_the_catalogue_are_shown(client: TestClient, engine: FakeEngine, image: str):
    engine.items = {"a": {"item_id": "a", "title": "x", "image": image}}
    assert not see(client, "/search?q=x").all("img")


def test_an_image_inside_the_catalogue_has_an_address(client: TestClient, engine: FakeEngine):
    for written in ("data:image/svg+xml,<svg/>", "data:image/svg+xml;charset=utf-8,%3Csvg/%3E", "data:image/svg+xml;base64,PHN2Zy8+"):
        engine.items = {"a": {"item_id": "a", "title": "x", "image": written}}
        assert [attrs["src"] for attrs in see(client, "/search?q=x").all("img")] == ["/image/a"]
        image = client.get("/image/a")
        assert (image.content, image.headers["content-type"]) == (b"<svg/>", "image/svg+xml")
        assert "sandbox" in image.headers["content-security-policy"]


def test_the_largest_page_stays_small(client: TestClient, engine: FakeEngine):
    long = {"title": "灯" * 500, "brand": "牌" * 500, "description": "x" * 90_000, "image": "data:image/png," + "A" * 1_900}
    further = {f"attribute {n}": "y" * 5_000 for n in range(80)}
    names = [f"{'i' * 40}{n}" for n in range(600)]
    engine.items = {name: {"item_id": name, **long, "category": f"{name[-3:]}{'类' * 60}", **further} for name in names}
    for address in (f"/search?q={'灯' * 100}", "/?user=" + "u" * 100, "/item/" + "i" * 40 + "5"):
        see(client, address)


def test_files_are_served_and_nothing_beside_them(client: TestClient):
    kinds = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
    for name in ("tokens.css", "store.css", "store.js", "htmx.min.js", "sign.svg"):
        assert client.get(f"/static/{name}").headers["content-type"].startswith(kinds[name.rpartition(".")[2]])
    assert client.get("/static/../words.py").status_code == 404
    assert client.get("/static/%2e%2e/words.py").status_code == 404


def test_a_file_asked_for_by_its_stamp_is_kept_for_good(client: TestClient):
    seen = see(client, "/")
    stamped = [link["href"] for link in seen.all("link", rel="stylesheet")] + [script["src"] for script in seen.all("script")]
    assert len(stamped) == 5
    for file in stamped:
        assert "immutable" in client.get(file).headers["cache-control"], file
    assert "immutable" not in client.get("/static/tokens.css").headers.get("cache-control", "")


def test_the_shop_is_looked_at_again_for_a_new_bundle_and_after_a_while(client: TestClient, engine: FakeEngine):
    def looks() -> int:
        see(client, "/search?q=red")
        return sum(request.limit == 120 for request in engine.asked)

    assert (looks(), looks()) == (1, 1)
    engine.bundle_id = "toy-9"
    assert looks() == 2


def test_head_asks_without_a_body(client: TestClient):
    response = client.head("/")
    assert (response.status_code, response.content) == (200, b"")


def test_every_field_has_a_label_and_every_page_its_landmarks(client: TestClient):
    for address in ("/?user=42", "/search?q=red", "/item/A0", "/search?q=zeppelin", "/basket", "/you", "/you/forget"):
        tags = see(client, address).tags
        named = {attrs["for"] for tag, attrs in tags if tag == "label"}
        fields = [attrs for tag, attrs in tags if tag == "input" and attrs.get("type") != "hidden"]
        assert all("aria-label" in attrs or attrs["id"] in named for attrs in fields)
        assert {"header", "main", "footer", "nav"} <= {tag for tag, _ in tags}
        assert sum(tag == "h1" for tag, _ in tags) == 1


def test_a_picture_is_the_same_every_time_and_differs_between_items():
    assert picture("A1", "Lamps") == picture("A1", "Lamps")
    assert len({picture(f"A{n}", "Lamps") for n in range(50)}) > 40


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        (39.9, "EUR", "€39.90"),
        (1234.5, "USD", "$1,234.50"),
        (1200.0, "JPY", "¥1,200"),
        (5.0, None, "5.00"),
        (5.0, "CHF", "5.00 CHF"),
        (None, "EUR", ""),
    ],
)
def test_prices(amount: float | None, currency: str | None, written: str):
    assert words.price(amount, currency) == written


@given(st.text(max_size=30), st.lists(st.tuples(st.integers(-5, 40), st.integers(-5, 40)), max_size=6))
def test_highlighting_never_changes_the_text(plain: str, spans: list[tuple[int, int]]):
    assert "".join(text for text, _ in pieces(plain, spans)) == plain


NAMES = st.sampled_from(["q", "user", "lang", "sort", "page", "category", "brand", "low", "high", "from"])


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(NAMES, st.text(max_size=30)), max_size=8))
def test_no_address_breaks_a_page(client: TestClient, params: list[tuple[str, str]]):
    params = [(name, value.encode("utf-8", "replace").decode()) for name, value in params]
    assert client.get("/search", params=params, headers={"Accept": "text/html"}).status_code == 200


@given(st.lists(st.tuples(NAMES, st.text(st.characters(codec="utf-8")))))
def test_an_address_written_back_reads_the_same(params: list[tuple[str, str]]):
    view = View.of("/search", params, FACETS)
    assert View.of("/search", parse_qsl(urlsplit(view.here).query), FACETS) == view
