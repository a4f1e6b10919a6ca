"""What the shop knows: a visitor sees it, corrects it, takes it along, and has it forgotten."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from tests.serving.remembering import Remembering
from tests.serving.seen import see


@pytest.fixture
def engine() -> Remembering:
    return Remembering()


def walk(client: TestClient) -> None:
    for item in ("A0", "A7", "A8"):
        see(client, f"/item/{item}")


def test_a_stranger_is_told_that_nothing_is_known(client: TestClient):
    text = see(client, "/you").text
    assert "Nothing yet" in text
    assert "ends with this visit" in text


def test_what_was_done_is_shown_with_its_share(client: TestClient):
    walk(client)
    client.post("/do/hide", data={"item": "|A8"})
    text = see(client, "/you").text
    assert "4 steps are kept" in text
    assert "50 %" in text and "Mugs" in text
    assert "Of interest lately" in text and "Stoneware mug, sand" in text
    assert "Hidden from your pages" in text


def test_an_interest_can_be_taken_back(client: TestClient, engine: Remembering):
    walk(client)
    answer = client.post("/you/remove", data={"attribute": "category", "value": "Kitchen > Mugs"})
    assert "Removed" in answer.text
    assert {event["item_id"] for event in engine.events.values() if event["type"] == "dismiss"} == {"A7", "A8"}
    assert "/item/A7" not in [link for link in see(client, "/").links()]


@pytest.mark.parametrize("field", [{}, {"attribute": "price", "value": "1"}, {"attribute": "category", "value": "nothing"}])
def test_what_is_no_interest_cannot_be_taken_back(client: TestClient, engine: Remembering, field: dict[str, str]):
    walk(client)
    client.post("/you/remove", data=field)
    assert not [event for event in engine.events.values() if event["type"] == "dismiss"]


def test_everything_kept_can_be_taken_along(client: TestClient):
    walk(client)
    answer = client.get("/you/export")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert [event["item_id"] for event in answer.json()["events"]] == ["A0", "A7", "A8"]


def test_of_a_stranger_the_export_is_empty(client: TestClient):
    assert client.get("/you/export").json() == {"profile": None, "events": []}


def test_forgetting_asks_once_more_and_then_nothing_is_left(client: TestClient, engine: Remembering):
    walk(client)
    client.post("/do/add", data={"item": "|A1"})
    session = client.cookies["aisle_session"]
    assert "cannot be undone" in see(client, "/you/forget").text
    assert engine.events
    assert "Everything is forgotten" in client.post("/you/forget", data={}).text
    assert engine.events == {}
    assert not {"aisle_session", "aisle_basket", "aisle_consent", "aisle_user"} & set(client.cookies)
    see(client, "/item/A0")
    assert client.cookies["aisle_session"] != session


def test_a_shopper_is_told_that_he_is_seen_as_one(client: TestClient):
    client.post("/do/as", data={"user": "42"})
    assert "You are seen as shopper 42" in see(client, "/you").text
