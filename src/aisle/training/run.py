"""`aisle train`: clean, cut, fit by windows, report, refit on everything, write a bundle. Read top to bottom."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from math import isnan
from pathlib import Path

from pydantic import BaseModel, ValidationError

from aisle.arrange.rules_file import read_rules
from aisle.assemble import save, told, vectors_of
from aisle.bundle import Bundle, Json, Store
from aisle.core.errors import InputError
from aisle.core.events import Dataset
from aisle.core.stage import Source
from aisle.core.threads import one_thread
from aisle.data.dataset import load_dataset
from aisle.data.report import Quality
from aisle.data.windows import cut
from aisle.evaluation.off_policy import OffPolicy
from aisle.evaluation.report_html import render
from aisle.evaluation.results import Evaluation, PlanRow
from aisle.fusion.methods import known_way
from aisle.fusion.stack import Stack
from aisle.pipeline import Pipeline
from aisle.query.complete import Completer
from aisle.ranking.ctr.settings import BERT_CTR
from aisle.ranking.rankers import known_rankers
from aisle.retrieval.dense import Nearest
from aisle.retrieval.late import LateInteraction, without_tokens
from aisle.schema import EVENT_CODE
from aisle.settings import Settings, load
from aisle.state.feed import feed
from aisle.state.folder import State
from aisle.tracking import Tracker
from aisle.tracking.boards import check
from aisle.tracking.run import Run
from aisle.training.bert_ctr import Reading, learn_reading
from aisle.training.budget import Budget, choose_sources
from aisle.training.clicks import ClickResult, learn_clicks
from aisle.training.cross import cross_encoder
from aisle.training.encoders import check_pinned, pinned_files
from aisle.training.finetune import Tuned
from aisle.training.follow import curves_of, followed
from aisle.training.job import TEXT, Job, plain_stacks, work_folder
from aisle.training.language import learn_language, texts_to_learn
from aisle.training.off_policy import off_policy
from aisle.training.parts import Parts
from aisle.training.picture_source import pictured, with_pictures
from aisle.training.profile_heads import learn_heads
from aisle.training.reading import looks
from aisle.training.refit import refit, reserve, shift
from aisle.training.report import evaluation
from aisle.training.tasks import Planned, TaskResult, replays, run_task
from aisle.training.text_sources import Materials, hand_on_tuned, tell_origin, text_sources
from aisle.training.top import read_again, reading

ROWS_PER_SECOND = 60_000
"""Rows of files that are read and cleaned in a second on two idle cores."""
CLICK_TIME = 0.4
"""Time for the clicks of a task, in units of a task's."""
CLICKED = ("search", "home")
CLICKED_SHARE = 0.85
"""Of the time left so much may go into the clicks of all tasks; asking the logged pages again has the rest."""
LANGUAGE_TIME = 0.1
"""Of the time left so much may go into learning from each kind of texts, intents and categories."""
IMPRESSION = EVENT_CODE["impression"]
VERSION = 3
"""Goes up when fitted parts of an interrupted run of an older program must not be taken up."""


class Chosen(BaseModel):
    """The sources that the time allows, and why each other is left out."""

    names: tuple[str, ...]
    why: dict[str, str]


class Plan(BaseModel):
    """What the clock decided in an earlier run, out of its manifest; empty where it decides anew."""

    sources: tuple[str, ...] = ()
    encoder: str = ""
    encoder_files: dict[str, str] = {}
    texts: int = 0
    finetune: dict[str, int | float] = {}
    cross: dict[str, int] = {}
    bert_ctr: dict[str, int] = {}
    requests: dict[str, dict[int, int]] = {}
    rankers: dict[str, dict[str, dict[str, int]]] = {}
    kept: dict[str, tuple[str, ...]] = {}

    def of(self, task: str) -> Planned:
        """What it says of one task."""
        return Planned(self.requests.get(task, {}), self.rankers.get(task, {}), self.kept.get(task, ()))


@dataclass(frozen=True)
class Measured:
    """The first fit: what window 1 taught, measured on windows 3 and 4, and the stacks that the bundle keeps."""

    job: Job
    sources: Mapping[str, Source]
    results: Mapping[str, TaskResult]
    clicks: Mapping[str, ClickResult]
    stacks: Mapping[str, Stack]
    pipeline: Pipeline
    report: Evaluation
    texts: int = 0
    tuned: Tuned = field(default_factory=Tuned)
    cross: Mapping[str, int] = field(default_factory=dict)
    reading: Reading = field(default_factory=Reading)
    state_sequence: int | None = None


def train(
    folder: Path,
    store: Path | None = None,
    minutes: float = 30.0,
    plan: Plan | None = None,
    quiet: bool = False,
    state: Path | None = None,
    begun: float | None = None,
) -> Bundle:
    """Fit a bundle from ``folder`` and activate it in ``store`` (default ``folder/bundles``).

    With the ``state`` folder of a running shop its log is read beside the files; the manifest says up to which sequence. The minutes count
    from ``begun``, a moment of `time.perf_counter`, else from now.
    Raises `AisleError` for anything the user can mend. An interrupted run is taken up by the same command.
    """
    one_thread()
    store = store or folder / "bundles"
    budget = Budget(minutes, planned=bool(plan), begun=begun)
    settings = load(folder)
    check(settings.tracking.to)
    with Tracker(work_folder(store) / "run.jsonl", quiet) as tracker:
        with tracker.part("read and clean"):
            data, quality, sequence = read_data(folder, settings, state)
            rules = read_rules(folder, data.catalogue)
        budget.learn(1 + sum(count.read for count in quality.files.values()) / ROWS_PER_SECOND, tracker.elapsed)
        parts = parts_of(data, settings, store, tracker)
        with followed(parts, data, settings) as run:
            measured = measure(data, settings, parts, budget, tracker, plan or Plan())
            return _bundle(replace(measured, job=replace(measured.job, rules=rules), state_sequence=sequence), quality, store, run)


def read_data(folder: Path, settings: Settings, state: Path | None) -> tuple[Dataset, Quality, int | None]:
    """The data set, its report, and up to which sequence of the log it reaches."""
    if state is None:
        return *load_dataset(folder, settings), None
    with State.open(state, make=False) as opened:
        further = feed(opened)
        return *load_dataset(folder, settings, further), further.sequence


def parts_of(data: Dataset, settings: Settings, store: Path, tracker: Tracker) -> Parts:
    """The finished parts of an interrupted run on the same data and settings, else none. Without an item there is nothing to train."""
    if not len(data.catalogue):
        raise InputError("No item could be read.", "See rejected.csv for the reasons.")
    key = {"data": data.fingerprint, "settings": settings.model_dump(mode="json", exclude={"tracking"}), "version": VERSION}
    return Parts(work_folder(store) / "parts", key, tracker)


def measure(data: Dataset, settings: Settings, parts: Parts, budget: Budget, tracker: Tracker, plan: Plan) -> Measured:
    """Fit by windows and report: sources on window 1, rankers on 2, decisions on 3, the figures on 4."""
    known_way(settings.ranking.fusion)
    known_rankers(settings.ranking.ranker, settings.ranking.challengers)
    windows = cut(data.events, data.judgements)
    names, rows = _sources(data, settings, budget, plan, parts)
    wanted = [name for name in names if name in TEXT]
    held = Materials(data, windows, settings, budget, parts, tracker)
    check_pinned(plan.encoder, plan.encoder_files)
    texts = with_pictures(text_sources(wanted, held, plan.encoder, plan.finetune), wanted, held)
    crossed = cross_encoder(held, texts, plan.cross if budget.planned else None)
    meaning = vectors_of(texts.sources)
    most = plan.texts or int(str(parts.decided(f"texts-{budget.minutes}", lambda: texts_to_learn(meaning, LANGUAGE_TIME * budget.left))))
    language = learn_language(data, meaning, most, tracker, texts.tuned.encoder is not None)
    job = Job(data, windows, settings, budget, tracker, parts, texts.sources, texts.encoder, reader=language.reader)
    sources = {name: job.source(name, False) for name in names if name not in TEXT or name in texts.sources}
    budget.reserve = reserve(job, list(sources)) + reading(job, crossed)
    budget.feel()
    stacks = plain_stacks(list(sources))
    pipeline = job.pipeline(sources, False, stacks)
    heads = learn_heads(job, pipeline, meaning)
    read = learn_reading(job, pipeline, meaning, texts.encoder, plan.bert_ctr if budget.planned else None)
    pipeline = told(pipeline, read.head)
    results = run_tasks(job, pipeline, stacks, plan)
    stacks = {**stacks, **{task: result.stack for task, result in results.items()}}
    if "home_new" in results and "home" not in results:
        stacks["home"] = replace(stacks["home_new"], task="home")
    clicks = run_clicks(job, pipeline, {task: stacks[task] for task in CLICKED if task in results}, plan)
    stacks |= {task: one.stack for task, one in clicks.items()}
    used = any(BERT_CTR in (*stack.names, *stack.click_names) for stack in stacks.values())
    topped = read_again(job, pipeline, stacks["search"] if "search" in results else None, crossed, plan.cross.get("first", 0))
    language = replace(language, figures=[*topped.figures, *texts.tuned.figures, *language.figures])
    rows = [*rows, *([PlanRow("encoder", True, why=texts.why)] if texts.why else []), *texts.rows]
    rows += [*([topped.row] if topped.row else []), *read.row(used)]
    report = replace(evaluation(job, results, clicks, rows, language, heads), off_policy=run_off_policy(job, pipeline, stacks))
    made = {"steps": crossed.steps, "first": topped.first} if crossed.steps else {}
    pipeline = replace(pipeline, top=topped.top)
    return Measured(job, sources, results, clicks, stacks, pipeline, report, most, texts.tuned, made, replace(read, used=used))


def run_tasks(job: Job, pipeline: Pipeline, stacks: Mapping[str, Stack], plan: Plan) -> dict[str, TaskResult]:
    """Every task that the data has requests for, each with its part of the time; the clicks come after them and get theirs."""
    asked = replays(job)
    clicked = CLICK_TIME * sum(task in asked for task in CLICKED if (job.data.events.type == IMPRESSION).any())
    results = {}
    for place, (task, requests) in enumerate(asked.items()):
        left = job.budget.part(1 / (len(asked) - place + clicked))
        results[task] = run_task(job, pipeline, stacks[task], requests, plan.of(task), left)
    return results


def run_clicks(job: Job, pipeline: Pipeline, stacks: Mapping[str, Stack], plan: Plan) -> dict[str, ClickResult]:
    """The click models of the tasks whose log says what was shown."""
    found = {}
    for place, (task, stack) in enumerate(stacks.items()):
        if one := learn_clicks(job, pipeline, stack, plan.of(f"{task}_clicks"), job.budget.part(CLICKED_SHARE / (len(stacks) - place))):
            found[task] = one
    return found


def run_off_policy(job: Job, pipeline: Pipeline, stacks: Mapping[str, Stack]) -> dict[str, OffPolicy]:
    """What each task's ranking would have got on the pages that the log shows."""
    found = {}
    for place, task in enumerate(CLICKED):
        with job.tracker.part(f"{task}: the logged pages in the fused order"):
            found[task] = off_policy(job, pipeline, stacks[task], job.budget.part(1 / (len(CLICKED) - place)))
    return found


def _sources(data: Dataset, settings: Settings, budget: Budget, plan: Plan, parts: Parts) -> tuple[tuple[str, ...], list[PlanRow]]:
    """The sources to fit, and a row for each that is left out."""
    if plan.sources:
        return plan.sources, []

    def decide() -> Json:
        names, why = choose_sources(settings.retrieval, budget, len(data.catalogue), len(data.events), pictured(data.catalogue))
        if not len(data.events):
            names = tuple(name for name in names if name in (*TEXT, "popularity"))
        return {"names": list(names), "why": dict(why)}

    chosen = Chosen.model_validate(parts.decided(f"sources-{budget.minutes}", decide))
    return chosen.names, [PlanRow(name, False, why=reason) for name, reason in chosen.why.items()]


def _bundle(measured: Measured, quality: Quality, store: Path, run: Run) -> Bundle:
    """Refit the sources on everything, keep the rest, write, verify, activate."""
    job, tracker = measured.job, measured.job.tracker
    used = {name for stack in measured.stacks.values() for name in stack.sources} | {"popularity"}
    if measured.reading.used or (job.reader is not None and job.reader.encoder):
        used |= {name for name, source in measured.sources.items() if isinstance(source, Nearest) and name != LateInteraction.name}
    used |= {"pictures"} if any(looks(stack) for stack in measured.stacks.values()) else set()
    sources, late = refit(job, {name: source for name, source in measured.sources.items() if name in used})
    sources = sources if LateInteraction.name in used else without_tokens(sources)
    pipeline = replace(job.pipeline(sources, True, measured.stacks), top=measured.pipeline.top)
    if measured.reading.used:
        pipeline = told(pipeline, measured.reading.head)
    with tracker.part("compare scores before and after the refit"):
        moved = shift(job, list(measured.results.values()), measured.pipeline, pipeline)
    report = replace(measured.report, notes=[*measured.report.notes, *late, *moved], training=curves_of(run))
    with tracker.part("write the bundle"):
        moment = datetime.now(UTC)
        name = f"{moment:%Y%m%d-%H%M%S}-{job.data.fingerprint[:6]}"
        with Store(store).write(name, _manifest(measured, moment)) as folder:
            save(pipeline, folder)
            Completer().fit(job.data).save(folder / "completions")
            (folder / "report.json").write_text(json.dumps(report.to_json(), ensure_ascii=False), encoding="utf-8")
            (folder / "report.html").write_text(render(report, quality.to_json(), job.settings.name), encoding="utf-8")
            (folder / "quality.json").write_text(json.dumps(quality.to_json(), ensure_ascii=False), encoding="utf-8")
            hand_on_tuned(measured.tuned, job, folder / "model")
            tell_origin(measured.tuned, job, folder)
        bundle = Store(store).activate(name)
    job.parts.clear()
    return bundle


def _manifest(measured: Measured, moment: datetime) -> dict[str, Json]:
    job = measured.job
    return {
        "created_at": moment.isoformat(timespec="seconds"),
        "kind": job.settings.kind,
        "name": job.settings.name,
        "data": {"fingerprint": job.data.fingerprint, "items": len(job.data.catalogue), "events": len(job.data.events)},
        "windows": _json(job.windows.describe()),
        "plan": _plan(measured),
        "settings": job.settings.model_dump(mode="json"),
        "newest_event": None if isnan(job.data.until) or not job.data.events.clock else job.data.until,
        "state_sequence": measured.state_sequence,
        "minutes": round(job.tracker.elapsed / 60, 2),
        "seconds": {name: round(took, 1) for name, took in job.tracker.seconds.items()},
    }


def _plan(measured: Measured) -> dict[str, Json]:
    """What the clock decided, so that another machine can make the same models."""
    clicks = {f"{task}_clicks": one for task, one in measured.clicks.items()}
    made: dict[str, TaskResult | ClickResult] = {**measured.results, **clicks}
    return {
        "sources": list(measured.sources),
        "encoder": measured.job.encoder,
        "encoder_files": _json(pinned_files(measured.job.encoder)),
        "texts": measured.texts,
        "finetune": dict(measured.tuned.taken),
        "cross": dict(measured.cross),
        "bert_ctr": dict(measured.reading.taken),
        "requests": {task: {str(window): size for window, size in one.sizes.items()} for task, one in made.items()},
        "rankers": _json({task: one.effort for task, one in made.items()}),
        "kept": {task: list(one.stack.sources) for task, one in measured.results.items()},
    }


def _json(value: object) -> Json:
    plain: Json = json.loads(json.dumps(value))
    return plain


def read_plan(path: Path) -> Plan:
    """The plan in a bundle's manifest. Raises `InputError` when there is none."""
    mend = "Name the manifest.json of a bundle."
    try:
        found = json.loads(path.read_text(encoding="utf-8")).get("plan")
        return Plan.model_validate(found)
    except ValidationError:
        raise InputError(f"{path} holds no plan.", mend) from None
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f"{path} is no manifest: {error}.", mend) from None
