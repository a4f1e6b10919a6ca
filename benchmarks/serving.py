"""One worker through HTTP under open-loop load: searching and recommending over 50,000 items, start, memory over 100,000; and searching
Home Depot's catalogue, whose encoder reads every query, by the bundle of the part `homedepot`."""

from __future__ import annotations

from typing import Any

from benchmarks.figures import WORK, Figure, Lines
from benchmarks.measure import load as read
from benchmarks.serve_load import measure, process_facts
from benchmarks.workload import SIZES, Bodies, Server, Size, asked, packed, serving

RATE = 50.0
REAL = "54,667 items, each query asked once, read by the encoder"


def serving_figures(shop: Size = SIZES[50_000], large: Size = SIZES[100_000], seconds: float = 60) -> list[Figure]:
    """Search and recommend at 50 requests a second, one after the other; then the larger shop's memory after the same."""
    lines = Lines("serving")
    stores = [(size, size.store()) for size in (shop, large)]
    figures = [lines.machine()]
    for size, store in stores:
        searches, pages = asked(size.folder)
        with serving(store) as server:
            figures.append(lines.one(f"{size.items:,} items: ready seconds", server.ready_seconds, "from start to 200 of /readyz"))
            for name, route, bodies in (("search", "/v1/search", searches), ("recommend", "/v1/recommend", pages)):
                figures += loaded(lines, f"{size.items:,} items: {name}", server, route, bodies, (RATE, seconds), size.said)
            figures.append(lines.one(f"{size.items:,} items: resident MB", process_facts(server.pid)["rss_mb"] or 0, "after the load"))
            figures.append(lines.one(f"{size.items:,} items: torch in the process", float(server.torch())))
    return figures


def homedepot_figures(seconds: float = 60) -> list[Figure]:
    """Home Depot's test queries, each at most once, so that none is remembered."""
    lines, folder = Lines("serving_homedepot"), WORK / "homedepot"
    if not (folder / "bundles" / "CURRENT").exists():
        raise SystemExit(f"There is no bundle in {folder}: measure the part homedepot first.")
    figures = [lines.machine()]
    queries = [one["query"] for one in read(folder.with_name("homedepot.truth") / "search.requests.jsonl")]
    bodies = [packed({"query": text, "limit": 10}) for text in dict.fromkeys(queries)]
    with serving(folder / "bundles") as server:
        found = loaded(lines, "Home Depot: search", server, "/v1/search", bodies, (RATE, min(seconds, len(bodies) / RATE)), REAL)
        return [*figures, *found, lines.one("Home Depot: torch in the process", float(server.torch()))]


def loaded(lines: Lines, title: str, server: Server, route: str, bodies: Bodies, load: tuple[float, float], shop: str) -> list[Figure]:
    """Put a load (rate, seconds) on a route, and what came of it."""
    found: dict[str, Any] = measure(server.address, route, bodies, *load, server.pids)
    note = f"open loop at {load[0]:g} requests/s; {shop}"
    good, sent = found["status"].get("200", 0), found["sent"]
    figures = [lines.one(f"{title}: {name} ms", found[f"{name}_ms"] or float("nan"), note, sent) for name in ("p50", "p99")]
    return [
        *figures,
        lines.one(f"{title}: not answered", 1 - good / sent, ", ".join(f"{n} x {status}" for status, n in found["status"].items()), sent),
        lines.one(f"{title}: degraded", found["degraded"] / max(1, good), "share of the answers"),
        lines.one(f"{title}: generator CPU", found["generator_cpu_share"], f"cores; sent late by {found['late_p99_ms']} ms at p99"),
        lines.one(f"{title}: server CPU", found["server_cpu_share"], "cores"),
    ]
