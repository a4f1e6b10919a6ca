"""Several workers on one socket: each sees what any acknowledged, a dead one is replaced, bundles change under load, nothing is lost."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import psutil
import pytest

import aisle
from aisle.bundle import Store
from aisle.core.errors import StateError
from aisle.serving.listen import ServeError, bind
from aisle.serving.plan import Plan
from aisle.serving.start import start
from aisle.serving.telemetry import release
from aisle.serving.workers import supervise
from aisle.state.folder import State
from aisle.state.lock import own
from tests.serving.running import COMMAND, Running, eventually, running
from tests.serving.toy_store import toy_store

SWAPS = 1_000 if os.environ.get("AISLE_LONG") else 30
ASK = {"query": "lamp", "session_id": "s"}
SIMILAR = 'aisle_requests_total{route="/v1/similar",status="200",surface="similar"}'


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_store(tmp_path_factory.mktemp("shop"), "one", "two", "torn")


@pytest.fixture(scope="module")
def server(store: Path) -> Iterator[Running]:
    with running(store, "--workers", "2") as one:
        yield one


def click(name: str, user: str = "ada") -> dict[str, object]:
    return {"event_id": name, "type": "click", "item_id": "lamp_red", "user_id": user}


def shown(client: httpx.Client, query: str) -> list[str]:
    return [item["item_id"] for item in client.post("/v1/search", json={"query": query}).json()["items"]]


def metric(server: Running, name: str) -> float:
    found = re.findall(rf"^{re.escape(name)} (\S+)$", server.client.get("/metrics").text, re.MULTILINE)
    return float(found[0]) if found else 0.0


def test_every_worker_sees_an_event_and_an_item_as_soon_as_it_is_acknowledged(server: Running):
    assert server.client.post("/v1/events", json=click("first")).json()["stored"] == 1
    assert all(one.get("/v1/users/ada").json()["events"] == 1 for one in server.each())
    assert server.client.put("/v1/items", json={"item_id": "fresh", "title": "Turquoise gramophone"}).json()["stored"] == 1
    assert {shown(one, "gramophone")[0] for one in server.each()} == {"fresh"}
    assert server.client.delete("/v1/items/fresh").json()["deleted"]
    assert not any("fresh" in shown(one, "gramophone") for one in server.each())


def test_an_event_sent_to_both_workers_counts_once(server: Running):
    told = [one.post("/v1/events", json=click("same")).json() for one in server.each(8)]
    assert (sum(one["stored"] for one in told), sum(one["duplicate"] for one in told)) == (1, 7)


def test_metrics_are_those_of_all_workers(server: Running):
    before = metric(server, SIMILAR)
    for one in server.each(20):
        one.post("/v1/similar", json={"items": ["lamp_red"]})
    assert all(metric(server, SIMILAR) == before + 20 for _ in range(6))
    assert metric(server, "aisle_workers") == 2


def test_the_counters_have_their_room_on_disk_before_it_is_needed(server: Running, store: Path):
    assert server.client.get("/healthz").status_code == 200
    kept = [file.stat() for file in (store.parent / "state" / "metrics").glob("*.db")]
    assert len(kept) >= 6, "three kinds of each worker"
    assert all(one.st_blocks * 512 >= one.st_size for one in kept), "a count into a hole of a full disk kills the process"


def test_who_has_ended_keeps_its_counts_and_gives_back_the_rest(tmp_path: Path):
    (tmp_path / "counter_7.db").write_bytes((24).to_bytes(4, sys.byteorder) + bytes(4096))
    (tmp_path / "gauge_livesum_7.db").write_bytes(bytes(64))
    release(tmp_path, 7)
    assert {file.name: file.stat().st_size for file in tmp_path.iterdir()} == {"counter_7.db": 24}


def test_a_user_has_one_name_in_the_logs_of_all_workers(server: Running):
    for one in server.each(8):
        one.post("/v1/recommend", json={"user_id": "carol@example.org"})
    lines = [json.loads(line) for line in server.said if '"route":"/v1/recommend"' in line]
    assert len({line["user"] for line in lines}) == 1 and "carol" not in server.output


def test_a_killed_worker_is_replaced_and_the_other_answers_meanwhile(server: Running):
    assert all(one.post("/v1/similar", json={"items": ["lamp_red"]}).status_code == 200 for one in server.each(6))
    counted, before = metric(server, SIMILAR), {one.pid for one in server.workers()}
    victim = server.workers()[0]
    victim.kill()
    statuses = []
    for one in server.each(20):
        try:
            statuses.append(one.post("/v1/search", json=ASK).status_code)
        except httpx.HTTPError:
            statuses.append(0)  # it was that worker's connection
    assert statuses.count(200) >= 18
    assert eventually(lambda: len(server.workers()) == 2 and {one.pid for one in server.workers()} != before)
    assert eventually(lambda: metric(server, "aisle_workers") == 2)
    assert '"event":"worker_ended"' in server.output
    assert metric(server, SIMILAR) == counted, "what it counted stays"


def test_a_second_server_on_the_same_state_names_the_owner(server: Running, store: Path):
    told = subprocess.run([*COMMAND, "serve", str(store), "--port", "0"], capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert str(server.process.pid) in " ".join(told.stderr.split()) and "Traceback" not in told.stderr
    with pytest.raises(StateError, match=str(server.process.pid)):
        start(store, port=0)


def test_a_bundle_changes_under_load_without_a_failed_or_a_mixed_answer(server: Running, store: Path):
    stop, wrong, seen = threading.Event(), list[str](), Counter[str]()

    def ask() -> None:
        with httpx.Client(base_url=server.address, timeout=30) as client:
            while not stop.is_set():
                response = client.post("/v1/search", json=ASK)
                if response.status_code != 200 or not response.json()["items"]:
                    wrong.append(response.text)
                seen[response.json().get("bundle", "")] += 1

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for one in askers:
        one.start()
    for number in range(SWAPS):
        step = "rollback" if number % 3 == 2 else f"{(('two', 'one')[number % 2])}/activate"
        response = server.client.post(f"/v1/bundles/{step}")
        assert response.status_code == 200 and response.json()["active"] == Store(store).current()
    stop.set()
    for one in askers:
        one.join()
    assert not wrong and set(seen) == {"one", "two"}, wrong[:3]


def test_an_activation_beside_the_server_reaches_every_worker(server: Running, store: Path):
    def everywhere(wanted: str) -> bool:
        return all(one.get("/readyz").json()["bundle"] == wanted for one in server.each(8))

    for name in ("two", "one"):
        Store(store).activate(name)
        assert eventually(partial(everywhere, name))


def test_a_flipped_bit_in_any_file_is_refused_and_the_active_bundle_serves_on(server: Running, store: Path):
    folder, refused = store / "torn", list[str]()
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.stat().st_size]
    for path in files:
        data = path.read_bytes()
        middle = len(data) // 2
        path.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
        response = server.client.post("/v1/bundles/torn/activate")
        refused += [path.name] if response.status_code == 409 and response.json()["code"] == "bad_bundle" else []
        path.write_bytes(data)
    assert len(refused) == len(files)
    (store / "CURRENT").write_text("torn\n", encoding="utf-8")  # past every check, as a careless copy would
    data = files[0].read_bytes()
    files[0].write_bytes(data[:-1])
    assert eventually(lambda: '"event":"bundle_refused"' in server.output)
    assert all(one.post("/v1/search", json=ASK).json()["bundle"] == "one" for one in server.each(6))
    files[0].write_bytes(data)
    Store(store).activate("one")


def test_a_killed_server_leaves_nothing_behind_and_the_next_has_all_that_was_acknowledged(tmp_path: Path):
    store = toy_store(tmp_path)
    with running(store, "--workers", "2") as server:
        workers, port = server.workers(), httpx.URL(server.address).port
        acknowledged = send_until_killed(server, 60)
        assert eventually(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in workers), 5)
    bind("127.0.0.1", port or 0).close()  # the port is free for the next server, and so is the state
    with own(tmp_path / "state"), aisle.open(store) as shop, State.open(tmp_path / "state") as state:
        kept = [one["event_id"] for one in (shop.export("bo") or {})["events"]]
        assert set(acknowledged) <= set(kept) and len(set(kept)) == len(kept)
        assert state.problems() == [] and state.newest() == len(kept)


def send_until_killed(server: Running, enough: int) -> list[str]:
    """Events from four clients at once, and the server killed in the middle of them; the ids that were acknowledged."""
    acknowledged, sent = list[str](), threading.Event()

    def send(own: int) -> None:
        with httpx.Client(base_url=server.address, timeout=5) as client:
            for number in range(10_000):
                try:
                    told = client.post("/v1/events", json=click(f"{own}-{number}", "bo"))
                except httpx.HTTPError:
                    return
                if told.status_code == 200 and told.json()["stored"]:
                    acknowledged.append(f"{own}-{number}")
                if len(acknowledged) > enough:
                    sent.set()

    senders = [threading.Thread(target=send, args=(own,)) for own in range(4)]
    for one in senders:
        one.start()
    assert sent.wait(30)
    server.process.kill()
    for one in senders:
        one.join()
    return acknowledged


def test_a_port_in_use_is_said_in_words(store: Path, tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = ["--port", str(taken.getsockname()[1]), "--state", str(tmp_path)]
        told = subprocess.run([*COMMAND, "serve", str(store), *port], capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert "in use" in " ".join(told.stderr.split()) and "--port" in told.stderr and "Traceback" not in told.stderr


def test_workers_that_cannot_start_end_the_server_with_their_reason(tmp_path: Path):
    broken = toy_store(tmp_path)
    victim = next(path for path in sorted((broken / "one").rglob("*.npy")) if path.stat().st_size)
    victim.write_bytes(b"x")
    plan = Plan(str(broken), str(tmp_path / "state"), shared=str(tmp_path / "shared"))
    with bind("127.0.0.1", 0) as listener, pytest.raises(ServeError, match="is damaged"):
        supervise(plan, 1, listener.fileno(), lambda *_, **__: None, lambda: pytest.fail("ready"))
    assert not (tmp_path / "shared").exists()


def test_two_workers_stop_cleanly_under_load(tmp_path: Path):
    with running(toy_store(tmp_path), "--workers", "2", "--clock", "log") as server:
        stop = threading.Event()

        def ask() -> None:
            while not stop.is_set():
                try:
                    httpx.post(f"{server.address}/v1/search", json=ASK, timeout=5)
                except httpx.HTTPError:
                    return

        asker = threading.Thread(target=ask)
        asker.start()
        now = server.client.post("/v1/events", json={"type": "click", "item_id": "lamp_red", "user_id": "u"})
        stamp = server.client.get("/v1/users/u/export").json()["events"][0]["timestamp"]
        workers = server.workers()
        assert server.stop(signal.SIGINT) == 0
        stop.set()
        asker.join()
    assert now.json()["stored"] == 1 and stamp.startswith("2024-01"), "the old log's last day is today, for both workers"
    assert not any(one.is_running() for one in workers)
    assert server.output.count('"event":"stopped"') == 2 and "Traceback" not in server.output
