"""Recommending with two workers at the wanted rate, and at five times that: what is accepted shall stay nearly as fast."""

from __future__ import annotations

from typing import Any

from benchmarks.figures import Figure, Lines
from benchmarks.serve_load import measure
from benchmarks.workload import SIZES, Bodies, Server, Size, asked, fresh, serving

WANTED = ((SIZES[10_000], 300.0), (SIZES[100_000], 150.0))
TIMES = 5
WORKERS = 2


def load_figures(wanted: tuple[tuple[Size, float], ...] = WANTED, seconds: float = 30) -> list[Figure]:
    """Each shop at its rate, then at five times its rate."""
    lines = Lines("load")
    stores = [(size, size.store(), rate) for size, rate in wanted]
    figures = [lines.machine()]
    for size, store, rate in stores:
        title, (_, pages) = f"{size.items:,} items", asked(size.folder)
        with serving(store, WORKERS, fresh(f"load-{size.items}")) as server:
            figures += _both(lines, title, server, pages, (rate, seconds))
    return figures


def _both(lines: Lines, title: str, server: Server, pages: Bodies, load: tuple[float, float]) -> list[Figure]:
    rate, seconds = load
    plain: dict[str, Any] = measure(server.address, "/v1/recommend", pages, rate, seconds, server.pids)
    pushed: dict[str, Any] = measure(server.address, "/v1/recommend", pages, TIMES * rate, seconds, server.pids)
    figures: list[Figure] = []
    for name, found in ((title, plain), (f"{title} at five times the load", pushed)):
        good, sent = found["status"].get("200", 0), found["sent"]
        note = f"{found['rate']:g} requests/s, open loop; answers {found['status']}"
        figures += [lines.one(f"{name}: {share} ms", found[f"{share}_ms"] or float("nan"), note, sent) for share in ("p50", "p99")]
        figures += [
            lines.one(f"{name}: accepted", good / sent, "share of the requests"),
            lines.one(f"{name}: degraded", found["degraded"] / max(1, good), "share of the accepted"),
            lines.one(f"{name}: sent late by p99 ms", found["late_p99_ms"], "the generator's own delay, part of the times above"),
            lines.one(f"{name}: generator CPU", found["generator_cpu_share"], "cores"),
            lines.one(f"{name}: server CPU", found["server_cpu_share"], "cores, all processes"),
        ]
    ratio = (pushed["p99_ms"] or float("nan")) / (plain["p99_ms"] or float("nan"))
    return [*figures, lines.one(f"{title}: p99 at five times the load, times that at once", ratio, "of the accepted")]
