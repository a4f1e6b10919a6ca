"""The live measurements against made-up servers: they see what changes at once, what changes late, what never does, and mixed answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from benchmarks import live
from benchmarks.live import Probes, events
from benchmarks.serve_load import Pair
from benchmarks.swaps import MARK, Watch

Json = dict[str, Any]


class Page:
    """A shop that shows six items: a dismissed one goes at once, a click turns the page round after ``slow`` further pages."""

    def __init__(self, slow: int = 0, deaf: bool = False) -> None:
        self.slow, self.deaf = slow, deaf
        self.items = [f"i{number}" for number in range(6)]
        self.pages = dict[str, list[str]]()
        self.waiting = dict[str, int]()

    def __call__(self, route: str, body: Json) -> Json:
        page = self.pages.setdefault(body["user_id"], list(self.items))
        if route == "/v1/events":
            self.waiting[body["user_id"]] = 10**9 if self.deaf else self.slow
            self.change = body
            return {}
        left = self.waiting.get(body["user_id"])
        if left == 0:
            gone = self.change["item_id"] if self.change["type"] == "dismiss" else ""
            page[:] = [item for item in reversed(self.items) if item != gone]
        elif left is not None:
            self.waiting[body["user_id"]] -= 1
        return {"items": [{"item_id": item} for item in page]}


def against(shop: Callable[[str, Json], Json], probes: int) -> Probes:
    """Send some probes to a server that answers as ``shop`` does."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                size = int(next(line for line in head.lower().splitlines() if line.startswith("content-length")).partition(":")[2])
                answer = json.dumps(shop(head.split()[1], json.loads(await reader.readexactly(size)))).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)
        except asyncio.IncompleteReadError:
            writer.close()

    async def play() -> Probes:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            pairs: list[Pair] = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
            made = Probes(pairs[0], pairs[1], ["i3", "i4"])
            for number in range(probes):
                await made.one(number)
            for _, writer in pairs:
                writer.close()
                await writer.wait_closed()
            return made

    return asyncio.run(play())


def test_a_page_that_changes_is_timed_on_both_workers() -> None:
    probes = against(Page(), 6)
    assert [len(took) for took in probes.took] == [6, 6]
    assert not probes.unchanged
    assert all(0 < took < 1_000 for took in (*probes.took[0], *probes.took[1]))


def test_a_page_that_changes_late_is_asked_for_again() -> None:
    assert [len(took) for took in against(Page(slow=4), 2).took] == [2, 2]


def test_a_page_that_never_changes_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "PATIENCE", 0.05)
    probes = against(Page(deaf=True), 2)
    assert dict(probes.unchanged) == {"click": 2, "dismiss": 2}
    assert probes.took == ([], [])


def test_no_event_id_comes_twice() -> None:
    stream = events(["a", "b"], 10, "run")
    rows = [row for _ in range(50) for row in json.loads(next(stream))]
    assert len({row["event_id"] for row in rows}) == len(rows) == 500
    assert isinstance(json.loads(next(events(["a"], 1, "run"))), dict)


def answer(bundle: str, *titles: str) -> bytes:
    return json.dumps({"bundle": bundle, "items": [{"title": title} for title in titles]}).encode()


def test_an_answer_with_items_of_the_other_bundle_is_mixed() -> None:
    watch = Watch({"old": False, "new": True})
    for one in (answer("old", "lamp", "rug"), answer("new", f"lamp {MARK}"), answer("new", f"lamp {MARK}", "rug"), answer("old")):
        watch(one)
    assert watch.mixed == 1
    assert dict(watch.seen) == {"old": 2, "new": 2}
