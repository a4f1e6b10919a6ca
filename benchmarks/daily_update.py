"""A daily update on Online Retail: its seconds beside a full training's, and later purchases found before, after, and trained in full.

What a former run trained in full is taken up; remove `build/results/daily_update` to train again.
"""

from __future__ import annotations

import json
import resource
import shutil
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aisle.bundle import Store
from benchmarks.figures import WORK, Figure, Lines, aisle
from benchmarks.folders import Folder, raw_data, read
from benchmarks.logs import HELD_OUT_DAYS, ONLINE_RETAIL, online_retail_cut
from benchmarks.measure import METRICS, interval, load
from benchmarks.paired import METRIC, paired

MINUTES = 10
DAYS = 7
SHOWN = 10
HERE = WORK / "daily_update"
PROTOCOLS = ("all_purchases", "new_purchases")
NOTE = f"trained on all but the last {HELD_OUT_DAYS + DAYS} days, updated with {DAYS} more; purchases of the last {HELD_OUT_DAYS} days"
Floats = NDArray[np.float64]


def daily_update_figures() -> list[Figure]:
    """Seconds, and NDCG@10 of the bundle as it was, with facts alone brought up to date, updated, and trained in full on the same rows."""
    lines, shop, full = Lines("daily_update"), Folder(HERE / "shop"), Folder(HERE / "full")
    _build(shop, full)
    figures = [lines.machine()]
    took = {folder.out.name: _trained(folder) for folder in (shop, full)}
    shutil.copy(full.out / "online_retail.csv.gz", shop.out / "online_retail.csv.gz")
    store = Store(shop.out / "bundles")
    first = sorted(store.names())[0]
    store.activate(first)
    answers = {"before": _answered(store.folder / first, full, "before")}
    answers["facts alone"] = _answered(_facts(shop.out), full, "facts")
    store.activate(first)
    update = _spent("train", str(shop.out), "--update")
    current = store.folder / str(store.current())
    answers["updated"], answers["trained in full"] = (
        _answered(place, full, name) for place, name in ((current, "updated"), (full.out / "bundles", "full"))
    )
    card = json.loads((current / "manifest.json").read_text(encoding="utf-8"))["update"]
    said = ", ".join(f"{name} {how}" for name, how in card["sources"].items()) or str(card["why_not_learned"])
    note = "other work had the same cores: a training in minutes does less then"
    figures.append(lines.one("trained in full on the same rows: CPU seconds", took["full"][1], note))
    for place, clock in enumerate(("seconds", "CPU seconds")):
        figures.append(lines.one(f"full training: {clock}", took["shop"][place], f"--minutes {MINUTES}"))
        figures.append(lines.one(f"update: {clock}", update[place], said))
        figures.append(lines.one(f"update: share of the full training's {clock}", update[place] / took["shop"][place]))
    return [*figures, *_compared(lines, full, answers)]


def _build(shop: Folder, full: Folder) -> None:
    """The shop as it stood ``DAYS`` before the cut, and at the cut with what was bought later as the truth."""
    if not list(full.truth.glob("*.truth.jsonl")):
        online_retail_cut(raw_data(), full)
    if not Store(shop.out / "bundles").names():
        rows = list(read(full.out / "online_retail.csv.gz"))
        newest = datetime.fromisoformat(max(row["InvoiceDate"] for row in rows))
        cut = str(newest.date() + timedelta(days=1 - DAYS))
        shop.raw("online_retail.csv.gz", (row for row in rows if row["InvoiceDate"] < cut))
        shop.settings(ONLINE_RETAIL)


def _trained(folder: Folder) -> tuple[float, float]:
    """Wall and CPU seconds of the full training, of a former run where there was one."""
    kept = HERE / f"{folder.out.name}.json"
    if not kept.exists():
        kept.write_text(json.dumps(_spent("train", str(folder.out), "--minutes", str(MINUTES))), encoding="utf-8")
    wall, cpu = json.loads(kept.read_text(encoding="utf-8"))
    return float(wall), float(cpu)


def _spent(*arguments: str) -> tuple[float, float]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    wall, _ = aisle(*arguments)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _facts(folder: Path) -> Path:
    """An update in which no source may learn."""
    from aisle.training import update as updating  # training's libraries take seconds to load

    whole, updating.LEAST = updating.LEAST, 1 << 40
    try:
        return updating.update(folder).folder
    finally:
        updating.LEAST = whole


def _answered(place: Path, full: Folder, name: str) -> dict[str, Floats]:
    """NDCG@10 of each request of each protocol, answered by one bundle."""
    found = {}
    for protocol in PROTOCOLS:
        asked, out = HERE / f"{protocol}.jsonl", HERE / f"{name}.{protocol}.jsonl"
        requests = load(full.truth / f"{protocol}.requests.jsonl")
        asked.write_text("".join(json.dumps({**request, "limit": SHOWN}) + "\n" for request in requests), encoding="utf-8")
        aisle("batch", str(place), str(asked), "--out", str(out))
        truths = load(full.truth / f"{protocol}.truth.jsonl")
        pages = [[str(item["item_id"]) for item in answer.get("items", ())] for answer in load(out)]
        found[protocol] = np.array([METRICS[METRIC](page, truth) for page, truth in zip(pages, truths, strict=True)])
    return found


def _compared(lines: Lines, full: Folder, answers: Mapping[str, Mapping[str, Floats]]) -> list[Figure]:
    figures = []
    for protocol in PROTOCOLS:
        for name, values in answers.items():
            figures.append(lines.held(f"{protocol}: {name} {METRIC}", interval(values[protocol]), NOTE))
        for other in ("before", "facts alone", "trained in full"):
            test = paired(answers["updated"][protocol] - answers[other][protocol])
            said = f"p = {test['p']:.4f}; a true difference of {test['detectable']:.4f} would be seen"
            figures.append(lines.held(f"{protocol}: updated - {other} {METRIC}", test, said))
    return figures
