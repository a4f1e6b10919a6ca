"""The JSON routes: the contract's answers to good requests, and problem details with stable codes to all others."""

from __future__ import annotations

import io
import json
import threading
import time

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from aisle.core.errors import RequestError, StageError
from aisle.serving.live import Live
from tests.serving.conftest import NOW
from tests.serving.fakes import FakeEngine

SHAPE = {"request_id", "bundle", "items", "total", "facets", "understanding", "degraded", "skipped", "took_ms"}
GOOD = {
    "/v1/search": {"query": "red lamp", "user_id": "42", "limit": 3, "facets": ["brand"], "explain": True},
    "/v1/recommend": {"user_id": "42", "surface": "home", "limit": 3},
    "/v1/similar": {"items": ["A1"], "limit": 3},
    "/v1/rank": {"items": ["A1", "nope", "A2"], "user_id": "42", "query": "lamp"},
}
ROUTES = [*GOOD, "/v1/complete"]


def refused(response, status: int, code: str) -> dict[str, object]:
    problem = response.json()
    assert (response.status_code, problem["code"]) == (status, code)
    assert response.headers["content-type"] == "application/problem+json"
    assert problem["status"] == status
    assert problem["request_id"] == response.headers["x-request-id"]
    assert "Traceback" not in response.text
    return problem


@pytest.mark.parametrize("route", GOOD)
def test_each_route_answers_in_the_contracts_shape(client: TestClient, route: str):
    response = client.post(route, json=GOOD[route])
    assert response.status_code == 200
    assert set(response.json()) == SHAPE
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("route", "body", "surface"),
    [
        ("/v1/search", {"query": "x"}, "search"),
        ("/v1/recommend", {"user_id": "1"}, "home"),
        ("/v1/recommend", {"items": ["A1"], "surface": "item"}, "item"),
        ("/v1/recommend", {"items": ["A1"], "surface": "basket"}, "basket"),
        ("/v1/similar", {"items": ["A1"]}, "similar"),
        ("/v1/rank", {"items": ["A1"]}, "rank"),
    ],
)
def test_each_route_asks_for_its_surface(client: TestClient, engine: FakeEngine, route: str, body: dict[str, object], surface: str):
    assert client.post(route, json=body).status_code == 200
    assert engine.asked[-1].surface == surface


def test_now_is_the_clocks_unless_the_request_names_an_instant(client: TestClient, engine: FakeEngine):
    client.post("/v1/search", json={"query": "x"})
    client.post("/v1/search", json={"query": "x", "as_of": 5})
    assert [request.as_of for request in engine.asked] == [NOW, 5.0]


def test_rank_answers_for_every_id(client: TestClient):
    items = client.post("/v1/rank", json=GOOD["/v1/rank"]).json()["items"]
    assert [(one["item_id"], one.get("removed")) for one in items] == [("A1", None), ("A2", None), ("nope", "unknown")]
    assert items[-1]["score"] is None


def test_complete(client: TestClient):
    found = client.post("/v1/complete", json={"query": "red t", "limit": 8}).json()
    assert found == {"completions": [{"text": "red table lamp", "kind": "query", "score": 1.0}]}


def test_a_sane_request_id_is_kept_and_any_other_replaced(client: TestClient):
    def sent(name: str) -> str:
        response = client.post("/v1/search", json={"query": "x"}, headers={"X-Request-Id": name})
        assert response.json()["request_id"] == response.headers["x-request-id"]
        return response.json()["request_id"]

    assert sent("shop-17.a") == "shop-17.a"
    assert sent('"><script>') not in ('"><script>', "")
    assert len(sent("x" * 65)) == 16


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("raw", "label", "status", "code"),
    [
        (b'{"query": ', "application/json", 400, "broken_json"),
        (b"", "application/json", 400, "broken_json"),
        (b'{"query": "\xff"}', "application/json", 400, "broken_json"),
        (b'{"query": NaN}', "application/json", 400, "broken_json"),
        (b"[" * 100_000, "application/json", 400, "broken_json"),
        (b"query=x", "application/x-www-form-urlencoded", 415, "wrong_content_type"),
        (b'{"query": "x"}', "text/plain", 415, "wrong_content_type"),
        (b'{"query": "' + b"x" * (1 << 20) + b'"}', "application/json", 413, "body_too_large"),
        (b"[]", "application/json", 422, "bad_request"),
        (b"{}", "application/json", 422, "missing_field"),
        (b'{"querry": "x"}', "application/json", 422, "unknown_field"),
        (b'{"query": 7, "items": ["A1"]}', "application/json", 422, "wrong_type"),
    ],
)
def test_every_route_refuses_what_it_cannot_read(client: TestClient, route: str, raw: bytes, label: str, status: int, code: str):
    if route == "/v1/complete" and b"items" in raw:
        code = "unknown_field"
    refused(client.post(route, content=raw, headers={"Content-Type": label}), status, code)


def test_a_body_that_does_not_say_how_long_it_is_ends_at_the_limit(client: TestClient):
    parts = (b"x" * 65_536 for _ in range(64))
    refused(client.post("/v1/search", content=parts, headers={"Content-Type": "application/json"}), 413, "body_too_large")


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ('{"query": "灯"}'.encode("gb18030"), "The body is not UTF-8 (byte 12)."),
        (b'{"query": \n"lamp}', "The body is not valid JSON (line 2, column 7)."),
        (b" ", "The body is empty."),
    ],
)
def test_a_broken_body_is_told_where_and_why(client: TestClient, raw: bytes, said: str):
    problem = refused(client.post("/v1/search", content=raw, headers={"Content-Type": "application/json"}), 400, "broken_json")
    assert said in problem["detail"]


def test_a_refusal_names_field_and_mend(client: TestClient):
    problem = refused(client.post("/v1/search", json={"query": "x", "sort": "prize"}), 422, "unknown_value")
    assert (problem["field"], problem["mend"]) == ("sort", "Did you mean `price`?")


def test_unknown_addresses_and_methods(client: TestClient):
    refused(client.get("/v1/nothing"), 404, "not_found")
    refused(client.get("/v1/search/"), 404, "not_found")
    response = client.get("/v1/search")
    refused(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "POST"


def test_what_the_engine_refuses_is_the_clients_to_mend(client: TestClient, engine: FakeEngine):
    engine.error = RequestError("There is no attribute `colr`.", "Did you mean `color`?")
    assert refused(client.post("/v1/search", json={"query": "x"}), 422, "bad_request")["mend"] == "Did you mean `color`?"


@pytest.mark.parametrize("error", [ValueError("secret path /srv"), StageError("Column `x`."), MemoryError(), KeyError("jane@example.org")])
@pytest.mark.parametrize("route", ROUTES)
def test_a_fault_of_the_server_keeps_its_insides(client: TestClient, engine: FakeEngine, log: io.StringIO, error: Exception, route: str):
    engine.error = error
    response = client.post(route, json=GOOD.get(route, {"query": "x"}))
    refused(response, 500, "failed")
    assert "secret" not in response.text
    assert "jane" not in log.getvalue()
    failure = next(line for line in map(json.loads, log.getvalue().splitlines()) if line["event"] == "failure")
    assert (failure["kind"], failure["route"]) == (type(error).__name__, route)
    assert any("fakes.py" in frame for frame in failure["at"])


def test_bundles_are_listed_activated_and_rolled_back(client: TestClient):
    assert client.get("/v1/bundles").json()["active"] == "toy-1"
    assert client.post("/v1/bundles/toy-2/activate").json()["active"] == "toy-2"
    assert client.post("/v1/search", json={"query": "x"}).json()["bundle"] == "toy-2"
    assert client.post("/v1/bundles/rollback").json()["active"] == "toy-1"
    assert client.get("/readyz").json() == {"status": "ready", "bundle": "toy-1"}


def test_a_broken_bundle_is_refused_and_the_running_one_goes_on(client: TestClient):
    assert "ids.blob.npy" in str(refused(client.post("/v1/bundles/torn/activate"), 409, "bad_bundle")["detail"])
    assert client.post("/v1/search", json={"query": "x"}).json()["bundle"] == "toy-1"


@pytest.mark.parametrize("name", ["nope", "..", "%2e%2e", "..%2f..%2fetc"])
def test_only_bundles_of_the_store_can_be_activated(client: TestClient, name: str):
    assert client.post(f"/v1/bundles/{name}/activate").status_code == 404


def test_without_a_store_there_is_one_bundle(client: TestClient, live: Live):
    live.store = None
    assert [one["bundle"] for one in client.get("/v1/bundles").json()["bundles"]] == ["toy-1"]
    refused(client.post("/v1/bundles/rollback"), 409, "bad_bundle")


def test_another_sites_page_cannot_write(client: TestClient):
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}, {"Origin": "http://[::1"}):
        refused(client.post("/v1/bundles/rollback", headers=headers), 403, "cross_site")
    assert client.post("/v1/bundles/rollback", headers={"Origin": "http://127.0.0.1:8000"}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[::1", "127.0.0.1@evil.example"])
def test_a_name_bound_to_our_address_from_outside_is_not_answered(client: TestClient, host: str):
    refused(client.get("/healthz", headers={"Host": host}), 421, "wrong_host")


@pytest.mark.parametrize("host", ["localhost:9", "127.0.0.1", "[::1]:8000", "LOCALHOST"])
def test_loopback_by_any_of_its_names_is(client: TestClient, host: str):
    assert client.get("/healthz", headers={"Host": host}).json() == {"status": "ok"}


def test_metrics_count_routes_surfaces_outcomes_and_what_was_skipped(client: TestClient, engine: FakeEngine):
    engine.skipped = ("dense",)
    client.post("/v1/search", json={"query": "x"})
    client.post("/v1/search", json={})
    client.get("/v2/jane")
    text = client.get("/metrics").text
    assert 'aisle_requests_total{route="/v1/search",status="200",surface="search"} 1.0' in text
    assert 'aisle_requests_total{route="/v1/search",status="422",surface=""} 1.0' in text
    assert 'aisle_requests_total{route="unmatched",status="404",surface=""} 1.0' in text
    assert 'aisle_request_seconds_count{route="/v1/search",surface="search"} 1.0' in text
    assert 'aisle_skipped_total{stage="dense"} 1.0' in text
    assert 'aisle_degraded_total{surface="search"} 1.0' in text


def test_the_log_names_no_person_and_no_word_of_a_query(client: TestClient, log: io.StringIO):
    canary = "jane.doe@example.org"
    body = {"query": f"gift for {canary}", "user_id": canary, "session_id": canary, "filters": {canary: canary}, "why": [canary]}
    client.post("/v1/search", json=body)
    client.post("/v1/search", json={canary: canary})
    client.post("/v1/complete", json={"query": canary})
    client.get(f"/?q={canary}&user={canary}")
    client.get(f"/item/{canary}")
    client.get(f"/v1/users/{canary}")
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert len(lines) >= 6
    assert all(line["request_id"] and line["took_ms"] >= 0 and line["time"].endswith("Z") for line in lines)
    assert len({line["user"] for line in lines if "user" in line}) == 1
    assert "jane" not in log.getvalue()
    assert "testclient" not in log.getvalue()


def test_time_in_line_counts_against_the_deadline(client: TestClient, engine: FakeEngine):
    client.post("/v1/search", json={"query": "x", "deadline_ms": 50})
    assert 1.0 <= (engine.asked[0].deadline_ms or 0) < 50


def test_when_too_many_wait_the_next_is_sent_away(client: TestClient, engine: FakeEngine, live: Live):
    live.reads.patience, live.reads._typical = 0.1, 1.0
    engine.gate = threading.Event()
    waiting = [threading.Thread(target=client.post, args=("/v1/search",), kwargs={"json": {"query": "x"}}) for _ in range(4)]
    for one in waiting:
        one.start()
    while live.running < 4:
        time.sleep(0.001)
    response = client.post("/v1/search", json={"query": "x"})
    engine.gate.set()
    for one in waiting:
        one.join()
    refused(response, 503, "overloaded")
    assert response.headers["retry-after"] == "1"
    assert client.post("/v1/search", json={"query": "x"}).status_code == 200


def test_openapi_shows_an_example_of_each_route_that_the_route_takes(client: TestClient):
    paths = client.get("/openapi.json").json()["paths"]
    for route in ROUTES:
        content = paths[route]["post"]["requestBody"]["content"]["application/json"]
        assert client.post(route, json=content["example"]).status_code == 200
        assert content["schema"]["additionalProperties"] is False
        assert {"200", "400", "413", "415", "422", "503"} <= set(paths[route]["post"]["responses"])


def test_every_response_carries_the_safety_headers(client: TestClient):
    for response in (client.get("/healthz"), client.get("/nope"), client.post("/v1/search", json={}), client.get("/")):
        assert "default-src 'none'" in response.headers["content-security-policy"]
        assert response.headers["x-content-type-options"] == "nosniff"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
fields = st.sampled_from(["query", "user_id", "items", "filters", "limit", "offset", "sort", "facets", "as_of", "why", "surface"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(ROUTES), st.dictionaries(fields, json_values, max_size=5) | json_values)
def test_no_json_makes_a_route_fail(client: TestClient, route: str, body: object):
    response = client.post(route, content=orjson.dumps(body), headers={"Content-Type": "application/json"})
    assert response.status_code in (200, 422)
    assert response.status_code == 200 or response.json()["code"]
