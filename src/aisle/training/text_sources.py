"""The sources that read text: which encoder the shop gets, its vectors, and the map learned on window 1's judgements."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aisle.core.errors import InputError
from aisle.core.events import Dataset
from aisle.core.profiles import LIKED
from aisle.core.stage import Source
from aisle.data.windows import Windows
from aisle.evaluation.results import PlanRow
from aisle.retrieval.dense import Content, Dense
from aisle.retrieval.late import LateInteraction
from aisle.retrieval.lexical import Lexical
from aisle.retrieval.vectors import ItemVectors, Making, fingerprint, item_texts
from aisle.settings import JOINT, Settings
from aisle.text.adapt import Adapter, Pairs
from aisle.text.encoder import ReadsTokens
from aisle.text.handed_on import ORIGIN, hand_on, origin
from aisle.text.joint import spaced
from aisle.text.normalise import normalise
from aisle.text.pretrained import pooling_of
from aisle.tracking import Tracker
from aisle.training.answers import Answers
from aisle.training.bilingual import tried
from aisle.training.budget import ASKED, COST, Budget, Left
from aisle.training.encoders import (
    MOST_TIME,
    PER_SECOND,
    TooSlowError,
    base_name,
    choose_encoder,
    joined,
    model_folder,
    open_encoder,
    short,
)
from aisle.training.finetune import PAIRS, Tuned, Tuning, refused
from aisle.training.job import Job
from aisle.training.meaning import meaning_figures
from aisle.training.parts import Parts
from aisle.training.worth import weighed

SEARCH_ALONE, SEARCH_AMONG_OTHERS = (0.5, 0.25), (0.3, 0.6)
"""Of the time that encoding leaves so much may go into fine-tuning, and more where less than the rest is wanted for what comes after it: so
much for ranking, and twice what the sources are expected to take, for the windows and the refit. Fine-tuning serves search first: where a
log asks for pages too, they want their time. A simulated shop of a million events that fine-tuned for half of 15 minutes had a tenth of
them left for ranking."""
LATE = LateInteraction.name
TUNED_TIME = 0.8
"""Of the time left so much may go into encoding titles by an encoder that was fine-tuned: to give it up would lose what that took."""
MANY, BYTES = 300_000, 2_000
"""Items above which tokens are kept by setting alone, and what an item's take."""
TRIAL, CHUNK, SURE = 64, 2_048, 5.0
"""Texts that are encoded first and between two looks at the clock, and the seconds after which their pace is believed: the first ones are
slow."""


@dataclass(frozen=True)
class Texts:
    """The sources that read the catalogue, the kind of encoder behind them ("" for none) and why it was taken; ``rows`` of the plan on
    what else was decided."""

    sources: Mapping[str, Source]
    encoder: str
    why: str
    tuned: Tuned = field(default_factory=Tuned)
    rows: Sequence[PlanRow] = ()


@dataclass(frozen=True)
class Materials:
    """What one run has in its hands while the text sources are made."""

    data: Dataset
    windows: Windows
    settings: Settings
    budget: Budget
    parts: Parts
    tracker: Tracker


def text_sources(names: Sequence[str], held: Materials, planned: str = "", steps: Mapping[str, float] | None = None) -> Texts:
    """The sources among ``names`` that read the catalogue, fitted. ``planned`` is the encoder of an earlier run's plan, "" for none, and
    ``steps`` those of its fine-tuning."""
    data, budget, parts, tracker = held.data, held.budget, held.parts, held.tracker
    found: dict[str, Source] = {}
    if "lexical" in names:
        with tracker.part("index words"):
            found["lexical"] = parts.get("text-lexical", lambda folder: Lexical.load(folder, data.catalogue), lambda: Lexical().fit(data))
    if not {"dense", "content"} & set(names):
        return Texts(found, "", "")
    lexical, tuned = found.get("lexical"), Tuned()
    chosen = parts.decided(f"encoder-{budget.minutes}", lambda: list(_chosen(held, planned, lexical)))
    kind, why = (str(part) for part in chosen) if isinstance(chosen, list) else ("", "")
    if kind not in ("ngram", "static", f"{JOINT}:static") and "dense" in names and isinstance(lexical, Lexical):
        tuned = fine_tuned(held, kind, lexical, (steps or {}) if planned else None)
        why += f"; {tuned.why}"
    try:
        share = MOST_TIME if tuned.encoder is None else TUNED_TIME
        vectors = _vectors(kind, held, budget.part(share) if not planned else lambda: inf, tuned.encoder, _by_token(names, held))
    except TooSlowError:
        kind, why, tuned = "ngram", "encoder ngram: encoding the titles by MiniLM took too much of the time given", Tuned()
        parts.settle(f"encoder-{budget.minutes}", [kind, why])
        vectors = _vectors(kind, held, lambda: inf)
    if "dense" in names and tuned.encoder is not None:
        found["dense"] = Dense(vectors=vectors)
    elif "dense" in names:
        with tracker.part("adapt the encoder to window 1"):
            mapping = _mapping(vectors, data, held.windows, held.settings.finetuning.map_rank)
        why += "; adapted by a linear map" if mapping is not None else "; a linear map gained nothing or had too little to learn from"
        dense = found["dense"] = Dense(vectors=vectors, mapping=mapping)
        if isinstance(lexical, Lexical):
            with tracker.part("measure search by meaning"):
                known, asked = (data, Answers.of(data, held.windows), lexical), parts.folder / "finetuning" / PAIRS
                tuned = replace(tuned, figures=meaning_figures(known, dense, kind, budget, tuned, asked))
    late, rows = _late(names, vectors, kind)
    found |= late
    if "content" in names:
        found["content"] = Content(vectors=vectors)
    return Texts(found, kind, why, tuned, rows)


def _by_token(names: Sequence[str], held: Materials) -> bool:
    """Whether items' tokens are kept: asked for, by setting where there are many."""
    wanted = held.settings.retrieval.get(LATE, len(held.data.catalogue) <= MANY)
    return LATE in names and wanted


def _late(names: Sequence[str], vectors: ItemVectors, kind: str) -> tuple[dict[str, Source], list[PlanRow]]:
    """The source that compares token by token, where it is asked for and tokens are kept; else the plan's row that says why not."""
    if LATE not in names:
        return {}, []
    if vectors.tokens is None:
        many = len(vectors) > MANY and isinstance(vectors.encoder, ReadsTokens)
        size = (
            f"the tokens of {len(vectors):,} items would take {len(vectors) * BYTES / 1e9:.1f} GB; `[retrieval] {LATE} = true` keeps them"
        )
        return {}, [PlanRow(LATE, False, why=size if many else f"the encoder {short(kind)} tells nothing of single words")]
    return {LATE: LateInteraction(vectors=vectors)}, []


def _chosen(held: Materials, planned: str, lexical: Source | None) -> tuple[str, str]:
    """Which encoder, and why; a joint one that nobody named is tried against n-grams alone."""
    kind, why = choose_encoder(held.data, held.settings, held.budget, planned)
    if planned or held.settings.encoder or not joined(kind) or not isinstance(lexical, Lexical):
        return kind, why
    with held.tracker.part("try encoders for two languages"):
        answers = Answers.of(held.data, held.windows)
        return tried(kind, why, (held.data, answers, lexical), held.parts.folder.parent / "export", held.budget)


def fine_tuned(held: Materials, kind: str, lexical: Lexical, planned: Mapping[str, float] | None) -> Tuned:
    """The pretrained encoder fine-tuned on window 1 where the data and the time allow, else why not; ``planned``: the steps of a plan."""
    if not held.settings.finetune:
        return Tuned(why="not fine-tuned: by setting")
    if planned == {}:
        return Tuned(why="not fine-tuned: by the plan")

    def make() -> Tuned:
        answers = weighed(Answers.of(held.data, held.windows), held.data, held.windows)
        reads = spaced if joined(kind) else str
        if joined(kind):
            answers = answers.where(np.array([bool(spaced(normalise(text))) for text in answers.texts], bool))
        seconds = inf if planned else time_to_learn(held.data, held.budget)
        if why := refused(answers, seconds):
            return Tuned(why=why)
        folder, settings = held.parts.folder / "finetuning", held.settings
        by_token = _by_token([LATE], held) and not joined(kind) and not settings.encoder_size
        told = settings.tracking.examples, reads, settings.encoder_size, by_token
        job = Tuning(folder, model_folder(kind), seconds, dict(planned or {}), settings.finetuning, *told)
        return job.run(held.data, answers, lexical, held.tracker)

    return held.parts.get("finetuned", Tuned.load, make)


def hand_on_tuned(tuned: Tuned, job: Job, target: Path) -> None:
    """Write the fine-tuned model to ``target`` for other programs, where there is one and the settings keep it, and what LoRA learned to
    the folder ``adapter`` beside it."""
    model = job.parts.folder / "finetuning" / "model"
    if tuned.encoder is None or not model.is_dir() or not job.settings.finetuning.keep:
        return
    base = model_folder(job.encoder)
    steps = ", ".join(f"{int(count)} on {name}" for name, count in tuned.taken.items() if name != "rate")
    facts = (
        f"Fine-tuned from {base_name(job.encoder)} by aisle train, steps: {steps}.",
        f"{tuned.why[:1].upper()}{tuned.why[1:]}.",
        f"Learned from the data with fingerprint {job.data.fingerprint[:12]}: titles, and what answered queries. No user is in it.",
    )
    hand_on(model, target, pooling_of(base), facts, base)
    if (adapter := model.with_name("adapter")).is_dir():
        shutil.copytree(adapter, target.with_name("adapter"), dirs_exist_ok=True)


def tell_origin(tuned: Tuned, job: Job, folder: Path) -> None:
    """Write into a bundle's ``folder`` which pretrained model stands behind its encoder and under which licence, where there is one."""
    if job.encoder in ("", "ngram"):
        return
    try:
        name, base = base_name(job.encoder), model_folder(job.encoder)
    except InputError:  # exported earlier, and what it was exported from is gone
        return
    what = "fine-tuned on this shop" if tuned.encoder is not None else "not fine-tuned"
    said = origin([f"Made from {name}, encoder {short(job.encoder)}, {what}."], base)
    (folder / ORIGIN).write_text(said, encoding="utf-8")


def time_to_learn(data: Dataset, budget: Budget) -> float:
    """Seconds that fine-tuning may take."""
    items, events = len(data.catalogue), len(data.events)
    left = budget.left - items / PER_SECOND * budget.slowness
    costs = [cost(items, events) for name, cost in COST.items() if name not in ASKED and events]
    others = 2 * budget.slowness * sum(cost for cost in costs if budget.affords(cost))
    tuning, ranking = SEARCH_AMONG_OTHERS if events else SEARCH_ALONE
    return max(0.0, tuning * left, (1 - ranking) * left - others)


def _vectors(kind: str, held: Materials, left: Left, tuned: Path | None = None, tokens: bool = False) -> ItemVectors:
    """Every item's vector, and those of its ``tokens`` where they are asked for and the encoder tells them; finished ones are taken up by
    an interrupted run. Raises `TooSlowError` when no time is left."""
    data, parts, tracker = held.data, held.parts, held.tracker

    def make() -> Dense:
        with tracker.part(f"open the encoder {short(kind)}"):
            encoder = open_encoder(kind, data, parts.folder.parent / "export", left, tuned, held.settings.encoder_size)
        with tracker.part(f"encode {len(data.catalogue):,} titles by {short(kind)}", len(data.catalogue)) as advance:
            texts = item_texts(data.catalogue)
            making, begun = Making(encoder, texts, tokens), left()
            while making.done < len(texts):
                advance(making.add(CHUNK if making.done else TRIAL))
                took = begun - left() if begun < inf else 0.0
                if took > SURE and took / making.done * (len(texts) - making.done) > left():
                    raise TooSlowError
            return Dense(vectors=ItemVectors(encoder, making.vectors, fingerprint(encoder, texts), tokens=making.tokens()))

    name = kind if tuned is None else f"{kind}-tuned"
    return parts.get(f"text-vectors-{name}", lambda folder: Dense.load(folder, data.catalogue), make).vectors_


def _mapping(vectors: ItemVectors, data: Dataset, windows: Windows, rank: int = 0) -> NDArray[np.float32] | None:
    """The linear map learned from window 1: relevant judgements, or without any the clicks on what was searched for."""
    judgements, events = data.judgements, data.events
    if judgements is not None and len(judgements.query):
        rows = (windows.query[judgements.query] == 1) & (judgements.item >= 0) & (judgements.grade >= judgements.relevant_from)
        texts, query, item = judgements.queries, judgements.query[rows], judgements.item[rows]
    else:
        rows = (windows.event == 1) & (events.query >= 0) & (events.item >= 0) & np.isin(events.type, LIKED)
        texts, query, item = events.queries, events.query[rows], events.item[rows]
    used, place = np.unique(query, return_inverse=True)
    if not len(used):
        return None
    asked = vectors.encoder.encode([normalise(texts[int(number)]) for number in used], "query")
    return Adapter(rank=rank).fit(asked, vectors.whole(), Pairs(place, item, np.ones(len(place), np.float32)))
