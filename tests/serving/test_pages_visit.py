"""A visit: cookies that no script reads, events that the next page knows of, a basket, forms that work with and without a script."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from httpx import Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from aisle.core.errors import StageError, StateError
from aisle.serving.access import Gate
from aisle.serving.app import create_app
from aisle.serving.live import Live
from aisle.serving.options import Options
from aisle.serving.pages_basket import LARGEST, MOST_EACH, MOST_LINES, Basket
from aisle.serving.telemetry import Telemetry
from aisle.serving.view import local
from tests.serving.conftest import HOST
from tests.serving.fakes import FakeKeys
from tests.serving.remembering import Remembering
from tests.serving.seen import HTMX, Seen, see

KINDS = ("click", "cart", "dismiss", "purchase", "impression", "query")


@pytest.fixture
def engine() -> Remembering:
    return Remembering()


def told(engine: Remembering, kind: str) -> list[dict[str, object]]:
    return [dict(event) for event in engine.events.values() if event["type"] == kind]


def titles(seen: Seen) -> list[str]:
    return [token.partition("|")[2] for token in seen.tokens("/do/hide")]


def test_looking_at_the_front_page_leaves_no_trace(client: TestClient, engine: Remembering):
    assert "set-cookie" not in client.get("/", headers={"Accept": "text/html"}).headers
    assert engine.events == {}


def test_opening_a_product_is_a_click_of_this_visit_and_changes_the_front_page(client: TestClient, engine: Remembering):
    before = titles(see(client, "/"))[:12]
    see(client, "/item/A15")
    (click,) = told(engine, "click")
    assert (click["item_id"], click["consent"], click["session_id"]) == ("A15", False, client.cookies["aisle_session"])
    seen = see(client, "/")
    assert titles(seen)[:12] != before
    assert "Because you looked at Camp lantern, folding" in seen.text


def test_what_a_visitor_does_on_the_pages_is_counted_as_what_programs_report(client: TestClient, engine: Remembering):
    see(client, "/search?q=kettle")
    see(client, "/item/A15")
    assert len(engine.events) == 2
    assert 'aisle_events_total{outcome="stored"} 2.0' in client.get("/metrics").text


def test_a_click_says_where_the_item_stood_and_counts_once(client: TestClient, engine: Remembering):
    link = next(link for link in see(client, "/search?q=kettle").links() if link.startswith("/item/A6"))
    see(client, link)
    see(client, link)
    (click,) = told(engine, "click")
    (query,) = told(engine, "query")
    assert (click["surface"], click["rank"], click["query"]) == ("search", 1, "kettle")
    assert click["request_id"] == query["request_id"]


def test_the_visits_number_is_out_of_reach_of_scripts_and_ends_with_the_browser(client: TestClient):
    cookie = client.get("/item/A0").headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie
    assert "Max-Age" not in cookie


def test_who_agrees_is_remembered_and_who_does_not_is_not_asked_again(client: TestClient, engine: Remembering):
    assert "May this shop remember you?" in see(client, "/").text
    client.post("/do/consent", data={"answer": "yes", "back": "/"})
    assert "May this shop remember you?" not in see(client, "/").text
    see(client, "/item/A1")
    assert told(engine, "click")[0]["consent"] is True
    declined = client.post("/do/consent", data={"answer": "no"}, follow_redirects=False)
    kept = {line.partition("=")[0]: line for line in declined.headers.get_list("set-cookie")}
    assert "Max-Age" not in kept["aisle_session"]


@pytest.mark.parametrize("header", [{"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"}])
def test_a_page_fetched_in_advance_is_no_click(client: TestClient, engine: Remembering, header: dict[str, str]):
    client.get("/item/A0", headers=header)
    client.head("/item/A0")
    assert engine.events == {}


def test_what_cannot_be_noted_does_not_break_a_page(client: TestClient, engine: Remembering, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(engine, "record", lambda rows, now: (_ for _ in ()).throw(StateError("The disk is full.")))
    see(client, "/item/A0")
    see(client, "/search?q=red")
    assert held(client.post("/do/add", data={"item": "|A0"}, headers=HTMX)) == "1"
    assert client.post("/do/hide", data={"item": "|A0"}, headers=HTMX).status_code == 503


def test_the_basket_fills_empties_and_adds_up_without_a_script(client: TestClient, engine: Remembering):
    for item in ("A0", "A0", "A1"):
        assert client.post("/do/add", data={"item": f"home.2.r1|{item}", "back": "/search?q=red"}).url.path == "/search"
    seen = see(client, "/basket")
    assert "€143.80" in seen.text
    assert "Goes with your basket" in seen.text
    assert engine.asked[-1].items == ("A0", "A1")
    client.post("/do/less", data={"item": "|A0"})
    client.post("/do/remove", data={"item": "|A1"})
    assert "€39.90" in see(client, "/basket").text
    client.post("/do/less", data={"item": "|A0"})
    assert "Your basket is empty" in see(client, "/basket").text
    assert {(event["item_id"], event["surface"], event["rank"]) for event in told(engine, "cart")} == {("A0", "home", 2), ("A1", "home", 2)}


def test_an_order_counts_as_bought(client: TestClient, engine: Remembering):
    client.post("/do/add", data={"item": "|A7"})
    client.post("/do/add", data={"item": "|A7"})
    assert "Your pages know it already" in client.post("/do/order", data={}).text
    (bought,) = told(engine, "purchase")
    assert (bought["item_id"], bought["quantity"], bought["price"]) == ("A7", 2, 14.0)
    assert "aisle_basket" not in client.cookies
    assert client.post("/do/order", data={}).url.path == "/basket"


def test_what_is_hidden_is_gone_from_the_next_page(client: TestClient, engine: Remembering):
    first = titles(see(client, "/"))[0]
    assert "You will not see it again" in client.post("/do/hide", data={"item": f"home.0.r|{first}", "back": "/"}).text
    assert first not in titles(see(client, "/"))


def test_a_notice_is_shown_once(client: TestClient):
    assert "In your basket" in client.post("/do/add", data={"item": "|A0", "back": "/"}).text
    assert "In your basket" not in see(client, "/").text


def held(answer: Response) -> str:
    """The number beside the basket in a piece of a page."""
    return Seen(answer.text).text.split()[0]


def test_htmx_is_answered_with_what_changes_on_the_page_in_its_language(client: TestClient):
    client.get("/?lang=zh")
    answer = client.post("/do/add", data={"item": "|A0", "back": "/search"}, headers=HTMX, follow_redirects=False)
    seen = Seen(answer.text)
    assert (answer.status_code, seen.text.split()) == (200, ["1", "已加入购物车"])
    assert [attrs for _, attrs in seen.tags] == [{"id": "held", "hx-swap-oob": "true"}, {"hx-swap-oob": "innerHTML:#toast"}, {}]
    assert "aisle_said" not in client.cookies, "the next page says nothing again"
    assert held(client.post("/do/hide", data={"item": "|A1"}, headers=HTMX)) == "1"


def test_the_number_beside_the_basket_is_the_one_that_a_page_shows(client: TestClient):
    client.post("/do/add", data={"item": "|A0"})
    (shown,) = see(client, "/").all("b", id="held")
    (fresh,) = Seen(client.post("/do/hide", data={"item": "|A1"}, headers=HTMX).text).all("b", id="held")
    assert fresh == shown | {"hx-swap-oob": "true"}


def test_what_htmx_need_not_draw_is_answered_with_nothing(client: TestClient):
    answer = client.post("/do/theme", data={"theme": "dark"}, headers=HTMX)
    assert (answer.status_code, answer.content) == (204, b"")
    assert see(client, "/").tags[0][1]["data-theme"] == "dark"


def test_impressions_are_told_only_of_who_agreed(client: TestClient, engine: Remembering):
    assert "data-seen" not in client.get("/").text
    shown = {"item": ["home.0.r1|A0", "home.1.r1|A1", "|A2", "nonsense"]}
    client.post("/do/seen", data=shown)
    assert told(engine, "impression") == []
    client.post("/do/consent", data={"answer": "yes"})
    assert "data-seen" in client.get("/").text
    client.post("/do/seen", data=shown)
    assert [event["item_id"] for event in told(engine, "impression")] == ["A0", "A1"]


def test_language_and_appearance_are_remembered(client: TestClient):
    client.get("/?lang=zh")
    client.post("/do/theme", data={"theme": "dark", "back": "/"})
    assert see(client, "/").tags[0] == ("html", {"lang": "zh-CN", "data-theme": "dark"})
    client.post("/do/theme", data={"theme": "purple"})
    assert see(client, "/").tags[0][1]["data-theme"] == "dark"


def test_the_shop_can_be_seen_as_a_shopper_whose_history_gets_what_is_done(client: TestClient, engine: Remembering):
    client.post("/do/as", data={"user": "42", "back": "/"})
    assert "Picked for you" in see(client, "/").text
    see(client, "/item/A3")
    (click,) = told(engine, "click")
    assert click["user_id"] == "42"
    assert "session_id" not in click
    client.post("/do/as", data={"user": ""})
    assert "Picked for you" not in see(client, "/").text


@pytest.fixture
def public(live: Live) -> Iterator[TestClient]:
    gate = Gate(FakeKeys(), Options(storefront="public"))
    with TestClient(create_app(live, Telemetry(None, b"salt"), "Toys", gate), base_url=HOST) as one:
        yield one


def test_on_a_public_storefront_nobody_is_seen_as_someone_else(public: TestClient, engine: Remembering):
    public.post("/do/as", data={"user": "42"})
    public.cookies.set("aisle_user", "42")
    text = see(public, "/?user=42").text
    assert "Picked for you" not in text
    assert "See the shop as" not in text
    see(public, "/item/A0")
    assert "user_id" not in told(engine, "click")[0]
    assert '"42"' not in public.get("/you/export").text


@pytest.mark.parametrize("path", ["/", "/search", "/item/A0", "/basket", "/you", "/do/complete"])
def test_without_a_key_a_closed_shop_shows_no_page(live: Live, path: str):
    gate = Gate(FakeKeys(), Options())
    with TestClient(create_app(live, Telemetry(None, b"salt"), "Toys", gate), base_url=HOST, follow_redirects=False) as client:
        assert client.get(path).status_code == 401


@pytest.mark.parametrize("item", ["|nope", "", "|", "nonsense", "|" + "x" * 500])
def test_what_is_not_in_the_shop_goes_into_no_basket(client: TestClient, engine: Remembering, item: str):
    for action in ("/do/add", "/do/hide"):
        assert client.post(action, data={"item": item}).status_code == 404
    assert engine.events == {}


@pytest.mark.parametrize("action", ["add", "less", "remove", "order", "hide", "seen", "consent", "theme", "as"])
def test_forms_of_another_kind_or_size_are_refused_with_a_page(client: TestClient, action: str):
    assert client.post(f"/do/{action}", json={"item": "|A0"}).status_code == 415
    assert client.post(f"/do/{action}", data={"item": "x" * 70_000}).status_code == 413
    assert client.post(f"/do/{action}", data={"item": [str(n) for n in range(300)]}).status_code == 413
    assert client.get(f"/do/{action}", headers={"Accept": "text/html"}).status_code in (404, 405)


def test_another_sites_form_changes_nothing(client: TestClient, engine: Remembering):
    answer = client.post("/do/hide", data={"item": "|A0"}, headers={"Origin": "https://evil.test"})
    assert answer.status_code == 403
    assert engine.events == {}


BACKS = ["https://evil.test/", "//evil.test", "/\\evil.test", "javascript:alert(1)", "/a\nb", "", "/灯", "/" + "x" * 3_000]


@pytest.mark.parametrize("back", BACKS)
def test_a_form_leads_back_into_this_shop_only(client: TestClient, back: str):
    assert local(back) == "/"
    answer = client.post("/do/theme", data={"theme": "dark", "back": back}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_ways_to_go_on_typing(client: TestClient, engine: Remembering):
    found = Seen(client.get("/do/complete?q=Red+e", headers=HTMX).text)
    assert [attrs["data-text"] for attrs in found.all("li", role="option")] == ["red enamel kettle"]
    assert client.get("/do/complete?q=Red+e").text.count("<span>red e<b>namel kettle</b></span>") == 1, "what is typed stays plain"
    assert client.get("/do/complete").text.strip() == ""
    engine.error = StageError("broken")
    assert client.get("/do/complete?q=red").status_code == 500


COOKIES = st.text(st.characters(codec="ascii", exclude_categories=("Cc", "Cs"), exclude_characters='";,\\ '), max_size=80)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cookies=st.dictionaries(st.sampled_from(["session", "basket", "consent", "lang", "theme", "user", "said"]), COOKIES))
def test_no_cookie_breaks_a_page(client: TestClient, cookies: dict[str, str]):
    header = "; ".join(f"aisle_{name}={value}" for name, value in cookies.items())
    for address in ("/", "/basket", "/you"):
        assert client.get(address, headers={"Cookie": header}).status_code == 200


@given(st.text(max_size=200))
def test_any_cookie_gives_a_basket(cookie: str):
    assert 0 <= len(Basket.read(cookie)) <= MOST_LINES * MOST_EACH


@given(st.lists(st.tuples(st.text(min_size=1, max_size=250), st.integers(-3, 120)), max_size=80))
def test_a_basket_reads_back_as_it_was_written_and_fits_a_cookie(puts: list[tuple[str, int]]):
    basket = Basket()
    for item_id, count in puts:
        basket = basket.put(item_id.encode("utf-8", "replace").decode(), count)
    assert len(basket.written()) <= LARGEST
    assert Basket.read(basket.written()) == basket
