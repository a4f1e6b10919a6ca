"""Simulated shops of a size, trained once and kept in build/results, what their shoppers ask, and a server started on one of them."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from urllib.error import URLError
from urllib.request import urlopen

import psutil

from benchmarks.figures import WORK, aisle, binary
from benchmarks.serve_load import process_facts

READY_SECONDS = 120.0
Bodies = list[bytes]


@dataclass(frozen=True)
class Size:
    """A simulated shop and the minutes that its training gets. ``encoder`` forces one; by itself a short training takes the small one.
    ``judged`` queries have judgements, 0 for as many as is usual."""

    items: int
    events: int
    minutes: float
    encoder: str = ""
    judged: int = 0

    @property
    def folder(self) -> Path:
        """Where it lies."""
        judged = f"judged{self.judged}" if self.judged else ""
        return WORK / "_".join(filter(None, ("simulated", str(self.items), self.encoder, judged)))

    @property
    def said(self) -> str:
        """The shop in words."""
        return f"simulated shop of {self.items:,} items and {self.events:,} events{f', encoder {self.encoder}' if self.encoder else ''}"

    def store(self) -> Path:
        """Its bundle store; what is not there yet is made. Delete the folder to have it made anew."""
        store = self.folder / "bundles"
        if not (store / "CURRENT").exists():
            shutil.rmtree(self.folder, ignore_errors=True)
            judged = ("--judged", str(self.judged)) if self.judged else ()
            aisle("simulate", str(self.folder), "--items", str(self.items), "--events", str(self.events), *judged)
            if self.encoder:
                with (self.folder / "aisle.toml").open("a", encoding="utf-8") as settings:
                    settings.write(f'encoder = "{self.encoder}"\n')
            aisle("train", str(self.folder), "--minutes", str(self.minutes))
        return store


SIZES = {
    10_000: Size(10_000, 200_000, 2.5),
    50_000: Size(50_000, 400_000, 12, encoder="minilm"),
    100_000: Size(100_000, 500_000, 4),
}


def asked(folder: Path, most: int = 2_000, seed: int = 7) -> tuple[Bodies, Bodies]:
    """Bodies of searches (as often as they are typed in the log) and of home pages, by people of the log in random order."""
    queries: list[str] = []
    people: set[str] = set()
    with (folder / "events.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["user_id"]:
                people.add(row["user_id"])
            if row["type"] == "query":
                queries.append(row["query"])
    dice = Random(seed)
    users, texts = dice.sample(sorted(people), min(most, len(people))), dice.sample(queries, min(most, len(queries)))
    searches = [{"query": text, "user_id": dice.choice(users), "limit": 10} for text in texts]
    pages = [{"surface": "home", "user_id": user, "limit": 10} for user in users]
    return [packed(body) for body in searches], [packed(body) for body in pages]


def packed(body: object) -> bytes:
    """JSON on one line."""
    return json.dumps(body, ensure_ascii=False).encode()


@dataclass
class Server:
    """A running server of ours."""

    address: str
    pid: int
    ready_seconds: float

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.address.rpartition(":")[2])

    @property
    def pids(self) -> list[int]:
        """Itself and its workers."""
        return [self.pid, *(child.pid for child in psutil.Process(self.pid).children(recursive=True))]

    def workers(self) -> dict[int, int]:
        """Which process answers each open connection: our local port to its pid."""
        held: dict[int, int] = {}
        for pid in self.pids:
            for connection in psutil.Process(pid).net_connections("tcp"):
                if connection.raddr and connection.laddr.port == self.port:
                    held[connection.raddr.port] = pid
        return held

    def megabytes(self) -> float:
        """Memory of all processes; what they share counts once."""
        return float(sum(psutil.Process(pid).memory_full_info().pss for pid in self.pids)) / 2**20

    def torch(self) -> bool:
        """Whether torch is loaded in any of them."""
        return any(bool(process_facts(pid)["torch"]) for pid in self.pids)


@contextmanager
def serving(store: Path, workers: int = 1, state: Path | None = None) -> Iterator[Server]:
    """`aisle serve` on a free port, from its start until the block ends. An old log is served as if today were its last day."""
    port = _free_port()
    command = [binary("aisle"), "serve", str(store), "--port", str(port), "--clock", "log"]
    command += ["--workers", str(workers)] if workers > 1 else []
    command += ["--state", str(state)] if state is not None else []
    started = time.perf_counter()
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as child:
        try:
            _until_ready(child, f"http://127.0.0.1:{port}/readyz")
            yield Server(f"http://127.0.0.1:{port}", child.pid, time.perf_counter() - started)
        finally:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()


def _until_ready(child: subprocess.Popen[bytes], address: str) -> None:
    end = time.perf_counter() + READY_SECONDS
    while time.perf_counter() < end:
        if child.poll() is not None:
            raise SystemExit(f"The server ended with status {child.returncode} before it was ready.")
        try:
            with urlopen(address, timeout=5) as answer:
                if answer.status == 200:
                    return
        except (URLError, OSError):
            pass
        time.sleep(0.02)
    raise SystemExit(f"The server was not ready after {READY_SECONDS:.0f} seconds.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def fresh(name: str) -> Path:
    """An empty state folder."""
    folder = WORK / "states" / f"{name}-{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    return folder
