"""A real server: the `aisle serve` of the command line over the toy store, in processes of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-c", "from aisle.cli import main; main()"]


class Running:
    """One server, its address, what it says, and a client."""

    def __init__(self, store: Path, *options: str) -> None:
        self.said: list[str] = []
        command = [*COMMAND, "serve", str(store), "--port", "0", *options]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self._found = threading.Event()
        self.address = ""
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()
        self._found.wait(120)
        self.client = httpx.Client(base_url=self.address or "http://none", timeout=30)

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.rstrip())
            if line.startswith("http://"):
                self.address = line.strip()
                self._found.set()
        self._found.set()

    @property
    def output(self) -> str:
        """All that it said so far."""
        return "\n".join(self.said)

    def workers(self) -> list[psutil.Process]:
        """Its worker processes that are alive."""
        try:
            children = psutil.Process(self.process.pid).children()
        except psutil.NoSuchProcess:
            return []
        return [one for one in children if one.status() != psutil.STATUS_ZOMBIE]

    def each(self, times: int = 16) -> Iterator[httpx.Client]:
        """Clients with a connection of their own each, so that every worker gets some."""
        for _ in range(times):
            with httpx.Client(base_url=self.address, timeout=30) as one:
                yield one

    def stop(self, number: int = signal.SIGTERM) -> int | None:
        """Send a signal and wait; the status it ended with."""
        self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                return None
        self._reader.join(5)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return self.process.returncode


@contextmanager
def running(store: Path, *options: str) -> Iterator[Running]:
    """A server for as long as the block runs."""
    server = Running(store, *options)
    try:
        assert server.address, server.output
        yield server
    finally:
        server.stop()


def eventually(claim: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Whether a claim becomes true in time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if claim():
            return True
        time.sleep(0.05)
    return claim()
