"""`aisle serve`: own the state folder, bind the address, then answer from this process or from several workers."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from rich.console import Console

from aisle.bundle import Store
from aisle.serving.listen import LOOPBACK, address, bind
from aisle.serving.plan import Plan, open_service
from aisle.serving.telemetry import logger
from aisle.state.folder import State
from aisle.state.lock import own


def start(
    store: Path, state: Path | None = None, host: str = "127.0.0.1", port: int = 8000, workers: int = 1, old_log: bool = False
) -> None:
    """Serve until SIGTERM or SIGINT. ``state`` is `state_of` the store where absent; ``old_log`` treats the log's newest event as now.

    Raises `AisleError` where there is no bundle, the state is served by another process, or the address cannot be had.
    """
    Store.at(store)
    folder = state or state_of(store)
    with own(folder):
        with State.open(folder) as known:
            closed = known.keys.closed()
        with bind(host, port, closed) as listener:
            plan = Plan(str(store), str(folder), old_log, host in LOOPBACK, str(folder / "metrics") if workers > 1 else "")
            print_address = partial(Console(stderr=True).print, address(listener), style="bold", highlight=False)
            if workers > 1:
                from aisle.serving.workers import supervise

                supervise(plan, workers, listener.fileno(), logger().info, print_address)
            else:
                from aisle.serving.server import answer

                answer(open_service(plan), listener, print_address)


def state_of(store: Path) -> Path:
    """Where the state of a store lies by default: beside it."""
    return Store.at(store)[0].folder.resolve().parent / "state"
