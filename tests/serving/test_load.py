"""The load generator: every request is accounted for once, whatever the server does with it, and percentiles are those by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from aisle.serving.load import Call, Tally, Target, load

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
BUSY = b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nConnection: close\r\n\r\n"


def against(reply: Callable[[int], bytes | None], requests: int) -> tuple[Tally, int]:
    """Load a server that gives ``reply(n)`` to its n-th request (None closes the connection); what came back, and its connections."""
    seen, opened = iter(range(10**6)), 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        while await reader.read(10_000):
            answer = reply(next(seen))
            if answer is None:
                break
            writer.write(answer)
            if b"close" in answer:
                break
        writer.close()

    async def play() -> Tally:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            target = Target("127.0.0.1", server.sockets[0].getsockname()[1], timeout=2.0, key="secret")
            tally = await load(target, [Call("/a", b"{}"), Call("/b", b"{}")], 400, requests / 400)
            await asyncio.sleep(0.02)
            return tally

    return asyncio.run(play()), opened


def test_every_answer_is_counted_once_and_timed_by_route():
    tally, opened = against(lambda _: OK, 40)
    assert dict(tally.status) == {"200": 40} and {route: len(times) for route, times in tally.took.items()} == {"/a": 20, "/b": 20}
    assert opened < 40 and 0 <= tally.own_cpu < 2


def test_refusals_are_counted_and_not_timed_and_closed_connections_not_used_again():
    tally, _ = against(lambda number: BUSY if number % 2 else OK, 40)
    assert dict(tally.status) == {"200": 20, "503": 20} and sum(map(len, tally.took.values())) == 20


def test_a_dropped_connection_is_an_error_and_the_load_goes_on():
    tally, _ = against(lambda number: None if number == 3 else OK, 30)
    assert sum(tally.status.values()) == 30 and tally.status["200"] == 29


@pytest.mark.parametrize(("share", "expected"), [(0.5, 5.0), (0.9, 9.0), (0.99, 10.0), (1.0, 10.0)])
def test_percentiles_by_hand(share: float, expected: float):
    assert Tally({"/a": [float(n) for n in range(10, 0, -1)]}).percentile(share) == expected
    assert Tally().percentile(share) is None
