"""The Python client against a real server: typed answers, refusals as errors, a busy or absent server tried again, events once."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
import uvicorn

from aisle.client import Client, ClientError, answer_of
from aisle.core.answer import Absence, Answer, AnsweredItem, Intent, Reason, Understanding, to_json
from aisle.core.trace import Step
from aisle.serving.access import Gate
from aisle.serving.app import create_app
from aisle.serving.listen import address as where
from aisle.serving.listen import bind
from aisle.serving.live import Live
from aisle.serving.problems import OverloadError
from aisle.serving.telemetry import Telemetry
from tests.serving.fakes import FakeEngine, FakeKeys, FakeStore


@pytest.fixture(scope="module")
def live() -> Live:
    return Live(FakeEngine(), lambda: 5.0, FakeStore())


@pytest.fixture(scope="module")
def address(live: Live) -> Iterator[str]:
    app = create_app(live, Telemetry(io.StringIO(), b"salt"), gate=Gate(FakeKeys()))
    with bind("127.0.0.1", 0) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield where(listener)
        server.should_exit = True
        thread.join()


@pytest.fixture
def shop(address: str) -> Iterator[Client]:
    one = Client(address, key="admin", sleep=lambda _: None)
    yield one
    one.close()


def test_every_call_reaches_its_route_and_comes_back_typed(shop: Client):
    page = shop.search("red lamp", user="42", filters={"price": {"lte": 50}}, facets=["brand"], limit=5)
    assert page.items[0].item_id == "A0" and page.items[0].attributes["title"] == "Red table lamp" and page.items[0].score == 1.0
    assert page.facets == {"brand": {"Lumen": 1}} and page.bundle == "toy-1" and page.items[0].highlights["title"] == [(0, 3), (10, 14)]
    assert page.items[0].reasons[0] == Reason("bought_with", "Often bought with Brass reading lamp", ("A1",))
    assert len(shop.recommend("42", limit=3).items) == 3
    assert "A1" not in [item.item_id for item in shop.similar(["A1"]).items]
    assert [(item.item_id, item.removed) for item in shop.rank(["A1", "nope"], query="lamp").items] == [("A1", None), ("nope", "unknown")]
    assert shop.complete("red t")[0].text == "red table lamp"


def test_events_items_and_users(shop: Client, live: Live):
    engine = live.engine
    assert isinstance(engine, FakeEngine)
    assert shop.record("click", item="A1", user="eve", rank=0)["stored"] == 1
    assert shop.record_all([{"type": "click", "event_id": "x"}, {"type": "click", "event_id": "x"}])["duplicate"] == 1
    assert all(len(str(event.get("event_id"))) in (1, 32) for event in engine.events.values())
    assert shop.put_items([{"item_id": "n/1", "title": "New"}])["stored"] == 1
    assert shop.delete_item("n/1") and not shop.delete_item("n/1")
    assert (shop.profile("eve") or {})["user_id"] == "eve" and len((shop.export("eve") or {})["events"]) == 1
    assert shop.forget("eve") and not shop.forget("eve")
    assert shop.profile("eve") is None and shop.export("eve") is None


def test_bundles(shop: Client):
    assert shop.bundles()["active"] == "toy-1"
    assert shop.activate("toy-2")["active"] == "toy-2" and shop.rollback()["active"] == "toy-1"
    with pytest.raises(ClientError, match="lacks the file") as told:
        shop.activate("torn")
    assert (told.value.status, told.value.code, told.value.mend) == (409, "bad_bundle", "Copy it again.")


def test_a_refusal_says_what_and_where(shop: Client, address: str):
    with pytest.raises(ClientError) as told:
        shop.search("x", limit=100_000)
    assert (told.value.status, told.value.code, told.value.field) == (422, "out_of_range", "limit")
    with pytest.raises(ClientError) as told, Client(address) as stranger:
        stranger.search("x")
    assert told.value.code == "key_missing"


def test_a_busy_server_is_asked_again_and_then_the_caller_is_told(address: str, live: Live):
    pauses: list[float] = []
    engine = live.engine = FakeEngine()
    engine.error = OverloadError()

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        engine.error = None

    with Client(address, key="read", sleep=pause) as shop:
        assert shop.search("red").items and pauses == [1.0]
    engine.error = OverloadError()
    with pytest.raises(ClientError) as told, Client(address, key="read", retries=1, sleep=pauses.append) as impatient:
        impatient.search("red")
    engine.error = None
    assert (told.value.code, pauses) == ("overloaded", [1.0, 1.0])


def test_a_server_that_is_not_there_is_said_in_words():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    pauses: list[float] = []
    with pytest.raises(ClientError, match="cannot be reached") as told:
        Client(f"http://127.0.0.1:{port}", sleep=pauses.append).search("x")
    assert told.value.status == 0 and pauses == [0.2, 0.2]


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://host", "http://", ""])
def test_an_address_that_is_none_is_refused_at_once(url: str):
    with pytest.raises(ClientError, match="no address"):
        Client(url)


def test_an_answer_read_back_is_the_answer():
    explained, reasons = {"alpha": 0.5, "by_score": 0}, [Reason("new", "New")]
    item = AnsweredItem("a", {"title": "A"}, 1.0, 0.5, {"lexical": 2.0}, {"title": [(0, 1)]}, reasons, None, ["b"], explained)
    understood = Understanding(Intent("buy", 0.9, True), {"colour": "red"}, "lamp")
    lost = {"z": Absence("pool", "It was not close enough.", {"rank": 900})}
    answer = Answer("r", "b", [item], 3, {"brand": {"x": 1}}, understood, True, ["dense"], lost, 1.5, [Step("recall", 1.0, 4)])
    again = answer_of(to_json(answer))
    assert replace(again.items[0], attributes={}) == replace(item, attributes={})
    assert again.items[0].attributes == {"item_id": "a", "title": "A"}
    assert replace(again, items=()) == replace(answer, items=())
