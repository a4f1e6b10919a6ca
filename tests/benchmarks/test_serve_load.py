"""The load generator: every request is accounted for, once, whatever the server does with it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import pytest

from benchmarks.serve_load import Tally, Target, load, percentile, process_facts

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{"degraded":false}'
THIN = b'HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{"degraded":true}'
BUSY = b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n"


def against(reply: Callable[[int], bytes | None], requests: int, timeout: float = 5.0) -> tuple[Tally, Target]:
    """Load a server that gives ``reply(n)`` to its n-th request; None closes the connection."""
    seen = iter(range(10**6))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(10_000):
            answer = reply(next(seen))
            if answer is None:
                break
            writer.write(answer)
        writer.close()

    async def play() -> tuple[Tally, Target]:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            target = Target("127.0.0.1", server.sockets[0].getsockname()[1], "/x")
            tally = await load(target, cycle([b"{}"]), rate=500, seconds=requests / 500, timeout=timeout)
            await target.close()
            return tally, target

    return asyncio.run(play())


def test_every_answer_is_counted():
    tally, target = against(lambda _: OK, 50)
    assert dict(tally.status) == {"200": 50}
    assert len(tally.took) == 50
    assert target.opened <= 50


def test_refusals_are_counted_and_not_timed():
    tally, _ = against(lambda number: BUSY if number % 2 else OK, 40)
    assert dict(tally.status) == {"200": 20, "503": 20}
    assert len(tally.took) == 20


def test_thin_answers_are_counted():
    assert against(lambda _: THIN, 20)[0].degraded == 20


def test_a_dropped_connection_is_an_error_and_the_load_goes_on():
    tally, _ = against(lambda number: None if number == 3 else OK, 30)
    assert sum(tally.status.values()) == 30
    assert tally.status["200"] == 29


def test_silence_is_an_error():
    tally, _ = against(lambda _: b"", 5, timeout=0.05)
    assert dict(tally.status) == {"TimeoutError": 5}


@pytest.mark.parametrize(("share", "expected"), [(0.5, 5.0), (0.9, 9.0), (0.99, 10.0), (1.0, 10.0)])
def test_percentiles_by_hand(share: float, expected: float):
    assert percentile([float(n) for n in range(10, 0, -1)], share) == expected
    assert percentile([], share) is None


def test_process_facts_are_read_of_this_process():
    if not Path("/proc/self/maps").exists():
        pytest.skip("needs /proc")
    facts = process_facts(os.getpid())
    assert (facts["rss_mb"] or 0) > 1
    assert isinstance(facts["torch"], bool)
