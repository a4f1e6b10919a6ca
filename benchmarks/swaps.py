"""A thousand bundle swaps under load: no answer fails, and none holds items of one bundle under the name of the other."""

from __future__ import annotations

import asyncio
import csv
import json
import time
from collections import Counter
from itertools import cycle
from pathlib import Path

from benchmarks.figures import Figure, Lines, aisle
from benchmarks.serve_load import Target, load, own_cpu, percentile
from benchmarks.workload import Bodies, Server, Size, asked, fresh, serving

SHOP = Size(2_000, 20_000, 1)
MARK = "§"
"""Ends every title of the second bundle's catalogue."""
RATES = {"/v1/recommend": 30.0, "/v1/search": 20.0}
WORKERS = 2
PAUSE = 0.2
"""Seconds between a swap's answer and the next swap."""


def two_bundles(shop: Size) -> tuple[Path, dict[str, bool]]:
    """A store with two bundles of one shop, and of each whether its titles are marked."""
    store = shop.store()
    marked = shop.folder.with_name(shop.folder.name + "_marked")
    if len(bundles(store)) < 2:
        marked.mkdir(exist_ok=True)
        for name in ("events.csv", "users.csv", "judgements.csv", "aisle.toml"):
            (marked / name).write_bytes((shop.folder / name).read_bytes())
        mark(shop.folder / "items.csv", marked / "items.csv")
        aisle("train", str(marked), "--bundle", str(store), "--minutes", str(shop.minutes))
    first, *others = bundles(store)
    return store, {first: False, **dict.fromkeys(others, True)}


def bundles(store: Path) -> list[str]:
    """Their ids, the oldest first."""
    return sorted(path.parent.name for path in store.glob("*/manifest.json"))


def mark(old: Path, new: Path) -> None:
    """Copy a catalogue with every title marked; what is missing stays missing."""
    with old.open(encoding="utf-8", newline="") as file, new.open("w", encoding="utf-8", newline="") as out:
        rows = csv.DictReader(file)
        writer = csv.DictWriter(out, rows.fieldnames or (), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow(row | {name: row[name] and f"{row[name]} {MARK}" for name in ("title", "title_en", "title_zh")})


class Watch:
    """Looks at every answer: which bundle it names, and whether its titles are that bundle's."""

    def __init__(self, marked: dict[str, bool]) -> None:
        self.marked = marked
        self.seen: Counter[str] = Counter()
        self.mixed = 0

    def __call__(self, answer: bytes) -> None:
        told = json.loads(answer)
        self.seen[told["bundle"]] += 1
        wrong = self.marked[told["bundle"]]
        self.mixed += any(item["title"].endswith(MARK) != wrong for item in told["items"])


def swap_figures(shop: Size = SHOP, swaps: int = 1_000) -> list[Figure]:
    """Activate one and the other by turns while pages and searches are asked for."""
    lines = Lines("swaps")
    store, marked = two_bundles(shop)
    searches, pages = asked(shop.folder)
    with serving(store, WORKERS, fresh("swaps")) as server:
        return [lines.machine(), *asyncio.run(_swapped(lines, server, marked, {"/v1/recommend": pages, "/v1/search": searches}, swaps))]


async def _swapped(lines: Lines, server: Server, marked: dict[str, bool], bodies: dict[str, Bodies], swaps: int) -> list[Figure]:
    stop, watch = asyncio.Event(), Watch(marked)
    targets = {route: Target("127.0.0.1", server.port, route) for route in bodies}
    for target in targets.values():
        await target.open(8)
    own, started = own_cpu(), time.perf_counter()
    running = asyncio.gather(*(load(targets[route], cycle(bodies[route]), RATES[route], 1e5, look=watch, stop=stop) for route in bodies))
    took, refused = await _activate(server, sorted(marked), swaps)
    stop.set()
    tallies = await running
    wall = time.perf_counter() - started
    for target in targets.values():
        await target.close()
    status = sum((tally.status for tally in tallies), Counter[str]())
    sent = status.total()
    return [
        lines.one("swaps", swaps, f"in {wall:.0f} seconds, {WORKERS} workers"),
        lines.one("swaps refused", refused.total(), str(dict(refused) or "every one was answered 200")),
        lines.one("failed answers", sent - status["200"], f"30 pages/s and 20 searches/s beside it; answers {dict(status)}", sent),
        lines.one("mixed answers", watch.mixed, f"answers by bundle: {sorted(watch.seen.values())}", watch.seen.total()),
        lines.one("one swap: p50 ms", percentile(took, 0.5) or float("nan"), "until its answer", swaps),
        lines.one("one swap: p99 ms", percentile(took, 0.99) or float("nan"), "until its answer", swaps),
        *(
            lines.one(f"{r}: p99 ms", percentile(t.took, 0.99) or float("nan"), "", len(t.late))
            for r, t in zip(bodies, tallies, strict=True)
        ),
        lines.one("generator CPU", (own_cpu() - own) / wall, "cores"),
    ]


async def _activate(server: Server, ids: list[str], swaps: int) -> tuple[list[float], Counter[str]]:
    target, took, refused = Target("127.0.0.1", server.port, ""), list[float](), Counter[str]()
    for number in range(swaps):
        begun = time.perf_counter()
        status, _ = await target.send(b"", 30, f"/v1/bundles/{ids[number % len(ids)]}/activate")
        took.append((time.perf_counter() - begun) * 1000)
        refused.update([str(status)] if status != 200 else [])
        await asyncio.sleep(PAUSE)
    await target.close()
    return took, refused
