"""The running server: its address is printed, a taken port and a foreign host are refused in words, and SIGTERM ends it cleanly."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from aisle.core.errors import BundleError
from aisle.core.request import Request
from aisle.serving.listen import ServeError, bind
from aisle.serving.live import Live, warm
from aisle.serving.server import Service, serve
from tests.serving.fakes import FakeEngine, FakeStore

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
from aisle.serving.server import Service, serve
from tests.serving.fakes import FakeEngine
{before}
serve(lambda: Service(FakeEngine()), port=0)
"""


def start(before: str = "") -> subprocess.Popen[str]:
    program = PROGRAM.format(before=textwrap.dedent(before))
    return subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def address(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    return next(line.strip() for line in process.stderr if line.startswith("http://"))


def end(process: subprocess.Popen[str]) -> str:
    process.send_signal(signal.SIGTERM)
    return process.communicate(timeout=15)[1]


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    one = start()
    yield one
    if one.poll() is None:
        one.kill()
        one.communicate()


def test_a_client_that_sends_far_too_much_without_listening_hears_the_reason(process: subprocess.Popen[str]):
    where = address(process)
    request = urllib.request.Request(f"{where}/v1/search", b'{"query": "' + b"x" * (16 << 20) + b'"}', {"Content-Type": "application/json"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=60)
    assert (refused.value.code, json.loads(refused.value.read())["code"]) == (413, "body_too_large")


def test_it_answers_at_the_address_it_prints_and_a_term_signal_ends_it_cleanly(process: subprocess.Popen[str]):
    where = address(process)
    assert where.startswith("http://127.0.0.1:")
    assert httpx.post(f"{where}/v1/search", json={"query": "red"}).json()["total"] == 6
    last = end(process).splitlines()[-1]
    assert process.returncode == 0
    assert json.loads(last)["event"] == "stopped"


def test_broken_http_does_not_end_the_server(process: subprocess.Popen[str]):
    where = address(process)
    host, port = where.removeprefix("http://").split(":")
    for raw in (b"\x00\xff\n\n", b"GET / HTTP/9.9\r\n\r\n", b"POST /v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 50\r\n\r\n{"):
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            connection.sendall(raw)
    assert httpx.get(f"{where}/healthz").status_code == 200
    assert "Traceback" not in end(process)


def test_a_hung_engine_does_not_keep_it_alive():
    process = start(
        """
        import threading
        import aisle.serving.server as server
        server.STOP_SECONDS = 1
        whole = FakeEngine.answer
        FakeEngine.answer = lambda self, asked: threading.Event().wait() if asked[0].query == "hang" else whole(self, asked)
        """
    )
    where = address(process)
    with pytest.raises(httpx.HTTPError):
        httpx.post(f"{where}/v1/search", json={"query": "hang"}, timeout=0.2)
    end(process)
    assert process.returncode == 0


def test_the_process_loads_no_training_library(process: subprocess.Popen[str]):
    address(process)
    loaded = Path(f"/proc/{process.pid}/maps")
    if not loaded.exists():
        pytest.skip("needs /proc")
    assert not [word for word in ("libtorch", "duckdb", "pyarrow") if word in loaded.read_text(encoding="utf-8")]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.4", "example.org", "::", ""])
def test_without_a_key_only_loopback_is_bound(host: str):
    with pytest.raises(ServeError, match="loopback only"):
        bind(host, 0)


def test_a_port_in_use_is_said_before_the_bundle_is_opened():
    with bind("127.0.0.1", 0) as taken, pytest.raises(ServeError, match=r"Cannot listen on .*in use.*--port"):
        serve(lambda: pytest.fail("opened"), port=taken.getsockname()[1])


@pytest.mark.parametrize("port", [-1, 70_000])
def test_a_port_that_does_not_exist_is_refused(port: int):
    with pytest.raises(ServeError, match="Cannot listen"):
        bind("127.0.0.1", port)


def test_a_call_keeps_its_engine_while_another_bundle_is_activated():
    async def play() -> tuple[str, str]:
        engine = FakeEngine("toy-1")
        engine.gate = threading.Event()
        live = Live(engine, lambda: 0.0, FakeStore())
        running = asyncio.create_task(live.answer([Request("r", "search", query="x")]))
        await asyncio.sleep(0)
        after = await live.activate("toy-2")
        engine.gate.set()
        answer = (await running)[0]
        live.close()
        return answer.bundle, after

    assert asyncio.run(play()) == ("toy-1", "toy-2")


def test_a_bundle_that_cannot_be_opened_changes_nothing():
    async def play() -> str:
        live = Live(FakeEngine("toy-1"), lambda: 0.0, FakeStore())
        with pytest.raises(BundleError):
            await live.activate("torn")
        live.close()
        return live.engine.bundle_id

    assert asyncio.run(play()) == "toy-1"


def test_no_port_is_left_open_by_a_bundle_that_cannot_be_opened():
    def broken() -> Service:
        raise BundleError("Bundle `x` is damaged.")

    with bind("127.0.0.1", 0) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(BundleError):
        serve(broken, port=port)
    bind("127.0.0.1", port).close()


def test_a_bundle_has_answered_before_it_is_handed_a_visitor():
    engine = warm(FakeEngine())
    assert {request.surface for request in engine.asked} == {"search", "home"}
