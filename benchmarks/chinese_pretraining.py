"""What pre-training on a shop's own Chinese text is worth: ``python -m benchmarks.chinese_pretraining``.

From nothing a BERT learns hidden words, a GPT the next one, and a sentence encoder which two halves are of one text, on reviews of ten
categories (online_shopping_10_cats, split by a hash of the text) and on titles (ecommerce_ner_zh, tmall_beauty). Texts that test are in no
pre-training. Then categories, sentiment and entities are learned with and without: frozen, by a logistic regression on the vectors, and
fine-tuned (`benchmarks.chinese_tuning`). Finished models are kept under ``build/results/chinese_pretraining``; an interrupted one goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from time import process_time

import numpy as np
from numpy.typing import NDArray

from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset, Events
from aisle.core.strings import Strings
from aisle.core.threads import one_thread
from aisle.text.alike import Alike
from aisle.text.encoder import Encoder, OnnxEncoder
from aisle.text.ngram import NgramEncoder
from aisle.text.normalise import normalise
from aisle.training.alike import alike
from benchmarks.chinese_pieces import tmall_beauty
from benchmarks.chinese_reviews import SIZES, Labels, asked, reviews
from benchmarks.chinese_tuning import tuned_figures
from benchmarks.entities_zh import entity_titles, plain, without
from benchmarks.figures import WORK, Figure, Lines, show
from benchmarks.intents import LABELS, Remembered, ask, categories, learned
from benchmarks.measure import interval

LINES = Lines("chinese_pretraining")
PLACE = WORK / "chinese_pretraining"
MINUTES = {"bert": 20.0, "gpt": 7.0, "halves": 20.0}
"""Of one core, or of a GPU; the shape is what they can fill."""
TUNED = ("untrained", "halves")
DRAWS = 5
"""Draws of the few labels; their answers are pooled."""
Floats = NDArray[np.float32]


def pretraining_figures() -> list[Figure]:
    """Every figure of the part."""
    one_thread()
    texts, labels, known = reviews()
    figures = [LINES.machine(), *(one for name in MINUTES for one in told(name))]
    ways: dict[str, Callable[[Sequence[str]], Floats]] = {f"{name}, frozen": _by(encoder(name)) for name in ("untrained", *MINUTES)}
    ways["n-grams and SVD, frozen"] = _by(NgramEncoder().fit([texts[row] for row in known[0]]))
    rows = known[0], asked(known)
    some = [texts[row] for row in np.concatenate(rows)]
    labels = {task: truth[np.concatenate(rows)] for task, truth in labels.items()}
    parted = np.arange(len(rows[0])), np.arange(len(rows[0]), len(some))
    for name, encode in ways.items():
        figures += _learned(name, encode(some), labels, parted)
    figures += _learned("n-gram TF-IDF", _tfidf(some, parted[0]), labels, parted)
    figures += _understood()
    return figures + tuned_figures(LINES, {name: pretrained(name) for name in TUNED})


def pretrained(name: str) -> Path:
    """The folder of a model, pre-trained or taken up where it was finished; ``untrained`` and ``halves`` have the shape of ``bert``."""
    import torch

    from aisle.text.alike_train import Contrasting
    from aisle.text.pretrain_train import FACTS, Pretraining

    place = PLACE / name
    if not (place / FACTS).is_file():
        torch.set_num_threads(1)
        texts, _, known = reviews()
        texts, begun = [*(texts[row] for row in known[0]), *titles()], process_time()
        if name == "halves":
            Contrasting(_halved(texts), place, None, ("halved",), MINUTES[name] * 60, shape=_shape()).run()
        elif name in MINUTES:
            Pretraining(texts, place, name, MINUTES[name] * 60).run()  # type: ignore[arg-type]
        else:
            Pretraining(texts, place, shape=_shape(), steps=0).run()
        gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
        (PLACE / f"{name}.json").write_text(json.dumps({"cpu": process_time() - begun, "gpu": gpu}), encoding="utf-8")
    return place


def _shape() -> tuple[int, int]:
    """Layers and width of ``bert``."""
    from aisle.text.pretrain_train import FACTS

    said = json.loads((pretrained("bert") / FACTS).read_text(encoding="utf-8"))
    return said["layers"], said["width"]


def _halved(texts: Sequence[str]) -> Alike:
    """As a shop whose titles are these texts."""
    titles = Catalogue(Strings.of(map(str, range(len(texts)))), {"title": Strings.of(texts)}, {})
    return alike(Dataset(titles, Events.none()), texts)


def titles() -> list[str]:
    """Titles in matching form that test no entities."""
    every, test = entity_titles("train"), entity_titles("test")
    return list(dict.fromkeys([*(plain(title) for title in without(every, test)), *map(normalise, tmall_beauty())]))


def told(name: str) -> list[Figure]:
    """How the pre-training of a model went."""
    from aisle.text.pretrain_train import FACTS

    said = json.loads((pretrained(name) / FACTS).read_text(encoding="utf-8"))
    spent = json.loads((PLACE / f"{name}.json").read_text(encoding="utf-8"))
    note = f"{said['layers']} x {said['width']}, {said['vocabulary']:,} tokens; {said['steps']:,} steps in {said['seconds'] / 60:.1f} min"
    note += f" on one {spent['gpu']}" if spent["gpu"] else f" ({spent['cpu'] / 60:.1f} CPU min of one shared core)"
    what = {"bert": "hidden words", "gpt": "the next token"}.get(name, "pairs of halves")
    if said["pairs"]:
        note += f", {said['pairs']['halved']:,} pairs"
    return [
        LINES.one(f"{name}: perplexity of {what}, held-out texts", said["perplexity"], f"{note}, {said['texts']:,} texts"),
        LINES.one(f"{name}: perplexity before", said["before"], "the same texts"),
    ]


def encoder(name: str) -> Encoder:
    """As it would be served: exported and quantised."""
    from aisle.text.export_train import export

    place = PLACE / f"{name}-onnx"
    if not (place / "encoder.json").is_file():
        export(pretrained(name), place, name)
    return OnnxEncoder(place)


def _understood() -> list[Figure]:
    """Categories as query understanding learns them, of words and vectors: those of n-grams and those of halves."""
    known, tested = categories()
    ways = {"n-grams and SVD": Remembered(NgramEncoder().fit(known.texts)), "halves": Remembered(encoder("halves"))}
    figures = []
    for size in LABELS:
        some, right = known.at_most(size), {}
        for name, encode in ways.items():
            right[name] = ask(learned(some, encode), tested, encode)[0].astype(float)
            figures.append(LINES.held(f"query understanding, {name}, {len(some):,} labels: accuracy", interval(right[name])))
        difference = interval(right["halves"] - right["n-grams and SVD"])
        figures.append(LINES.held(f"query understanding, halves less n-grams and SVD, {len(some):,} labels: accuracy", difference))
    for encode in ways.values():
        encode.keep()
    return figures


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
    for size in (*SIZES, len(teaching)):
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
