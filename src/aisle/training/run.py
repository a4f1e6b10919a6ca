"""`aisle train`: clean, cut, fit by windows, report, refit on everything, write a bundle. Read top to bottom."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import isnan
from pathlib import Path

from aisle.arrange.rules_file import read_rules
from aisle.assemble import save
from aisle.bundle import Bundle, Json, Store
from aisle.core.errors import InputError
from aisle.core.events import Dataset
from aisle.core.threads import one_thread
from aisle.data.dataset import load_dataset
from aisle.data.report import Quality
from aisle.data.windows import cut
from aisle.evaluation.report_html import render
from aisle.evaluation.results import Evaluation, PlanRow
from aisle.fusion.stack import Stack
from aisle.pipeline import Pipeline
from aisle.query.complete import Completer
from aisle.settings import Settings, load
from aisle.tracking import Tracker
from aisle.training.budget import Budget, choose_sources
from aisle.training.clicks import ClickResult, learn_clicks
from aisle.training.job import TEXT, Job, plain_stacks, work_folder
from aisle.training.pace import Pace
from aisle.training.parts import Parts
from aisle.training.refit import shift
from aisle.training.report import evaluation
from aisle.training.tasks import TaskResult, replays, run_task
from aisle.training.text_sources import text_sources

VERSION = 1
"""Goes up when fitted parts of an interrupted run of an older program must not be taken up."""


@dataclass(frozen=True)
class Measured:
    """The first fit: what window 1 taught, measured on windows 3 and 4, and the stacks that the bundle keeps."""

    job: Job
    sources: tuple[str, ...]
    results: Mapping[str, TaskResult]
    stacks: Mapping[str, Stack]
    pipeline: Pipeline
    report: Evaluation
    sizes: Mapping[str, Mapping[str, int]]


def train(
    folder: Path, store: Path | None = None, minutes: float = 30.0, plan: Mapping[str, Json] | None = None, quiet: bool = False
) -> Bundle:
    """Fit a bundle from ``folder`` and activate it in ``store`` (default ``folder/bundles``).

    Raises `AisleError` for anything the user can mend. An interrupted run is taken up by the same command.
    """
    store = store or folder / "bundles"
    one_thread()
    budget = Budget(minutes)
    settings = load(folder)
    with Tracker(work_folder(store) / "run.jsonl", quiet) as tracker:
        with tracker.part("read and clean"):
            data, quality = load_dataset(folder, settings)
            rules = read_rules(folder, data.catalogue)
        measured = measure(data, settings, store, budget, tracker, plan or {})
        return _bundle(replace(measured, job=replace(measured.job, rules=rules)), quality, store)


def measure(data: Dataset, settings: Settings, store: Path, budget: Budget, tracker: Tracker, plan: Mapping[str, Json]) -> Measured:
    """Fit by windows and report: sources on window 1, rankers on 2, decisions on 3, the figures on 4."""
    if not len(data.catalogue):
        raise InputError("No item could be read.", "See rejected.csv for the reasons.")
    windows = cut(data.events, data.judgements)
    key = {"data": data.fingerprint, "settings": settings.model_dump(mode="json"), "version": VERSION}
    parts = Parts(work_folder(store) / "parts", key)
    names, why = _sources(data, settings, budget, plan)
    text, encoder = text_sources([name for name in names if name in TEXT], data, windows, settings, budget, parts, tracker)
    job = Job(data, windows, settings, budget, tracker, parts, text)
    names = tuple(name for name in names if name not in TEXT or name in text)
    stacks = plain_stacks(names)
    pipeline = job.pipeline(names, False, stacks)
    results: dict[str, TaskResult] = {}
    sizes: dict[str, dict[str, int]] = {}
    asked = replays(job)
    for place, (task, requests) in enumerate(asked.items()):
        pace = Pace(len(asked) - place, _given(plan, task))
        results[task] = run_task(job, pipeline, stacks[task], requests, pace)
        frames = results[task].windows
        sizes[task] = {"2": len(frames.fit.replay), "3": len(frames.dev.replay), "4": len(frames.test.replay)}
    stacks = {**stacks, **{task: result.learned.stack for task, result in results.items()}}
    if "home_new" in results and "home" not in results:
        stacks["home"] = replace(stacks["home_new"], task="home")
    clicks: dict[str, ClickResult] = {}
    for task in ("search", "home"):
        if task in results and (found := learn_clicks(job, pipeline, stacks[task])):
            clicks[task] = found
    stacks |= {task: one.stack for task, one in clicks.items()}
    rows = [PlanRow(name, False, why=reason) for name, reason in why.items()]
    rows = [*rows, PlanRow("encoder", True, why=encoder)] if encoder else rows
    report = evaluation(job, results, clicks, rows)
    return Measured(job, names, results, stacks, pipeline, report, sizes)


def _sources(data: Dataset, settings: Settings, budget: Budget, plan: Mapping[str, Json]) -> tuple[tuple[str, ...], dict[str, str]]:
    planned = plan.get("sources")
    if isinstance(planned, list):
        return tuple(str(name) for name in planned), {}
    names, why = choose_sources(settings.retrieval, budget, len(data.catalogue), len(data.events))
    if not len(data.events):
        return tuple(name for name in names if name in ("lexical", "dense", "content", "popularity")), why
    return names, why


def _given(plan: Mapping[str, Json], task: str) -> Mapping[str, int]:
    sizes = plan.get("requests")
    found = sizes.get(task) if isinstance(sizes, dict) else None
    return {key: int(value) for key, value in found.items() if isinstance(value, int)} if isinstance(found, dict) else {}


def _bundle(measured: Measured, quality: Quality, store: Path) -> Bundle:
    """Refit the sources on everything, keep the rest, write, verify, activate."""
    job, tracker = measured.job, measured.job.tracker
    used = {name for stack in measured.stacks.values() for name in stack.sources} | {"popularity"}
    pipeline = job.pipeline([name for name in measured.sources if name in used], True, measured.stacks)
    notes = shift(measured.results, measured.pipeline, pipeline)
    report = replace(measured.report, notes=[*measured.report.notes, *notes])
    with tracker.part("write the bundle"):
        moment = datetime.now(UTC)
        name = f"{moment:%Y%m%d-%H%M%S}-{job.data.fingerprint[:6]}"
        with Store(store).write(name, _manifest(measured, moment)) as folder:
            save(pipeline, folder)
            Completer().fit(job.data).save(folder / "completions")
            (folder / "report.json").write_text(json.dumps(report.to_json(), ensure_ascii=False), encoding="utf-8")
            (folder / "report.html").write_text(render(report, quality.to_json(), job.settings.name), encoding="utf-8")
            (folder / "quality.json").write_text(json.dumps(quality.to_json(), ensure_ascii=False), encoding="utf-8")
        bundle = Store(store).activate(name)
    job.parts.clear()
    return bundle


def _manifest(measured: Measured, moment: datetime) -> dict[str, Json]:
    job = measured.job
    plan: dict[str, Json] = {"sources": list(measured.sources), "requests": {task: dict(sizes) for task, sizes in measured.sizes.items()}}
    return {
        "created_at": moment.isoformat(timespec="seconds"),
        "kind": job.settings.kind,
        "name": job.settings.name,
        "data": {"fingerprint": job.data.fingerprint, "items": len(job.data.catalogue), "events": len(job.data.events)},
        "windows": _json(job.windows.describe()),
        "plan": plan,
        "settings": job.settings.model_dump(mode="json"),
        "newest_event": None if isnan(job.data.until) or not job.data.events.clock else job.data.until,
        "minutes": round(job.tracker.elapsed / 60, 2),
    }


def _json(value: object) -> Json:
    plain: Json = json.loads(json.dumps(value))
    return plain


def read_plan(path: Path) -> Mapping[str, Json]:
    """The plan in a bundle's manifest. Raises `InputError` when there is none."""
    try:
        plan = json.loads(path.read_text(encoding="utf-8")).get("plan")
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f"{path} is no manifest: {error}.", "Name the manifest.json of a bundle.") from None
    if not isinstance(plan, dict):
        raise InputError(f"{path} holds no plan.", "Name the manifest.json of a bundle.")
    return plan
