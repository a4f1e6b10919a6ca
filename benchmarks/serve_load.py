"""Open-loop load on a running server: requests leave at a fixed rate whether or not earlier ones are answered, so queues show in the times.

    python benchmarks/serve_load.py http://127.0.0.1:8000 /v1/search bodies.jsonl --rate 50 --seconds 30 --pid 1234

Each line of ``bodies.jsonl`` is one request's JSON; they are sent in turn. A latency counts from the moment a request was due, not from
when it was sent; how late the generator itself sent it is stated beside it (``late_p99_ms``), as is the generator's own CPU share, since it
runs on the same machine. Connections are opened beforehand and used in turn, so that every worker of a server gets its part. The result
is one JSON object on standard output.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from urllib.parse import urlsplit

Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]
IDLE_SECONDS = 3.0
"""A connection that rested longer may be closed by the server at any moment and is not used again."""
FINE_SECONDS, FINE_SHARE = 0.0025, 0.1
"""How long before a request is due the generator no longer sleeps: at most so long, and at most so much of the time."""
CONNECTIONS = 16
"""Opened before the load begins."""


@dataclass
class Tally:
    """What came back: latencies in milliseconds of the answers with status 200, how late each request left, and how many of each status."""

    took: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    status: Counter[str] = field(default_factory=Counter)
    degraded: int = 0


@dataclass
class Target:
    """The server under load, and the connections to it that are free."""

    host: str
    port: int
    route: str
    free: deque[tuple[float, Pair]] = field(default_factory=deque)
    opened: int = 0

    async def open(self, connections: int = CONNECTIONS) -> None:
        """Have so many connections ready, opened one after the other: a worker takes all that wait at the moment it looks."""
        while len(self.free) < connections:
            self.free.append((time.perf_counter(), await self._open()))
            await asyncio.sleep(0.005)

    async def close(self) -> None:
        """Close what is free."""
        while self.free:
            writer = self.free.pop()[1][1]
            writer.close()
            await writer.wait_closed()

    async def send(self, body: bytes, timeout: float, route: str = "") -> tuple[int, bytes]:
        """One request on a kept-alive connection, to another route than the target's where one is named; status and body of its answer."""
        pair = self._rested() or await self._open()
        try:
            answer = await asyncio.wait_for(exchange(pair, route or self.route, body), timeout)
        except BaseException:
            pair[1].close()
            raise
        self.free.append((time.perf_counter(), pair))
        return answer

    def _rested(self) -> Pair | None:
        while self.free and self.free[0][0] < time.perf_counter() - IDLE_SECONDS:
            self.free.popleft()[1][1].close()
        return self.free.popleft()[1] if self.free else None

    async def _open(self) -> Pair:
        self.opened += 1
        return await asyncio.open_connection(self.host, self.port)


async def exchange(pair: Pair, route: str, body: bytes) -> tuple[int, bytes]:
    """Post ``body`` on one connection; status and body of its answer."""
    reader, writer = pair
    head = f"POST {route} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    return await _answer(reader)


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = next(int(line.partition(":")[2]) for line in head.split("\r\n") if line.startswith("content-length:"))
    return int(head.split(" ", 2)[1]), await reader.readexactly(length)


Look = Callable[[bytes], None]


async def load(
    target: Target, bodies: Iterator[bytes], rate: float, seconds: float, timeout: float = 10.0, look: Look | None = None,
    stop: asyncio.Event | None = None,
) -> Tally:  # fmt: skip
    """Send ``rate`` requests a second for ``seconds`` or until ``stop``, evenly spaced; ``look`` is shown every answer with status 200."""
    tally, running = Tally(), set[asyncio.Task[None]]()
    started = time.perf_counter()
    for number in range(int(rate * seconds)):
        due = started + number / rate
        await until(due, min(FINE_SECONDS, FINE_SHARE / rate))
        if stop is not None and stop.is_set():
            break
        tally.late.append((time.perf_counter() - due) * 1000)
        task = asyncio.create_task(_one(target, next(bodies), due, timeout, tally, look))
        running.add(task)
        task.add_done_callback(running.discard)
    await asyncio.gather(*running)
    return tally


async def until(due: float, fine: float) -> None:
    """Wait for a moment of `time.perf_counter`, the last ``fine`` seconds awake: what the event loop's timer, which counts in milliseconds,
    is late by would be taken for the server's."""
    await asyncio.sleep(max(0.0, due - fine - time.perf_counter()))
    while time.perf_counter() < due:
        await asyncio.sleep(0)


async def _one(target: Target, body: bytes, due: float, timeout: float, tally: Tally, look: Look | None) -> None:
    try:
        status, answer = await target.send(body, timeout)
    except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
        tally.status[type(error).__name__] += 1
        return
    tally.status[str(status)] += 1
    if status == 200:
        tally.took.append((time.perf_counter() - due) * 1000)
        tally.degraded += b'"degraded":true' in answer
        if look is not None:
            look(answer)


def percentile(values: list[float], share: float) -> float | None:
    """The smallest value that at least ``share`` of them do not exceed, None of none."""
    ordered = sorted(values)
    return round(ordered[max(0, -(-int(share * 1000) * len(ordered) // 1000) - 1)], 2) if ordered else None


def process_facts(pid: int) -> dict[str, float | bool | None]:
    """Resident memory in MB now and at its peak, CPU seconds so far, and whether torch is loaded, from ``/proc``."""
    folder = Path(f"/proc/{pid}")
    status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines() if ":" in line)
    ticks = (folder / "stat").read_text().rpartition(")")[2].split()
    return {
        "rss_mb": round(int(status["VmRSS"].split()[0]) / 1024, 1),
        "peak_rss_mb": round(int(status["VmHWM"].split()[0]) / 1024, 1),
        "cpu_seconds": (int(ticks[11]) + int(ticks[12])) / 100,
        "torch": any(word in (folder / "maps").read_text() for word in ("libtorch", "torch/_C")),
    }


def measure(address: str, route: str, bodies: list[bytes], rate: float, seconds: float, pids: Sequence[int]) -> dict[str, object]:
    """Warm up for two seconds, then load and report; ``pids`` are the server's processes, whose CPU is added up."""
    parts = urlsplit(address)
    target = Target(parts.hostname or "127.0.0.1", parts.port or 80, route)

    async def run() -> tuple[Tally, float, float, float]:
        await target.open()
        await load(target, cycle(bodies), rate, 2)
        before, own = server_cpu(pids), own_cpu()
        started = time.perf_counter()
        tally = await load(target, cycle(bodies), rate, seconds)
        wall = time.perf_counter() - started
        await target.close()
        return tally, wall, own_cpu() - own, server_cpu(pids) - before

    tally, wall, own, used = asyncio.run(run())
    facts = process_facts(pids[0]) if pids else {}
    facts.pop("cpu_seconds", None)
    return {
        "route": route, "rate": rate, "seconds": round(wall, 2), "connections": target.opened, **summary(tally),
        "generator_cpu_share": round(own / wall, 3), "server_cpu_share": round(used / wall, 3), **facts,
    }  # fmt: skip


def summary(tally: Tally) -> dict[str, object]:
    """The tally in figures."""
    shares = {"p50_ms": 0.5, "p90_ms": 0.9, "p99_ms": 0.99, "max_ms": 1.0}
    return {
        "sent": len(tally.late), "status": dict(tally.status), "degraded": tally.degraded, "late_p99_ms": percentile(tally.late, 0.99),
        **{name: percentile(tally.took, share) for name, share in shares.items()},
    }  # fmt: skip


def server_cpu(pids: Sequence[int]) -> float:
    """CPU seconds that these processes have used."""
    return sum(process_facts(pid)["cpu_seconds"] or 0.0 for pid in pids)


def own_cpu() -> float:
    """CPU seconds of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address")
    parser.add_argument("route")
    parser.add_argument("bodies", type=Path)
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--pid", type=int, action="append", default=[])
    asked = parser.parse_args()
    bodies = [line for line in asked.bodies.read_bytes().splitlines() if line.strip()]
    result = measure(asked.address, asked.route, bodies, asked.rate, asked.seconds, asked.pid)
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
