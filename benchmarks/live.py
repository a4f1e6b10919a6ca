"""Events that last and answers that change, two workers: how soon a click shows in the next page of either worker, and events on disk."""

from __future__ import annotations

import asyncio
import csv
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, cycle
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.figures import Figure, Lines
from benchmarks.serve_load import Pair, Tally, Target, exchange, load, own_cpu, percentile, server_cpu, summary
from benchmarks.workload import SIZES, Bodies, Server, Size, asked, fresh, packed, serving

WORKERS = 2
PATIENCE = 1.0
"""Seconds after which a page that is still the same counts as unchanged."""
RATES = {"events": 200.0, "pages": 15.0, "probes": 5.0}
"""A second; a probe asks for three pages, so that there are thirty."""


def live_figures(shop: Size = SIZES[10_000], seconds: float = 120) -> list[Figure]:
    """Probes under load, then single events, then batches, each on a fresh state."""
    lines, store = Lines("live"), shop.store()
    _, pages = asked(shop.folder)
    items, known = catalogue(shop.folder), often_clicked(shop.folder)
    figures = [lines.machine()]
    with serving(store, WORKERS, fresh("clicks")) as server:
        figures += asyncio.run(_probed(lines, server, pages, known, seconds))
        figures.append(lines.one("memory of all processes, MB", server.megabytes(), "what they share counts once"))
    for title, rate, size in (("events one by one", 1_000.0, 1), ("events in batches", 50.0, 100)):
        with serving(store, WORKERS, fresh(f"events-{size}")) as server:
            figures += asyncio.run(_stored(lines, title, server, items, (rate, seconds / 4, size)))
    return figures


def catalogue(folder: Path) -> list[str]:
    """All item ids."""
    with (folder / "items.csv").open(encoding="utf-8", newline="") as file:
        return [row["item_id"] for row in csv.DictReader(file)]


def often_clicked(folder: Path, most: int = 1_000) -> list[str]:
    """The items clicked most, of which the models know what goes with them: nothing follows from a click on what nobody ever looked at."""
    with (folder / "events.csv").open(encoding="utf-8", newline="") as file:
        counts = Counter(row["item_id"] for row in csv.DictReader(file) if row["type"] == "click")
    return [item for item, _ in counts.most_common(min(most, len(counts) // 2))]


def events(items: list[str], size: int, run: str, seed: int = 7) -> Iterator[bytes]:
    """Bodies for ``/v1/events`` without end: one event each, or a list of ``size``; no id comes twice."""
    dice, number = Random(seed), count()
    while True:
        people = (f"visitor-{dice.randrange(5_000)}" for _ in range(size))
        rows = [{"event_id": f"{run}-{next(number)}", "type": "click", "user_id": user, "item_id": dice.choice(items)} for user in people]
        yield packed(rows[0] if size == 1 else rows)


async def wires(server: Server, connections: int = 24) -> dict[int, Pair]:
    """One open connection to each worker, by its process. Ends the program where they all lead to one."""
    pairs: list[Pair] = []
    for _ in range(connections):
        pairs.append(await asyncio.open_connection("127.0.0.1", server.port))
        await exchange(pairs[-1], "/v1/recommend", packed({"surface": "home", "session_id": "wires", "limit": 1}))
    owner = server.workers()
    found: dict[int, Pair] = {}
    for pair in pairs:
        found.setdefault(owner.get(pair[1].get_extra_info("sockname")[1], 0), pair)
    found.pop(0, None)
    if len(found) < WORKERS:
        sys.exit(f"{connections} connections lead to {len(found)} worker of {WORKERS}: there is nothing to compare.")
    return found


@dataclass
class Probes:
    """Users nobody knows, each with one page before and one after an event. ``took`` in milliseconds from the event's answer to the changed
    page, for the worker that took the event and for the other one; ``unchanged`` pages by what had happened."""

    here: Pair
    there: Pair
    items: list[str]
    took: tuple[list[float], list[float]] = field(default_factory=lambda: ([], []))
    unchanged: Counter[str] = field(default_factory=Counter)

    async def one(self, number: int) -> None:
        """By turns a click on an item, which must change the page, and a dismissal of the first item shown, which must be gone."""
        user = f"probe-{number}"
        before = await page(self.here, user)
        kind = "click" if number % 2 else "dismiss"
        item = self.items[number * 7919 % len(self.items)] if kind == "click" else before[0]
        event = {"event_id": f"probe-{number}", "type": kind, "user_id": user, "item_id": item}
        status, _ = await exchange(self.here, "/v1/events", packed(event))
        if status != 200:
            self.unchanged[f"event answered {status}"] += 1
            return
        acknowledged = time.perf_counter()
        waits = (self._changed(wire, user, before, item if kind == "dismiss" else "", acknowledged) for wire in (self.here, self.there))
        for held, took in zip(self.took, await asyncio.gather(*waits), strict=True):
            if took is None:
                self.unchanged[kind] += 1
            else:
                held.append(took)

    async def _changed(self, wire: Pair, user: str, before: list[str], gone: str, since: float) -> float | None:
        while time.perf_counter() - since < PATIENCE:
            now = await page(wire, user)
            if now != before and gone not in now:
                return (time.perf_counter() - since) * 1000
        return None


async def page(wire: Pair, user: str) -> list[str]:
    """The items of a home page."""
    _, body = await exchange(wire, "/v1/recommend", packed({"surface": "home", "user_id": user, "limit": 10}))
    return [item["item_id"] for item in json.loads(body).get("items", ())]


async def _probed(lines: Lines, server: Server, pages: Bodies, items: list[str], seconds: float) -> list[Figure]:
    pair = list((await wires(server)).values())
    probes = Probes(pair[0], pair[1], items)
    posted, shown = Target("127.0.0.1", server.port, "/v1/events"), Target("127.0.0.1", server.port, "/v1/recommend")
    for target in (posted, shown):
        await target.open()
    own, used, started = own_cpu(), server_cpu(server.pids), time.perf_counter()
    beside = asyncio.gather(
        load(posted, events(items, 1, "beside"), RATES["events"], seconds), load(shown, cycle(pages), RATES["pages"], seconds)
    )
    for number in range(int(RATES["probes"] * seconds)):
        await asyncio.sleep(max(0.0, started + number / RATES["probes"] - time.perf_counter()))
        await probes.one(number)
    tallies = await beside
    wall = time.perf_counter() - started
    cpu = (own_cpu() - own) / wall, (server_cpu(server.pids) - used) / wall
    for target in (posted, shown):
        await target.close()
    return _told(lines, probes, tallies, cpu)


def _told(lines: Lines, probes: Probes, tallies: Sequence[Tally], cpu: tuple[float, float]) -> list[Figure]:
    note = "beside 200 events/s one by one and 30 pages/s; from the event's answer to the changed page, polled"
    figures = [
        lines.one(f"click to changed page, {whose} worker: {name} ms", percentile(took, share) or float("nan"), note, len(took))
        for whose, took in zip(("same", "other"), probes.took, strict=True)
        for name, share in (("p50", 0.5), ("p99", 0.99))
    ]
    figures.append(lines.one("pages that did not change", probes.unchanged.total(), str(dict(probes.unchanged) or "within a second")))
    for title, tally in zip(("events beside", "pages beside"), tallies, strict=True):
        found = summary(tally)
        figures.append(lines.one(f"{title}: p99 ms", _number(found["p99_ms"]), f"answers {found['status']}", len(tally.late)))
    return [*figures, *_cpu(lines, "probes", cpu)]


async def _stored(lines: Lines, title: str, server: Server, items: list[str], load_of: tuple[float, float, int]) -> list[Figure]:
    rate, seconds, size = load_of
    stored: Counter[str] = Counter()

    def look(answer: bytes) -> None:
        told: dict[str, Any] = json.loads(answer)
        stored.update({name: told[name] for name in ("received", "stored", "duplicate", "quarantined")})

    target, bodies = Target("127.0.0.1", server.port, "/v1/events"), events(items, size, "run")
    await target.open()
    await load(target, bodies, rate / 10, 2)
    own, used, started = own_cpu(), server_cpu(server.pids), time.perf_counter()
    tally = await load(target, bodies, rate, seconds, look=look)
    wall = time.perf_counter() - started
    cpu = (own_cpu() - own) / wall, (server_cpu(server.pids) - used) / wall
    await target.close()
    note = f"{rate * size:,.0f} events/s, {size} a request, answered when on disk"
    times = [lines.one(f"{title}: {name} ms", percentile(tally.took, s) or float("nan"), note, len(tally.late)) for name, s in SHARES]
    share = stored["stored"] / (len(tally.late) * size)
    return [*times, lines.one(f"{title}: stored", share, f"share of what was sent; answers {dict(tally.status)}"), *_cpu(lines, title, cpu)]


SHARES = (("p50", 0.5), ("p99", 0.99))


def _cpu(lines: Lines, title: str, cpu: tuple[float, float]) -> list[Figure]:
    return [lines.one(f"{title}: generator CPU", cpu[0], "cores"), lines.one(f"{title}: server CPU", cpu[1], "cores, all processes")]


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
