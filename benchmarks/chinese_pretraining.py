"""What pre-training on a shop's own Chinese text is worth: ``python -m benchmarks.chinese_pretraining``.

Reviews of ten categories (online_shopping_10_cats), split by a hash of the text. Texts that test are in no pre-training, all others are.
The encoders stay frozen; a logistic regression learns category and sentiment from 100, 1,000 and 10,000 labels. Finished models are kept
under ``build/results/chinese_pretraining``; an interrupted one goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from time import process_time

import numpy as np
from numpy.typing import NDArray

from aisle.core.threads import one_thread
from aisle.data.windows import cut_texts
from aisle.text.encoder import Encoder, OnnxEncoder
from aisle.text.ngram import NgramEncoder
from aisle.text.normalise import normalise
from benchmarks.figures import WORK, Figure, Lines, show
from benchmarks.folders import raw_data, read
from benchmarks.measure import interval

LINES = Lines("chinese_pretraining")
PLACE = WORK / "chinese_pretraining"
SHAPE = (2, 128)
"""Layers and width: what a quarter of an hour on part of one core can fill."""
MINUTES = {"untrained": 0.0, "bert": 14.0, "gpt": 5.0}
SIZES = (100, 1_000, 10_000)
ASKED = 2_000
"""Texts that test."""
DRAWS = 5
"""Draws of the few labels; their answers are pooled."""
Floats = NDArray[np.float32]
Labels = dict[str, NDArray[np.int64]]


def pretraining_figures() -> list[Figure]:
    """Every figure of the part."""
    one_thread()
    PLACE.mkdir(parents=True, exist_ok=True)
    texts, labels, known = reviews()
    figures = [LINES.machine()]
    ways: dict[str, Callable[[Sequence[str]], Floats]] = {}
    for name, minutes in MINUTES.items():
        figures += _pretrained(name, [texts[row] for row in known[0]], minutes)
        ways[f"{name}, frozen"] = _by(_encoder(name))
    ways["n-grams and SVD, frozen"] = _by(NgramEncoder().fit([texts[row] for row in known[0]]))
    rows = [np.sort(np.random.default_rng(7).permutation(some)[:most]) for some, most in zip(known, (SIZES[-1], ASKED), strict=True)]
    some = [texts[row] for row in np.concatenate(rows)]
    labels = {task: truth[np.concatenate(rows)] for task, truth in labels.items()}
    parted = np.arange(len(rows[0])), np.arange(len(rows[0]), len(some))
    for name, encode in ways.items():
        figures += _learned(name, encode(some), labels, parted)
    return figures + _learned("n-gram TF-IDF", _tfidf(some, parted[0]), labels, parted)


def reviews() -> tuple[list[str], Labels, tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Texts in matching form, each once; their labels; the rows that may teach and those that test."""
    rows = read(raw_data() / "online_shopping_10_cats" / "online_shopping_10_cats.csv.gz")
    held = {text: row for row in rows if (text := normalise(row["review"]))}
    window = cut_texts(held, np.full(len(held), -1, np.int8))
    names = sorted({row["cat"] for row in held.values()})
    labels = {
        "category": np.array([names.index(row["cat"]) for row in held.values()]),
        "sentiment": np.array([int(row["label"]) for row in held.values()]),
    }
    return list(held), labels, (np.flatnonzero(window < 4), np.flatnonzero(window == 4))


def _pretrained(name: str, texts: Sequence[str], minutes: float) -> list[Figure]:
    """Pre-train, or take up what was finished; how it went."""
    import torch

    from aisle.text.pretrain_train import FACTS, Pretraining

    place, spent = PLACE / name, PLACE / f"{name}.json"
    if not (place / FACTS).is_file():
        torch.set_num_threads(1)
        begun = process_time()
        kind = "gpt" if name == "gpt" else "bert"
        job = Pretraining(texts, place, kind, minutes * 60, shape=SHAPE, steps=None if minutes else 0)  # type: ignore[arg-type]
        told = job.run()
        spent.write_text(json.dumps({"cpu": process_time() - begun, **asdict(told)}), encoding="utf-8")
    said = json.loads(spent.read_text(encoding="utf-8"))
    if not minutes:
        return []
    note = f"{said['layers']} x {said['width']}, {said['vocabulary']:,} tokens; {said['steps']:,} steps of 4,096"
    note += f" in {said['seconds'] / 60:.0f} min ({said['cpu'] / 60:.1f} CPU min of one shared core), {said['texts']:,} texts"
    what = "hidden words" if name == "bert" else "the next token"
    return [
        LINES.one(f"{name}: perplexity of {what}, held-out texts", said["perplexity"], note),
        LINES.one(f"{name}: perplexity before", said["before"], "the same texts, untrained"),
    ]


def _encoder(name: str) -> Encoder:
    """As it would be served: exported and quantised."""
    from aisle.text.export_train import export

    place = PLACE / f"{name}-onnx"
    if not (place / "encoder.json").is_file():
        export(PLACE / name, place, name)
    return OnnxEncoder(place)


def _by(encoder: Encoder) -> Callable[[Sequence[str]], Floats]:
    """Vectors of all texts, kept by the encoder's fingerprint."""

    def encode(texts: Sequence[str]) -> Floats:
        path = PLACE / f"vectors-{encoder.fingerprint[:12]}.npy"
        if not path.is_file():
            np.save(path, encoder.encode(texts, "item"))
        return np.asarray(np.load(path), np.float32)

    return encode


def _tfidf(texts: Sequence[str], known: NDArray[np.int64]) -> object:
    """Characters in ones, twos and threes, rarity from the texts that may teach."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    model = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), min_df=3, sublinear_tf=True, dtype=np.float32)
    return model.fit([texts[row] for row in known]).transform(texts)


def _learned(name: str, table: object, labels: Labels, known: tuple[NDArray[np.int64], NDArray[np.int64]]) -> list[Figure]:
    """Category accuracy and sentiment F1 (mean of both classes) by a logistic regression on ``table``, at each number of labels."""
    from sklearn.metrics import f1_score

    figures, (teaching, asked) = [], known
    for size in SIZES:
        draws = [np.random.default_rng(seed).permutation(teaching)[:size] for seed in range(DRAWS if size < len(teaching) else 1)]
        found = {task: [_said(table, truth, rows, asked) for rows in draws] for task, truth in labels.items()}
        right = np.concatenate([said == labels["category"][asked] for said in found["category"]]).astype(float)
        scores = [float(f1_score(labels["sentiment"][asked], said, average="macro")) for said in found["sentiment"]]
        note = f"{len(asked):,} test texts" + (f", {len(draws)} draws of labels" if len(draws) > 1 else "")
        figures.append(LINES.held(f"{name}, {size:,} labels: category accuracy", interval(right), note))
        figures.append(LINES.one(f"{name}, {size:,} labels: sentiment F1", float(np.mean(scores)), f"{note}; macro", len(asked)))
    return figures


def _said(table: object, truth: NDArray[np.int64], rows: NDArray[np.int64], asked: NDArray[np.int64]) -> NDArray[np.int64]:
    """What a logistic regression says; columns of a dense table are brought to one scale first."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    known, new = table[rows], table[asked]  # type: ignore[index]
    dense = isinstance(table, np.ndarray)
    plain = LogisticRegression(C=1.0 if dense else 10.0, max_iter=500)
    model = make_pipeline(StandardScaler(), plain) if dense else plain
    return np.asarray(model.fit(known, truth[rows]).predict(new))


if __name__ == "__main__":
    show(pretraining_figures())
