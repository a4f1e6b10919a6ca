"""Open-loop load on a running server: requests leave at a fixed rate whether or not earlier ones are answered, so queues show in the times.

    python benchmarks/serve_load.py http://127.0.0.1:8000 /v1/search bodies.jsonl --rate 50 --seconds 30 --pid 1234

Each line of ``bodies.jsonl`` is one request's JSON; they are sent in turn. A latency counts from the moment a request was due, not from
when it was sent. The result is one JSON object on standard output. The generator's own CPU share is stated, since it runs on the same
machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from urllib.parse import urlsplit

Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]
IDLE_SECONDS = 3.0
"""A connection that rested longer may be closed by the server at any moment and is not used again."""


@dataclass
class Tally:
    """What came back: latencies in milliseconds of the answers with status 200, how many of each status, and what failed."""

    took: list[float] = field(default_factory=list)
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

    async def send(self, body: bytes, timeout: float) -> tuple[int, bytes]:
        """One request on a kept-alive connection; status and body of its answer."""
        reader, writer = self._rested() or await self._open()
        head = f"POST {self.route} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(body)}\r\n\r\n"
        try:
            writer.write(head.encode() + body)
            answer = await asyncio.wait_for(_answer(reader), timeout)
        except BaseException:
            writer.close()
            raise
        self.free.append((time.perf_counter(), (reader, writer)))
        return answer

    def _rested(self) -> Pair | None:
        while self.free and self.free[0][0] < time.perf_counter() - IDLE_SECONDS:
            self.free.popleft()[1][1].close()
        return self.free.pop()[1] if self.free else None

    async def _open(self) -> Pair:
        self.opened += 1
        return await asyncio.open_connection(self.host, self.port)


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = next(int(line.partition(":")[2]) for line in head.split("\r\n") if line.startswith("content-length:"))
    return int(head.split(" ", 2)[1]), await reader.readexactly(length)


async def load(target: Target, bodies: Iterator[bytes], rate: float, seconds: float, timeout: float = 10.0) -> Tally:
    """Send ``rate`` requests a second for ``seconds``, evenly spaced."""
    tally, running = Tally(), set[asyncio.Task[None]]()
    started = time.perf_counter()
    for number in range(int(rate * seconds)):
        due = started + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        task = asyncio.create_task(_one(target, next(bodies), due, timeout, tally))
        running.add(task)
        task.add_done_callback(running.discard)
    await asyncio.gather(*running)
    return tally


async def _one(target: Target, body: bytes, due: float, timeout: float, tally: Tally) -> None:
    try:
        status, answer = await target.send(body, timeout)
    except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
        tally.status[type(error).__name__] += 1
        return
    tally.status[str(status)] += 1
    if status == 200:
        tally.took.append((time.perf_counter() - due) * 1000)
        tally.degraded += b'"degraded":true' in answer


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


def measure(address: str, route: str, bodies: list[bytes], rate: float, seconds: float, pid: int | None) -> dict[str, object]:
    """Warm up for two seconds, then load and report."""
    parts = urlsplit(address)
    target = Target(parts.hostname or "127.0.0.1", parts.port or 80, route)

    async def run() -> tuple[Tally, float, float, float]:
        await load(target, cycle(bodies), rate, 2)
        before, own = (process_facts(pid)["cpu_seconds"] or 0.0) if pid else 0.0, _own_cpu()
        started = time.perf_counter()
        tally = await load(target, cycle(bodies), rate, seconds)
        return tally, time.perf_counter() - started, _own_cpu() - own, before

    tally, wall, own, before = asyncio.run(run())
    facts = process_facts(pid) if pid else {}
    used = {"server_cpu_share": round(((facts.pop("cpu_seconds") or 0.0) - before) / wall, 3)} if pid else {}
    return {
        "route": route, "rate": rate, "seconds": round(wall, 2), "sent": int(rate * seconds), "status": dict(tally.status),
        "p50_ms": percentile(tally.took, 0.5), "p90_ms": percentile(tally.took, 0.9), "p99_ms": percentile(tally.took, 0.99),
        "max_ms": percentile(tally.took, 1.0), "degraded": tally.degraded, "connections": target.opened,
        "generator_cpu_share": round(own / wall, 3), **used, **facts,
    }  # fmt: skip


def _own_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address")
    parser.add_argument("route")
    parser.add_argument("bodies", type=Path)
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--pid", type=int)
    asked = parser.parse_args()
    bodies = [line for line in asked.bodies.read_bytes().splitlines() if line.strip()]
    result = measure(asked.address, asked.route, bodies, asked.rate, asked.seconds, asked.pid)
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
