"""Does fusing pay? What the reports of trained shops say of the whole beside its best member on the later window.

Reads the report of the newest bundle that `make results ONLY=amazon_beauty` (`online_retail_cut`, `completejourney`) left in build/results;
a part of its own reads those of two simulated shops.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from aisle.bundle import Store
from aisle.ranking.rankers import BLENDS, KINDS
from aisle.training.report import WITHOUT
from benchmarks.figures import WORK, Figure, Lines
from benchmarks.workload import Size

REAL = ("amazon_beauty", "online_retail_cut", "completejourney")
SIMULATED = {"simulated": Size(10_000, 200_000, 10, judged=1_000), "simulated_large": Size(20_000, 1_000_000, 30, judged=10_000)}
METRIC = "ndcg@10"
TOGETHER = {"fused", "rank_fusion", "recall_side", *KINDS, *BLENDS, WITHOUT}
"""What reads several sources; all other models of a task are sources."""
Report = Mapping[str, Any]


def member_figures() -> list[Figure]:
    """Every task of the real shops."""
    return _figures(Lines("fused_members"), {name: Store(WORK / name / "bundles") for name in REAL})


def simulated_figures() -> list[Figure]:
    """Every task of the simulated shops, which are trained where they are not yet."""
    return _figures(Lines("fused_simulated"), {name: Store(size.store()) for name, size in SIMULATED.items()})


def _figures(lines: Lines, stores: Mapping[str, Store]) -> list[Figure]:
    figures = []
    for name, store in stores.items():
        current = store.current()
        if current is None:
            sys.exit(f"There is no bundle of {name}: run make results ONLY={name} first.")
        report = json.loads((store.folder / current / "report.json").read_text(encoding="utf-8"))
        figures += compared(lines, name, report)
    return figures


def compared(lines: Lines, shop: str, report: Report) -> list[Figure]:
    """For each task the whole, by how much it stands above the source and the member of any kind that window 3 preferred, and every way to
    fuse that competed."""
    figures = []
    for metric in dict.fromkeys(one["metric"] for one in report["comparisons"] if one["a"] == "fused"):
        if metric.endswith(METRIC):
            task = metric.rpartition("/")[0] or next(iter(report["fusion"]))
            figures += [*_task(lines, f"{shop}: {task}", metric, report), *_ways(lines, f"{shop}: {task}", report["fusion"].get(task, {}))]
    return figures


def _ways(lines: Lines, title: str, page: Mapping[str, Any]) -> list[Figure]:
    """Every way to fuse that competed, on the first requests of window 4."""
    return [
        lines.held(
            f"{title}: fused by {way['name']}: {METRIC}",
            {**way["test"], "n": page["n"]},
            f"window 3: {way['development']['value'] or 0.0:.4f}{'; served' if way['served'] else ''}",
        )
        for way in page.get("methods", ())
    ]


def _task(lines: Lines, title: str, metric: str, report: Report) -> list[Figure]:
    rivals = {one["b"]: one for one in report["comparisons"] if one["metric"] == metric and one["b"] != WITHOUT}
    before = {name: numbers[metric]["value"] or 0.0 for name, numbers in report["development"].items() if metric in numbers}
    kinds = {"source": [name for name in rivals if name not in TOGETHER], "member": list(rivals)}
    figures = [lines.held(f"{title}: fused {METRIC}", report["models"]["fused"][metric])]
    for kind, names in kinds.items():
        best = max(names, key=lambda name: before.get(name, 0.0))
        one, alone = rivals[best], report["models"][best][metric]["value"]
        said = f"{best} {alone:.4f}; p = {one['p_holm']:.4f}; a true difference of {one['detectable']:.4f} would be seen"
        found = {"value": one["difference"], "low": one["low"], "high": one["high"], "n": one["n"]}
        figures.append(lines.held(f"{title}: fused less the {kind} that window 3 preferred", found, said))
    return figures
