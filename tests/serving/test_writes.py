"""Events, items and users over HTTP: what is stored is counted, what is not is named, and one bad row spoils no other."""

from __future__ import annotations

import sqlite3

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from aisle.core.errors import StateError
from tests.serving.fakes import FakeEngine
from tests.serving.test_api import refused

CLICK = {"type": "click", "item_id": "A1", "user_id": "42"}
LINES = {"Content-Type": "application/x-ndjson"}
JSON = {"Content-Type": "application/json"}


def counted(told: dict[str, object]) -> bool:
    """Whether every row that came in is accounted for."""
    return told["received"] == told["stored"] + told["duplicate"] + told["quarantined"] + len(told["rejected"])


def test_one_event_an_array_or_lines_are_all_taken(client: TestClient, engine: FakeEngine):
    one = client.post("/v1/events", json={**CLICK, "event_id": "a"}).json()
    assert one == {"received": 1, "stored": 1, "duplicate": 0, "quarantined": 0, "rejected": [], "sequence": 1}
    many = client.post("/v1/events", json=[{**CLICK, "event_id": "b"}, {**CLICK, "event_id": "a"}]).json()
    assert (many["stored"], many["duplicate"], many["sequence"]) == (1, 1, 2)
    lines = b"\n".join(orjson.dumps({**CLICK, "event_id": name}) for name in "cd") + b"\n\n"
    for label in (LINES, JSON, {"Content-Type": "text/plain;charset=UTF-8"}):
        told = client.post("/v1/events", content=lines, headers=label).json()
        assert told["received"] == 2 and counted(told)
    assert set(engine.events) == set("abcd")


def test_one_bad_row_among_ten_thousand_is_named_and_the_others_are_stored(client: TestClient):
    rows: list[object] = [{**CLICK, "event_id": f"e{number}"} for number in range(10_000)]
    rows[7_123] = "not an event"
    told = client.post("/v1/events", json=rows).json()
    assert (told["received"], told["stored"]) == (10_000, 9_999)
    assert [one["row"] for one in told["rejected"]] == [7_123]


def test_a_line_that_is_no_json_is_a_rejected_row(client: TestClient):
    lines = [orjson.dumps({**CLICK, "event_id": f"e{number}"}) for number in range(5)]
    lines[1] = b'{"type": "cli'
    lines[3] = b'"text"'
    told = client.post("/v1/events", content=b"\r\n".join(lines), headers=LINES).json()
    assert (told["received"], told["stored"]) == (5, 3) and counted(told)
    assert [(one["row"], "JSON" in one["reason"]) for one in told["rejected"]] == [(1, True), (3, False)]


@pytest.mark.parametrize("raw", [b"", b"  \n ", b"[1, 2", b"{", b"nonsense", b'{"type": NaN}', b"[" * 100_000, b"\xff\xfe"])
def test_a_body_of_which_nothing_can_be_read_is_refused(client: TestClient, engine: FakeEngine, raw: bytes):
    refused(client.post("/v1/events", content=raw, headers=JSON), 400, "broken_json")
    refused(client.put("/v1/items", content=raw, headers=JSON), 400, "broken_json")
    assert not engine.events


def test_an_empty_list_is_no_event(client: TestClient):
    assert client.post("/v1/events", json=[]).json()["received"] == 0


def test_events_may_be_sixteen_megabytes_and_no_more(client: TestClient):
    row = orjson.dumps({**CLICK, "text": "x" * 9_900})
    lines = b"\n".join([row] * 1_600)
    assert client.post("/v1/events", content=lines, headers=LINES).json()["received"] == 1_600
    refused(client.post("/v1/events", content=lines + b"\n" + b" " * (1 << 20), headers=LINES), 413, "body_too_large")


def test_a_form_is_no_event(client: TestClient):
    refused(client.post("/v1/events", data={"type": "click"}), 415, "wrong_content_type")


@pytest.mark.parametrize("error", [StateError("The disk is full."), sqlite3.OperationalError("disk I/O error, /srv/secret")])
@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/events"), ("PUT", "/v1/items"), ("DELETE", "/v1/items/A1")])
def test_a_disk_that_takes_no_more_is_said_and_nothing_is_acknowledged(
    client: TestClient, engine: FakeEngine, error: Exception, method: str, path: str
):
    engine.error = error
    response = client.request(method, path, json={**CLICK, "item_id": "A1"})
    refused(response, 503, "not_stored")
    assert response.headers["retry-after"] == "1"
    assert "secret" not in response.text


def test_items_are_added_changed_replaced_and_deleted(client: TestClient, engine: FakeEngine):
    told = client.put("/v1/items", json=[{"item_id": "new", "title": "Green lamp"}, {"item_id": "A1", "price": 1}, {"title": "?"}]).json()
    assert (told["received"], told["stored"], [one["row"] for one in told["rejected"]]) == (3, 2, [2])
    assert (engine.items["A1"]["title"], engine.items["A1"]["price"]) == ("Brass reading lamp", 1)
    assert client.delete("/v1/items/new").json() == {"item_id": "new", "deleted": True}
    refused(client.delete("/v1/items/new"), 404, "unknown_item")
    assert client.put("/v1/items?mode=replace", content=b'{"item_id": "only"}\n{"item_id": "two"}', headers=LINES).json()["stored"] == 2
    assert set(engine.items) == {"only", "two"}


def test_a_full_feed_that_is_not_whole_changes_nothing(client: TestClient, engine: FakeEngine):
    before = dict(engine.items)
    refused(client.put("/v1/items?mode=replace", content=b'{"item_id": "only"}\n{"item_', headers=LINES), 400, "broken_json")
    refused(client.put("/v1/items?mode=replace", json=[]), 422, "missing_value")
    assert refused(client.put("/v1/items?mode=replaced", json={"item_id": "a"}), 422, "unknown_value")["field"] == "mode"
    assert engine.items == before


@pytest.mark.parametrize("item", ["a%2Fb", "%E7%81%AF", "a%20b", "..%2f..", "%3Cscript%3E", "a;b?c"])
def test_ids_of_any_kind_reach_the_engine_as_they_are(client: TestClient, engine: FakeEngine, item: str):
    refused(client.delete(f"/v1/items/{item}"), 404, "unknown_item")
    refused(client.get(f"/v1/users/{item}"), 404, "unknown_user")


def test_a_user_is_seen_exported_and_forgotten(client: TestClient):
    client.post("/v1/events", json={**CLICK, "user_id": "u/1", "event_id": "z"})
    assert client.get("/v1/users/u%2F1").json()["user_id"] == "u/1"
    export = client.get("/v1/users/u%2F1/export").json()
    assert set(export) == {"user_id", "profile", "events"} and [one["event_id"] for one in export["events"]] == ["z"]
    assert client.delete("/v1/users/u%2F1").json() == {"user_id": "u/1", "forgotten": True}
    for response in (client.get("/v1/users/u%2F1"), client.get("/v1/users/u%2F1/export"), client.delete("/v1/users/u%2F1")):
        refused(response, 404, "unknown_user")


def test_an_id_without_end_is_refused(client: TestClient):
    refused(client.get(f"/v1/users/{'x' * 2_000}"), 422, "too_long")
    refused(client.delete("/v1/items/%20"), 422, "missing_value")


def test_metrics_count_what_became_of_events(client: TestClient):
    client.post("/v1/events", json=[{**CLICK, "event_id": "a"}, {**CLICK, "event_id": "a"}, {}])
    text = client.get("/metrics").text
    for outcome in ("stored", "duplicate", "rejected"):
        assert f'aisle_events_total{{outcome="{outcome}"}} 1.0' in text


def test_openapi_shows_an_example_of_every_route_and_what_can_fail(client: TestClient):
    document = client.get("/openapi.json").json()
    shown = {(method, path) for path, methods in document["paths"].items() for method in methods}
    assert {("post", "/v1/events"), ("put", "/v1/items"), ("delete", "/v1/items/{item_id}")} <= shown
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            if path != "/metrics":
                assert told["summary"] and told["responses"]["200"]["content"]["application/json"]["example"], (method, path)
                assert path == "/healthz" or {"401", "403", "421", "429"} <= set(told["responses"]), (method, path)
    for method, path in (("post", "/v1/events"), ("put", "/v1/items")):
        example = document["paths"][path][method]["requestBody"]["content"]["application/json"]["example"]
        told = client.request(method, path, json=example).json()
        assert (told["received"], told["stored"]) == (1, 1)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(values, max_size=4) | values, st.booleans())
def test_no_json_makes_a_write_fail_and_every_row_is_counted(client: TestClient, body: object, lines: bool):
    rows = body if isinstance(body, list) else [body]
    raw = b"\n".join(map(orjson.dumps, rows)) if lines else orjson.dumps(body)
    response = client.post("/v1/events", content=raw, headers=LINES if lines else JSON)
    if raw:
        assert response.status_code == 200 and counted(response.json())
        assert response.json()["received"] == len(rows)
    assert client.put("/v1/items", content=raw, headers=LINES if lines else JSON).status_code in (200, 400, 422)
