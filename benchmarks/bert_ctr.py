"""What a language model's reading of history, query and title adds to clicks: ``python -m benchmarks.bert_ctr [simulated ... full]``

Beside the id-based models on three tables, as a feature of trees, and against the same language model tuned on the joined text.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from time import process_time

import numpy as np
import torch
from numpy.typing import NDArray

from aisle.evaluation.probability import logloss
from aisle.evaluation.summary import ClickRuns, summarise_clicks
from aisle.ranking.calibrate import Calibrator
from aisle.ranking.ctr.base import sigmoid
from aisle.ranking.ctr.examples import Column, Examples, Floats
from aisle.ranking.ctr.settings import BERT_CTR
from aisle.ranking.ctr.trees import Trees
from aisle.text.cross_learn_train import Course, Single, teach
from aisle.text.cross_model_train import Opened, open_cross
from aisle.text.pairs import Pairs
from aisle.training import encoders
from benchmarks.ctr import METRICS, Fitted, compared, models
from benchmarks.ctr_tables import Tables, completejourney, online_retail, simulated
from benchmarks.figures import Figure, Lines, show

ITEMS, EVENTS = 1_500, 100_000
NUMBERS = f"{BERT_CTR}_numbers"
BESIDE = ("lightgbm", "dcn", BERT_CTR, NUMBERS)
LEARNED, LOOKED, ASKED = 3_000, 600, 2_000
"""Pairs that the whole model is tuned on, calibrated on and asked about: what some minutes of two cores allow."""
LAYERS, FROZEN = 4, 2
"""Layers of MiniLM that are read, and how many of them, the lowest, do not learn."""
LAST, WORDS = 2, 8
"""Of the history so many last titles are read, of each so many words."""
SEED = 7


def small() -> Tables:
    """A simulated shop of a size that lets this part end in minutes."""
    return simulated(ITEMS, EVENTS)


TABLES: Mapping[str, Callable[[], Tables]] = {"simulated": small, "online_retail": online_retail, "completejourney": completejourney}


def bert_ctr_figures(only: Sequence[str] = ()) -> list[Figure]:
    """Every table's models, what trees gain by the score, and the whole model tuned; or some of the parts."""
    lines, found = Lines("bert_ctr"), []
    for name, make in TABLES.items():
        if not only or name in only:
            tables = make()
            part, fitted = compared(lines, tables, BESIDE)
            part += [*_slices(lines, tables, fitted), *_feature(lines, tables)]
            found += [replace(one, figure=f"{name}: {one.figure}") for one in part]
    return found + (_whole(lines, small()) if not only or "full" in only else [])


def _feature(lines: Lines, tables: Tables) -> list[Figure]:
    """Trees with and without the score as one more number. The model of the score learns from the first half of the cases, the trees from
    the second, so that no score has seen the label beside it."""
    half, train = len(tables.train) // 2, tables.train
    reader = models(tables)[BERT_CTR].fit(train.pick(np.arange(half)))

    def told(some: Examples) -> Examples:
        return replace(some, numbers={**some.numbers, BERT_CTR: reader.raw(some)})

    second, said = train.pick(np.arange(half, len(train))), {}
    for name, given in (("lightgbm", lambda some: some), ("lightgbm_reading", told)):
        model = Trees(layout=tables.layout).fit(given(second)).calibrate(given(tables.dev))
        said[name] = model.score(given(tables.test))
    note = f"trees on {len(second):,} cases, the score's model on the {half:,} before them"
    return _paired(lines, tables.test, said, "lightgbm_reading", "score as a feature", note)


def _slices(lines: Lines, tables: Tables, fitted: Mapping[str, Fitted]) -> list[Figure]:
    """Where nobody was shown the item, or nothing is known of the shopper: the reader with numbers against trees."""
    found = []
    for title, mask in tables.slices.items():
        if title.startswith("new"):
            some = tables.test.pick(mask)
            found += _paired(lines, some, {name: fitted[name].model.score(some) for name in ("lightgbm", NUMBERS)}, NUMBERS, title, "")
    return found


def _paired(lines: Lines, some: Examples, said: Mapping[str, Floats], main: str, title: str, note: str) -> list[Figure]:
    """Each model's figures on these cases, and the main one less each other."""
    users = some.categories["user"].codes
    scores = {"constant_rate": np.full(len(some), some.label.mean()), **said}
    summary = summarise_clicks(ClickRuns("ctr", some.label, scores, tuple(scores), users, main=main))
    found = [
        lines.held(f"{title}: {name}: {metric}", vars(summary.models[name][metric]), note)
        for name in said
        for metric in METRICS
        if metric in summary.models[name]
    ]
    return found + [
        Figure(lines.part, f"{title}: {one.a} - {one.b}: {one.metric}", one.difference, lines.command, one.low, one.high, one.n, note)
        for one in summary.comparisons
        if one.metric in ("auc", "logloss") and one.b in said
    ]


def _whole(lines: Lines, tables: Tables) -> list[Figure]:
    """MiniLM's upper layers tuned on "[last titles] [SEP] query [SEP] title" with binary cross-entropy, on as many pairs as minutes
    allow, beside the head over its frozen vectors that learned from the same cases and from all."""
    dice = np.random.default_rng(SEED)
    some = {
        name: part.pick(np.sort(dice.permutation(len(part))[:size]))
        for name, part, size in (
            ("train", tables.train, LEARNED),
            ("dev", tables.dev, LOOKED),
            ("test", tables.test, ASKED),
        )
    }
    begun = process_time()
    said = {"tuned": _tuned(tables, some)}
    took = {"tuned": process_time() - begun}
    for name, train in (("frozen_same_cases", some["train"]), ("frozen_all_cases", tables.train)):
        begun = process_time()
        said[name] = models(tables)[BERT_CTR].fit(train).calibrate(some["dev"]).score(some["test"])
        took[name] = process_time() - begun
    note = (
        f"tuned on {LEARNED:,} of {len(tables.train):,} cases, {LAYERS} layers of which {FROZEN} do not learn; {ASKED:,} cases asked about"
    )
    figures = _paired(lines, some["test"], said, "tuned", "full", note)
    return figures + [lines.one(f"full: {name}: CPU seconds", value, "texts read, fitted, asked") for name, value in took.items()]


def _tuned(tables: Tables, some: Mapping[str, Examples]) -> Floats:
    """The whole model's calibrated probabilities of the cases asked about."""
    model = open_cross(encoders.model_folder("minilm"), LAYERS)
    freeze(model)
    first, second = joined(tables, some["train"])
    source = Single(model, Pairs(first, second, some["train"].label.astype(np.float32)).checked(), seed=SEED)
    looked = joined(tables, some["dev"])
    judge = partial(_judged, model, looked, some["dev"].label)
    teach(model, source, judge, Course(1.0, SEED, rate=1e-4))
    dev, test = (_raw(model, pair) for pair in (looked, joined(tables, some["test"])))
    return np.asarray(Calibrator().fit(dev, some["dev"].label).apply(test), np.float64)


def freeze(model: Opened) -> None:
    """Embeddings and the lowest layers do not learn."""
    inner = model.net.model
    for part in (inner.embeddings, *inner.encoder.layer[:FROZEN]):
        for weight in part.parameters():
            weight.requires_grad_(False)


def joined(tables: Tables, some: Examples) -> tuple[list[str], list[str]]:
    """What is read together: the last titles and the query, parted by [SEP], and the title."""
    nothing = Column(np.full((len(some), 1), -1, np.int32), ())
    past, query, item = some.sequences.get(tables.past, nothing), some.categories.get("query"), some.categories["item"]

    def words(column: Column, code: int) -> str:
        name = column.names[code]
        return " ".join(tables.texts.get(name, name).split()[:WORDS])

    first = []
    for row in range(len(some)):
        titles = [words(past, code) for code in past.codes[row, -LAST:].tolist() if code >= 0]
        asked = query.names[query.codes[row]] if query is not None and query.codes[row] >= 0 else ""
        first.append(f"{'; '.join(titles)} [SEP] {asked}".strip())
    return first, [words(item, code) for code in item.codes.tolist()]


@torch.no_grad()  # type: ignore[untyped-decorator]
def _raw(model: Opened, pairs: tuple[Sequence[str], Sequence[str]]) -> NDArray[np.float32]:
    model.net.eval()
    found: NDArray[np.float32] = model.scores(model.tokens(*pairs)).cpu().numpy()
    return found


def _judged(model: Opened, pairs: tuple[Sequence[str], Sequence[str]], label: Floats) -> float:
    """Larger is better: by its own log loss, as the sample of cases in training has fewer without a click."""
    raw = _raw(model, pairs).astype(np.float64)
    return -float(logloss(label, sigmoid(raw)).mean())


if __name__ == "__main__":
    show(bert_ctr_figures(sys.argv[1:]))
