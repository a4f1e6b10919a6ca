"""`aisle evaluate`: the report of a bundle's windowed fit, or a bundle scored on what came after it, or a fresh windowed fit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aisle.bundle import Json, Store
from aisle.core.catalogue import Catalogue
from aisle.core.errors import BundleError
from aisle.core.events import Dataset, Events
from aisle.data.dataset import load_dataset
from aisle.evaluation import replay
from aisle.evaluation.lists import Lists, Ranked
from aisle.evaluation.metrics import ItemFacts
from aisle.evaluation.replay import Replay
from aisle.evaluation.report import NOTHING
from aisle.evaluation.report_html import render
from aisle.evaluation.results import Evaluation
from aisle.evaluation.summary import TaskRuns, merge, summarise
from aisle.opening import open_shop
from aisle.profile.history import History
from aisle.settings import Settings, load
from aisle.shop import Shop
from aisle.tracking import Tracker
from aisle.training.budget import Budget
from aisle.training.follow import curves_of, followed
from aisle.training.job import work_folder
from aisle.training.run import Plan, measure, parts_of

FEWEST = 20
"""Requests after the bundle's newest event below which its windowed report says more."""


@dataclass(frozen=True)
class Report:
    """The report in its three forms."""

    json: Mapping[str, Json]
    html: str
    text: str


def evaluate(folder: Path, bundle: Path | None = None, minutes: float = 30.0, quiet: bool = False) -> Report:
    """The honest report of a folder.

    Without ``bundle``: that of the active bundle of ``folder/bundles``, else the windows are fitted anew. With it: only what came after the
    bundle's newest event is scored; where too little did, its windowed report is shown. Nothing is ever scored on what it was fitted on.
    """
    store = bundle or folder / "bundles"
    if bundle is None and Store(store).current() is None:
        return _fresh(folder, minutes, quiet)
    _, place = Store.at(store)
    if bundle is not None and (later := _later(folder, place, quiet)) is not None:
        return later
    stored = json.loads((place / "report.json").read_text(encoding="utf-8"))
    return Report(stored, (place / "report.html").read_text(encoding="utf-8"), summary(stored))


def _fresh(folder: Path, minutes: float, quiet: bool) -> Report:
    budget, settings = Budget(minutes), load(folder)
    store = folder / "bundles"
    with Tracker(work_folder(store) / "run.jsonl", quiet) as tracker:
        data, _ = load_dataset(folder, settings)
        parts = parts_of(data, settings, store, tracker)
        with followed(parts, data, settings) as run:
            report = measure(data, settings, parts, budget, tracker, Plan()).report
            return _report(replace(report, training=curves_of(run)))


def _later(folder: Path, place: Path, quiet: bool) -> Report | None:
    """The bundle on the events that came after it, None where there are too few or the log has no clock."""
    shop = open_shop(place)
    if np.isnan(shop.newest):
        return None
    settings = load(folder)
    data, _ = load_dataset(folder, settings)
    inside = data.events.time > shop.newest
    tasks = [one.sample(settings.evaluation.test_requests, settings.seed) for one in asked(data, inside, settings) if len(one) >= FEWEST]
    if not tasks:
        return None
    known = History.of(shop.pipeline.catalogue, in_rows_of(shop.pipeline.catalogue, data))
    shop = Shop(shop.bundle_id, replace(shop.pipeline, history=known), shop.completer, shop.matching)
    before = data.events.item[~inside & (data.events.item >= 0)]
    facts = ItemFacts(np.bincount(before, minlength=len(data.catalogue)).astype(float))
    with Tracker(quiet=quiet) as tracker:
        summaries = [summarise(_runs(shop, one, data.catalogue.row_of, facts, tracker), seed=settings.seed) for one in tasks]
    merged = merge(summaries)
    protocol: dict[str, Json] = {"bundle": shop.bundle_id, "after": shop.newest, "requests": {one.task: len(one) for one in tasks}}
    counts = {"items": len(data.catalogue), "events_after": int(inside.sum())}
    found = Evaluation(protocol, {"fingerprint": data.fingerprint, "counts": counts}, merged.models, merged.comparisons, merged.slices)
    return _report(found)


def asked(data: Dataset, inside: NDArray[np.bool_], settings: Settings) -> list[Replay]:
    """What was asked after the bundle: visits, and searches where the log has them."""
    targets = replay.success_type(data.events, settings.evaluation.targets)
    visits = [replay.home(data, inside, targets, new_only) for new_only in (False, True)] if targets else []
    return [*visits, replay.search_log(data, inside)] if (data.events.query >= 0).any() else visits


def in_rows_of(catalogue: Catalogue, data: Dataset) -> Events:
    """The events of ``data`` with the item rows of another catalogue: items that came or went move every row."""
    row = np.append(catalogue.rows(data.catalogue.ids), -1)
    return replace(data.events, item=row[data.events.item].astype(np.int32))


def _runs(shop: Shop, one: Replay, row_of: Mapping[str, int], facts: ItemFacts, tracker: Tracker) -> TaskRuns:
    """The bundle's answers, and beside them its floor sources alone, over the rows of today's catalogue."""
    runs: dict[str, Lists] = {}
    with tracker.part(f"{one.task}: answer {len(one)} requests"):
        answers = shop.answer(one.requests)
        runs["fused"] = Ranked.of([[row_of.get(item.item_id, -1) for item in answer.items] for answer in answers])
        for name in ("lexical",) if one.task == "search" else ("popularity", "repeat", "item_knn"):
            if name in shop.pipeline.sources:
                runs[name] = _alone(shop, one, name, row_of)
    return TaskRuns(one.task, one.truth, runs, one.users, facts)


def _alone(shop: Shop, one: Replay, name: str, row_of: Mapping[str, int]) -> Ranked:
    ids, lists = shop.pipeline.catalogue.ids, []
    for start in range(0, len(one), 256):
        block = shop.pipeline.block(one.requests[start : start + 256])
        found = shop.pipeline.sources[name].retrieve(block, shop.pipeline.allowed(block), 100)
        rows = [found.item[found.of_request(number)] for number in range(len(block))]
        lists += [[row_of.get(ids[int(row)], -1) for row in part] for part in rows]
    return Ranked.of(lists)


def _report(found: Evaluation) -> Report:
    stored = json.loads(json.dumps(found.to_json()))
    return Report(stored, render(found), summary(stored))


def summary(report: Mapping[str, Json]) -> str:
    """The report's notes and its main numbers as plain text."""
    models, notes = report.get("models"), report.get("notes")
    if not isinstance(models, dict):
        raise BundleError("The report is damaged: it names no models.", "Train again.")
    lines = [str(note) for note in notes] if isinstance(notes, list) else []
    for model, numbers in models.items():
        if not isinstance(numbers, dict):
            continue
        shown = [f"{metric} {_number(value)}" for metric, value in numbers.items() if metric.endswith(("ndcg@10", "recall@100"))]
        if shown:  # of what is measured by clicks alone the report says more
            lines.append(f"{model:14} {'  '.join(shown)}")
    return "\n".join(lines if models else [*lines, NOTHING])


def _number(measured: Json) -> str:
    if not isinstance(measured, dict) or measured.get("value") is None:
        return "-"
    value, low, high = (measured.get(name) for name in ("value", "low", "high"))
    bounds = f" ({low:.4f} to {high:.4f})" if isinstance(low, float) and isinstance(high, float) else ""
    return f"{value:.4f}{bounds}"
