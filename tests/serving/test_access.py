"""Who may ask: with keys every route but the life sign and log-in wants one that reaches, and nothing opens by accident."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from aisle.serving.access import ALL, COOKIE, Gate, Rate, open_to_all, scope_of
from aisle.serving.app import create_app
from aisle.serving.live import Live
from aisle.serving.options import Options
from aisle.serving.telemetry import Telemetry
from tests.serving.conftest import HOST, NOW
from tests.serving.fakes import FakeEngine, FakeKeys, FakeStore
from tests.serving.seen import HTMX
from tests.serving.test_api import GOOD, refused

FREE = {"/healthz", "/login", "/login/{file}", "/logout"}
PAGE = {"Accept": "text/html"}


@contextmanager
def closed(options: Options | None = None, keys: FakeKeys | None = None, loopback: bool = True, log: io.StringIO | None = None):
    live = Live(FakeEngine(), lambda: NOW, FakeStore())
    gate = Gate(keys or FakeKeys(), options, loopback)
    with TestClient(create_app(live, Telemetry(log or io.StringIO(), b"salt"), "Toys", gate), base_url=HOST, follow_redirects=False) as one:
        yield one


@pytest.fixture
def shut() -> Iterator[TestClient]:
    with closed() as one:
        yield one


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def routes() -> list[tuple[str, str]]:
    """Every method and address of the app, the mounted files and what FastAPI adds included."""
    app = create_app(Live(FakeEngine(), lambda: NOW, FakeStore()), Telemetry(io.StringIO(), b"salt"))
    found: list[tuple[str, str]] = []
    for route in _flat(app.routes):
        if isinstance(route, Mount):
            found.append(("GET", f"{route.path}/store.css"))
        elif isinstance(route, Route):
            found += [(method, route.path) for method in sorted(route.methods or ())]
    return found


def _flat(found: list[object]) -> Iterator[object]:
    """Some versions of the framework keep included routers as one entry."""
    for route in found:
        inner = getattr(getattr(route, "original_router", None), "routes", None)
        yield from _flat(inner) if inner else [route]


def asked(path: str) -> str:
    names = {"{item_id:path}": "A1", "{user_id:path}": "42", "{bundle_id}": "toy-2", "{file}": "store.css"}
    return re.sub(r"{[^}]+}", lambda found: names.get(found[0], "x"), path)


def test_the_list_of_routes_is_whole():
    paths = {path for _, path in routes()}
    assert {"/", "/item/{item_id:path}", "/static/store.css", "/v1/search", "/v1/events", "/metrics", "/openapi.json", *FREE} <= paths


@pytest.mark.parametrize(("method", "path"), routes())
def test_every_route_refuses_a_missing_a_wrong_an_expired_and_a_weak_key(shut: TestClient, method: str, path: str):
    if path in FREE - {"/logout"}:
        assert shut.request(method, asked(path)).status_code in (200, 401, 415)
        return
    codes = {None: "key_missing", "wrong": "key_invalid", "expired": "key_invalid", "read+wrong": "key_invalid"}
    for secret, code in codes.items():
        response = shut.request(method, asked(path), headers=bearer(secret) if secret else {})
        assert response.status_code == 401, secret
        assert response.headers["www-authenticate"] == "Bearer"
        if method != "HEAD":
            refused(response, 401, code)
    need = scope_of(method, asked(path))
    weak = "+".join(sorted(ALL - {need, "admin"}))
    assert shut.request(method, asked(path), headers=bearer(weak)).status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "/v1/search", "read"), ("POST", "/v1/events", "events"),
        ("PUT", "/v1/items", "items"), ("DELETE", "/v1/items/A1", "items"),
        ("GET", "/v1/users/42", "admin"), ("GET", "/v1/users/42/export", "admin"), ("DELETE", "/v1/users/42", "admin"),
        ("GET", "/v1/bundles", "read"), ("POST", "/v1/bundles/toy-2/activate", "admin"), ("POST", "/v1/bundles/rollback", "admin"),
        ("GET", "/metrics", "read"), ("GET", "/readyz", "read"), ("GET", "/", "read"),
        ("GET", "/console", "admin"), ("GET", "/other", "admin"),
        ("POST", "/metrics", "admin"), ("GET", "/aisle.js", "read"),
    ],
)  # fmt: skip
def test_each_route_asks_for_its_scope_and_admin_reaches_everywhere(shut: TestClient, method: str, path: str, scope: str):
    for secret in (scope, "admin"):
        assert shut.request(method, path, headers=bearer(secret), json={"type": "click"}).status_code not in (401, 403)


@pytest.mark.parametrize("secret", ["read", "read+events+items"])
def test_the_storefront_gives_a_key_no_user_that_the_api_would_not(secret: str):
    engine = FakeEngine()
    gate = Gate(FakeKeys())
    with TestClient(
        create_app(Live(engine, lambda: NOW, FakeStore()), Telemetry(io.StringIO(), b"salt"), "Toys", gate), base_url=HOST
    ) as one:
        weak, whole = ({**bearer(name), "Cookie": "aisle_user=42"} for name in (secret, "admin"))
        assert one.get("/you/export", headers=weak).json()["profile"] is None
        assert "42" not in one.get("/you?user=42", headers={**weak, **PAGE}).text
        one.post("/you/forget", headers=weak, data={"sure": "1"})
        assert "42" not in engine.forgotten
        one.post("/you/forget", headers=whole, data={"sure": "1"})
        assert "42" in engine.forgotten


def test_the_life_sign_needs_no_key(shut: TestClient):
    assert shut.get("/healthz").json() == {"status": "ok"}
    assert not open_to_all("GET", "/healthz/..") and not open_to_all("GET", "/loginx")


def test_without_keys_loopback_answers_and_another_address_does_not():
    with closed(keys=FakeKeys(closed=False)) as one:
        assert one.post("/v1/search", json=GOOD["/v1/search"]).status_code == 200
    with closed(keys=FakeKeys(closed=False), loopback=False) as one:
        refused(one.post("/v1/search", json=GOOD["/v1/search"]), 403, "no_keys")


def test_the_first_key_closes_a_running_server_at_once():
    keys = FakeKeys(closed=False)
    with closed(keys=keys) as one:
        assert one.get("/readyz").status_code == 200
        keys.made = True
        refused(one.get("/readyz"), 401, "key_missing")
        assert one.get("/readyz", headers=bearer("read")).status_code == 200
        keys.revoked.add("read")
        refused(one.get("/readyz", headers=bearer("read")), 401, "key_invalid")


def test_with_keys_any_host_name_is_answered_unless_some_are_listed():
    with closed() as one:
        assert one.get("/healthz", headers={"Host": "shop.example"}).status_code == 200
    with closed(Options(hosts=("shop.example",))) as one:
        assert one.get("/healthz", headers={"Host": "SHOP.example:8000"}).status_code == 200
        refused(one.get("/healthz", headers={"Host": "evil.example"}), 421, "wrong_host")


def test_a_person_without_a_key_is_led_to_log_in_and_back(shut: TestClient):
    led = shut.get("/item/A1?lang=zh", headers=PAGE)
    assert (led.status_code, led.headers["location"]) == (303, "/login?next=%2Fitem%2FA1%3Flang%3Dzh")
    assert shut.get("/console", headers=PAGE).headers["location"] == "/login?next=%2Fconsole"
    piece = shut.get("/do/complete?q=x", headers={**PAGE, **HTMX})
    assert (piece.status_code, piece.headers["hx-refresh"]) == (401, "true"), (
        "the page that asks is loaded again, no log-in drawn inside it"
    )
    form = shut.get(led.headers["location"], headers=PAGE)
    assert form.status_code == 200 and 'value="/item/A1?lang=zh"' in form.text
    assert shut.get("/login/store.css").headers["content-type"].startswith("text/css")
    entered = shut.post("/login", data={"key": " admin ", "next": "/item/A1?lang=zh"})
    assert (entered.status_code, entered.headers["location"]) == (303, "/item/A1?lang=zh")
    cookie = entered.headers["set-cookie"]
    assert all(word in cookie for word in (f"{COOKIE}=admin", "HttpOnly", "SameSite=strict", "Path=/")) and "Secure" not in cookie
    assert shut.get("/item/A1", headers=PAGE).status_code == 200
    assert shut.post("/logout").status_code == 303
    assert shut.get("/item/A1", headers=PAGE).status_code == 303


def test_a_wrong_key_is_not_let_in_and_not_written_anywhere():
    log = io.StringIO()
    with closed(log=log) as one:
        answer = one.post("/login", data={"key": "canary-secret", "next": "/you"}, headers={"Accept-Language": "zh"})
        assert answer.status_code == 401 and "密钥有误" in answer.text and 'value="/you"' in answer.text
        assert "set-cookie" not in answer.headers and "canary" not in answer.text
        one.get("/v1/bundles", headers=bearer("canary-secret"))
        one.get("/v1/bundles", headers=bearer("read"))
    assert "canary" not in log.getvalue()
    assert '"key":"id-read"' in log.getvalue()


ELSEWHERE = ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "", "/a\r\nX: y", "/\t/x"]


@pytest.mark.parametrize("there", ELSEWHERE)
def test_log_in_leads_nowhere_else(shut: TestClient, there: str):
    assert shut.post("/login", data={"key": "admin", "next": there}).headers["location"] == "/console"


def test_over_https_the_cookie_stays_on_https(shut: TestClient):
    shut.base_url = "https://127.0.0.1:8000"
    assert "Secure" in shut.post("/login", data={"key": "admin"}).headers["set-cookie"]


@pytest.mark.parametrize("file", ["..%2Fapp.py", "%2e%2e/app.py", "aisle.js", "login.html", "nothing.css", "%00.css"])
def test_the_log_in_pages_files_are_styles_and_nothing_else(shut: TestClient, file: str):
    assert shut.get(f"/login/{file}").status_code in (401, 404)


PUBLIC = Options(storefront="public")


def test_a_public_storefront_is_open_to_shoppers_and_nothing_else_is():
    with closed(PUBLIC) as one:
        for path in ("/", "/item/A1", "/static/store.css", "/aisle.js", "/search?q=lamp"):
            assert one.get(path).status_code == 200, path
        assert one.post("/v1/search", json={"query": "lamp", "session_id": "s"}).status_code == 200
        assert one.post("/v1/complete", json={"query": "l"}).status_code == 200
        for path in ("/metrics", "/v1/bundles", "/v1/users/42", "/console"):
            refused(one.get(path), 401, "key_missing")
        refused(one.put("/v1/items"), 401, "key_missing")


def test_a_shopper_without_a_key_speaks_for_no_user():
    with closed(PUBLIC) as one:
        refused(one.post("/v1/recommend", json={"user_id": "42"}), 403, "key_needed")
        rows = [
            {"type": "click", "item_id": "A1", "session_id": "s", "event_id": "1"},
            {"type": "click", "item_id": "A1", "user_id": "42", "event_id": "2"},
            {"type": "purchase", "item_id": "A1", "session_id": "s", "event_id": "3"},
            7,
        ]
        told = one.post("/v1/events", json=rows).json()
        assert (told["received"], told["stored"], [row["row"] for row in told["rejected"]]) == (4, 1, [1, 2, 3])
        assert one.post("/v1/events", json=rows, headers=bearer("events")).json()["stored"] == 2


def test_on_a_public_storefront_a_wrong_key_is_refused_and_a_stale_log_in_shops_on():
    with closed(PUBLIC) as one:
        refused(one.get("/", headers=bearer("wrong")), 401, "key_invalid")
        assert one.get("/", headers={"Cookie": f"{COOKIE}=wrong"}).status_code == 200


def test_only_listed_sites_may_ask_from_a_browser():
    with closed(Options(origins=("https://shop.example",))) as one:
        ours, other = {"Origin": "https://shop.example"}, {"Origin": "https://evil.example"}
        asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, content-type"}
        before = one.options("/v1/events", headers={**ours, **asks})
        assert (before.status_code, before.headers["access-control-allow-origin"]) == (204, "https://shop.example")
        assert "Authorization" in before.headers["access-control-allow-headers"]
        assert "access-control-allow-origin" not in one.options("/v1/events", headers={**other, **asks}).headers
        event = {"type": "click", "item_id": "A1", "session_id": "s"}
        told = one.post("/v1/events", json=event, headers={**ours, **bearer("events")})
        assert told.json()["stored"] == 1 and told.headers["access-control-allow-origin"] == "https://shop.example"
        refused(one.post("/v1/events", json=event, headers={**other, **bearer("events")}), 403, "cross_site")
        refused(one.post("/v1/events", json=event, headers=ours), 401, "key_missing")
        assert one.get("/aisle.js").headers["cross-origin-resource-policy"] == "cross-origin"


def test_a_key_that_asks_too_often_is_slowed_down():
    with closed(Options(requests_per_second=2)) as one:
        codes = [one.get("/readyz", headers=bearer("read")).status_code for _ in range(4)]
        assert codes[:2] == [200, 200] and 429 in codes
        assert one.get("/readyz", headers=bearer("read+events")).status_code == 200


DESCRIBED = [(method, path) for method, path in routes() if path.startswith("/v1/") or path in ("/healthz", "/readyz", "/metrics")]


@pytest.mark.parametrize(("method", "path"), DESCRIBED)
def test_whatever_refuses_a_key_a_host_or_a_pace_is_described_with_its_problem_and_headers(method: str, path: str):
    with closed(Options(requests_per_second=1, hosts=("shop.test",))) as one:
        paths = one.get("/openapi.json", headers=bearer("admin")).json()["paths"]
        told = paths[re.sub(":path}", "}", path)][method.lower()]["responses"]
        tries = [
            bearer("read"),
            bearer("read"),
            bearer("admin"),
            bearer("admin"),
            bearer("wrong"),
            {},
            {**bearer("admin"), "Host": "evil.test"},
        ]
        answers = [one.request(method, asked(path), headers=headers) for headers in tries]
        seen = {answer.status_code for answer in answers}
        assert path == "/healthz" or {401, 421, 429} <= seen
        assert ("429" in told) == (429 in seen), "who is never slowed down does not say so"
        for answer in answers:
            failure = told[str(answer.status_code)]
            if answer.status_code >= 400:
                schema = failure["content"]["application/problem+json"]["schema"]
                assert set(schema["required"]) <= set(answer.json()) <= set(schema["properties"])
            for name in failure.get("headers", {}):
                assert answer.headers[name], (answer.status_code, name)
            assert (answer.status_code in (429, 503)) == ("Retry-After" in failure.get("headers", {}))


def test_a_bucket_fills_as_fast_as_it_may_be_emptied():
    rate = Rate(2)
    taken = {0.0: [True, True, False], 0.4: [False], 0.5: [True, False], 9.0: [True, True, False]}
    assert {at: [rate.take(at) for _ in told] for at, told in taken.items()} == taken
