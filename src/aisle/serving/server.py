"""`aisle serve`: bind, open the bundle, answer until asked to stop, and leave within ten seconds."""

from __future__ import annotations

import gc
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import time
from typing import TextIO

import uvicorn
from fastapi import FastAPI
from rich.console import Console

from aisle.core.errors import AisleError
from aisle.serving.app import create_app
from aisle.serving.edge import LOOPBACK
from aisle.serving.engine import BundleStore, Engine
from aisle.serving.live import Live, warm
from aisle.serving.telemetry import Telemetry

STOP_SECONDS = 8
"""Requests that still run after this are cut off."""
KEEP_ALIVE_SECONDS = 65
"""Longer than the minute for which proxies keep an idle connection, so that none is closed under a request."""


class ServeError(AisleError):
    """The server cannot start as asked: host refused, port in use."""

    code = "cannot_serve"


def serve(
    open_engine: Callable[[], Engine],
    host: str = "127.0.0.1",
    port: int = 8000,
    store: BundleStore | None = None,
    clock: Callable[[], float] = time,
    shop: str = "Aisle",
    log: TextIO | None = None,
    pictures: Path | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT. Port 0 takes any free one; the address is printed to standard error.

    The port is bound before the bundle is opened, so that a taken one is known at once. ``clock`` is what requests take as now: wall time
    or `log_clock`; ``pictures`` the shop's folder, which its items' images are relative to. Raises `ServeError` for a host other than
    loopback and for a port that cannot be had.
    """
    listener = bind(host, port)
    with listener:
        telemetry = Telemetry(log)
        live = Live(warm(open_engine()), clock, store)
        gc.collect()
        gc.freeze()  # the bundle lives as long as the process: walking it again and again would cost the slowest answers
        address = f"http://{_shown(host)}:{listener.getsockname()[1]}"
        telemetry.say("ready", address=address, bundle=live.engine.bundle_id)
        Console(stderr=True).print(address, style="bold", highlight=False)
        _run(create_app(live, telemetry, shop, pictures=pictures), listener)
        telemetry.say("stopped", abandoned=live.running)
    if live.running:
        os._exit(0)  # a hung engine call would keep the process alive for ever


def _run(app: FastAPI, listener: socket.socket) -> None:
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, backlog=256,
        timeout_graceful_shutdown=STOP_SECONDS, timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )  # fmt: skip
    with _signals_end_here():
        uvicorn.Server(config).run(sockets=[listener])


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


def log_clock(newest: float, wall: Callable[[], float] = time) -> Callable[[], float]:
    """A clock for an old log: its ``newest`` event is now, and time goes on from there. NaN stays NaN: a log without a clock has no now."""
    started = wall()
    return lambda: newest + (wall() - started)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket on a loopback address."""
    if host not in LOOPBACK:
        raise ServeError(f"Without a key the server binds to loopback only, not to `{host}`.", "Use --host 127.0.0.1.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # without the protocol asyncio leaves TCP_NODELAY off: 40 ms
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(256)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ServeError(f"Cannot listen on {_shown(host)}:{port}: {reason}.", "Choose another one with --port.") from None
    return listener


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
