"""One process that serves: open what it answers from, answer until asked to stop, and leave within ten seconds."""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import TextIO

import uvicorn
from fastapi import FastAPI
from rich.console import Console

from aisle.core.memory import give_back
from aisle.serving.access import Gate
from aisle.serving.app import create_app
from aisle.serving.console_insight import Insight
from aisle.serving.engine import BundleStore, Engine
from aisle.serving.listen import BACKLOG, address, bind
from aisle.serving.live import Live, warm
from aisle.serving.telemetry import Telemetry

STOP_SECONDS = 8
"""Requests that still run after this are cut off."""
KEEP_ALIVE_SECONDS = 65
"""Longer than the minute for which proxies keep an idle connection, so that none is closed under a request."""
TURN_SECONDS = 0.0002
"""How soon a thread that computes lets another one go on: the loop that takes requests shall not wait for five milliseconds each time."""


@dataclass(frozen=True)
class Service:
    """What a process answers from. ``clock`` is what requests take as now; ``pictures`` the shop's folder, which its items' images are
    relative to; ``shared`` the folder in which workers add up their counters; ``insight`` what the console reads; ``close`` is called
    last."""

    engine: Engine
    store: BundleStore | None = None
    gate: Gate | None = None
    clock: Callable[[], float] = time
    shop: str = "Aisle"
    pictures: Path | None = None
    salt: bytes | None = None
    shared: Path | None = None
    insight: Insight | None = None
    log: TextIO | None = None
    close: Callable[[], None] = lambda: None


def serve(open_service: Callable[[], Service], host: str = "127.0.0.1", port: int = 8000, closed: bool = False) -> None:
    """Serve from this process alone until SIGTERM or SIGINT. Port 0 takes any free one; the address is printed to standard error.

    Raises `ServeError` where the address cannot be had, before the service is opened.
    """
    with bind(host, port, closed) as listener:
        answer(open_service(), listener, lambda: Console(stderr=True).print(address(listener), style="bold", highlight=False))


def answer(service: Service, listener: socket.socket, ready: Callable[[], None]) -> None:
    """Answer on a socket until SIGTERM or SIGINT; ``ready`` is called as soon as it does."""
    telemetry = Telemetry(service.log, service.salt, service.shared)
    options = (service.gate or Gate()).options
    live = Live(warm(service.engine), service.clock, service.store, options.threads, options.patience_ms)
    sys.setswitchinterval(TURN_SECONDS)
    gc.collect()
    give_back()
    gc.freeze()  # the bundle lives as long as the process: walking it again and again would cost the slowest answers

    def said() -> None:
        telemetry.say("ready", address=address(listener), bundle=live.engine.bundle_id)
        ready()

    _run(create_app(live, telemetry, service.shop, service.gate, service.pictures, service.insight), listener, said)
    telemetry.say("stopped", abandoned=live.running)
    if live.running:
        os._exit(0)  # a hung engine call would keep the process alive for ever
    service.close()


class _Server(uvicorn.Server):
    """Tells when it takes requests and signals, not before."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


def _run(app: FastAPI, listener: socket.socket, ready: Callable[[], None]) -> None:
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, backlog=BACKLOG,
        timeout_graceful_shutdown=STOP_SECONDS, timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )  # fmt: skip
    with _signals_end_here():
        _Server(config, ready).run(sockets=[listener])


@contextmanager
def _signals_end_here() -> Iterator[None]:
    """uvicorn stops gracefully and then raises the signal once more, which would turn a clean stop into a death by signal."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
