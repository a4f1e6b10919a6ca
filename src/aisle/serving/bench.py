"""`aisle bench`: a short load on a store's active bundle, in a server of its own with a state of its own, and the latency that it gave."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO
from urllib.parse import urlsplit

import numpy as np
import orjson

from aisle.core.answer import Json
from aisle.opening import open_shop
from aisle.serving.listen import ServeError
from aisle.serving.load import Call, Tally, Target, load
from aisle.shop import Shop

MIXED = {"/v1/search": 5, "/v1/recommend": 3, "/v1/similar": 2}
"""Of ten requests, how many go where."""
WARM_SECONDS = 2.0
START_SECONDS = 60.0


def bench(store: Path, rate: float, seconds: float, workers: int = 1, seed: int = 7) -> dict[str, Json]:
    """``rate`` requests a second for ``seconds``, after a warm-up. Times in milliseconds, counted from when a request was due."""
    calls = asked(open_shop(store), seed)
    with TemporaryDirectory(prefix="aisle-bench-") as state, served(store, Path(state), workers) as address:
        place = urlsplit(address)
        target = Target(place.hostname or "", place.port or 80)
        asyncio.run(load(target, calls, rate, WARM_SECONDS))
        tally = asyncio.run(load(Target(target.host, target.port), calls, rate, seconds))
    return told(tally, rate, seconds, workers)


def asked(shop: Shop, seed: int, many: int = 1_000) -> list[Call]:
    """Requests of a shop's own: words of its titles, its busiest users, its items."""
    random = np.random.default_rng(seed)
    catalogue, users = shop.pipeline.catalogue, shop.users(100) or ["nobody"]
    routes = [route for route, share in MIXED.items() for _ in range(share)]
    drawn = [(str(random.choice(users)), int(random.integers(len(catalogue)))) for _ in range(many)]
    return [_call(routes[place % len(routes)], user, row, shop) for place, (user, row) in enumerate(drawn)]


def _call(route: str, user: str, row: int, shop: Shop) -> Call:
    item = shop.pipeline.catalogue.item(row)
    words = " ".join(str(item.get("title") or "a").split()[:2])
    bodies: dict[str, dict[str, Json]] = {
        "/v1/search": {"query": words, "user_id": user, "limit": 10},
        "/v1/recommend": {"user_id": user, "surface": "home", "limit": 10},
        "/v1/similar": {"items": [str(item["item_id"])], "limit": 10},
    }
    return Call(route, orjson.dumps(bodies[route]))


def told(tally: Tally, rate: float, seconds: float, workers: int) -> dict[str, Json]:
    """The figures, with what the generator itself took, since it runs on the same machine."""
    routes: dict[str, Json] = {
        route: {"answered": len(times), **{f"p{share}_ms": _rounded(tally.percentile(share / 100, route)) for share in (50, 90, 99)}}
        for route, times in sorted(tally.took.items())
    }
    return {
        "rate": rate, "seconds": seconds, "workers": workers, "status": dict(tally.status), "p50_ms": _rounded(tally.percentile(0.5)),
        "p99_ms": _rounded(tally.percentile(0.99)), "routes": routes, "generator_cpu": round(tally.own_cpu, 2),
    }  # fmt: skip


@contextmanager
def served(store: Path, state: Path, workers: int) -> Iterator[str]:
    """A server in a process of its own for as long as the block runs; gives its address. Raises `ServeError` when it does not start."""
    program = "from aisle.cli import main; main()"
    command = [sys.executable, "-P", "-c", program, "serve", str(store), "--port", "0", "--state", str(state), "--workers", str(workers)]
    process = subprocess.Popen([*command, "--clock", "log"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        yield _address(process.stderr, process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(15)


def _address(said: IO[str] | None, process: subprocess.Popen[str]) -> str:
    """The address that the server prints; what it says afterwards is read away, so that it never waits for a reader."""
    last: deque[str] = deque(maxlen=3)
    watch = threading.Timer(START_SECONDS, process.kill)
    watch.start()
    try:
        for line in said or ():
            if line.startswith("http://"):
                threading.Thread(target=lambda: deque(said or (), maxlen=0), daemon=True).start()
                return line.strip()
            last.append(line.strip())
    finally:
        watch.cancel()
    raise ServeError(f"The server did not start: {' '.join(last)}.", "Try `aisle serve` by hand.")


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
