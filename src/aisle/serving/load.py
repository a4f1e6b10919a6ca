"""Open-loop load on a running server: requests leave at a fixed rate whether or not earlier ones were answered, so queues show."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from math import ceil
from time import perf_counter, process_time

REST = 3.0
"""Seconds after which an idle connection is not used again: the server may close it at any moment."""
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class Call:
    """One request to send: a JSON route and its body."""

    route: str
    body: bytes


@dataclass
class Tally:
    """What came back: milliseconds of the answers with status 200 by route, all statuses, and the generator's own share of a processor."""

    took: dict[str, list[float]] = field(default_factory=dict)
    status: Counter[str] = field(default_factory=Counter)
    own_cpu: float = 0.0

    def percentile(self, share: float, route: str | None = None) -> float | None:
        """The smallest time that ``share`` of the answers do not exceed, None of none."""
        ordered = sorted(time for name, times in self.took.items() if route in (None, name) for time in times)
        return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else None


class Target:
    """A server under load and the connections to it that are free."""

    def __init__(self, host: str, port: int, timeout: float = 10.0, key: str = "") -> None:
        self.host, self.port, self.timeout = host, port, timeout
        self._head = f"Host: {host}:{port}\r\nContent-Type: application/json\r\n" + (f"Authorization: Bearer {key}\r\n" if key else "")
        self._free: deque[tuple[float, Connection]] = deque()

    async def send(self, call: Call) -> int:
        """The status of the answer to one request."""
        reader, writer = self._rested() or await asyncio.open_connection(self.host, self.port)
        try:
            writer.write(f"POST {call.route} HTTP/1.1\r\n{self._head}Content-Length: {len(call.body)}\r\n\r\n".encode() + call.body)
            status, stays = await asyncio.wait_for(_answer(reader), self.timeout)
        except BaseException:
            writer.close()
            raise
        if stays:
            self._free.append((perf_counter(), (reader, writer)))
        else:
            writer.close()
        return status

    def _rested(self) -> Connection | None:
        while self._free and self._free[0][0] < perf_counter() - REST:
            self._free.popleft()[1][1].close()
        return self._free.pop()[1] if self._free else None

    def close(self) -> None:
        """Close the connections."""
        for _, (_, writer) in self._free:
            writer.close()


async def load(target: Target, calls: Sequence[Call], rate: float, seconds: float) -> Tally:
    """Send the calls in turn, ``rate`` a second, evenly spaced. A time counts from the moment a request was due."""
    tally, running = Tally(), set[asyncio.Task[None]]()
    started, cpu = perf_counter(), process_time()
    for number, call in enumerate(islice(cycle(calls), int(rate * seconds))):
        due = started + number / rate
        await asyncio.sleep(max(0.0, due - perf_counter()))
        task = asyncio.create_task(_one(target, call, due, tally))
        running.add(task)
        task.add_done_callback(running.discard)
    await asyncio.gather(*running)
    tally.own_cpu = (process_time() - cpu) / (perf_counter() - started)
    target.close()
    return tally


async def _one(target: Target, call: Call, due: float, tally: Tally) -> None:
    try:
        status = await target.send(call)
    except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
        tally.status[type(error).__name__] += 1
        return
    tally.status[str(status)] += 1
    if status == 200:
        tally.took.setdefault(call.route, []).append((perf_counter() - due) * 1000)


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = next((int(line.partition(":")[2]) for line in head.split("\r\n") if line.startswith("content-length:")), 0)
    await reader.readexactly(length)
    return int(head.split(" ", 2)[1]), "\r\nconnection: close" not in head
