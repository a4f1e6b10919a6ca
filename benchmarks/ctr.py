"""Click-through models on three tables of examples: ``python -m benchmarks.ctr [simulated completejourney online_retail]``"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import product
from time import perf_counter, process_time

import numpy as np
from scipy.stats import spearmanr

from aisle.evaluation.probability import auc, ece, logloss
from aisle.evaluation.summary import ClickRuns, TaskSummary, summarise_clicks
from aisle.ranking.ctr.base import Ctr, sigmoid
from aisle.ranking.ctr.bert import BertCtr
from aisle.ranking.ctr.examples import Examples, Floats
from aisle.ranking.ctr.ftrl import Ftrl
from aisle.ranking.ctr.net import Net
from aisle.ranking.ctr.settings import BERT_CTR, KINDS, READ_HISTORY
from aisle.ranking.ctr.trees import Trees
from aisle.text.encoder import Encoder, Kind, OnnxEncoder, Vectors
from aisle.training import encoders
from benchmarks.ctr_tables import Tables, completejourney, online_retail, simulated
from benchmarks.figures import Figure, Lines, show

METRICS = ("auc", "gauc", "logloss", "ne", "ece")
PRIOR = 20.0
"""Cases by which an item's rate is drawn to the rate of all."""
CANDIDATES, RUNS = 500, 200


@dataclass(frozen=True)
class Fitted:
    """A model and the CPU seconds that its fit took."""

    model: Ctr
    cpu: float


def simulated_figures() -> list[Figure]:
    """Impressions of a simulated shop, what position does to the order, and how fast 500 candidates are scored."""
    tables, lines = simulated(), Lines("ctr_simulated")
    figures, fitted = compared(lines, tables)
    return [*figures, *_position(lines, tables), *_speed(lines, tables, fitted)]


def completejourney_figures() -> list[Figure]:
    """Coupons redeemed."""
    return compared(Lines("ctr_completejourney"), completejourney())[0]


def online_retail_figures() -> list[Figure]:
    """Items bought within a week."""
    return compared(Lines("ctr_online_retail"), online_retail())[0]


def compared(lines: Lines, tables: Tables, only: Collection[str] = ()) -> tuple[list[Figure], dict[str, Fitted]]:
    """The figures of every model, or of these, on the test; the best on dev by log loss is set against the others."""
    protocol = f"{tables.note}; intervals resample whole users; equal scores count half; split {tables.split}, seed {KINDS['lr'].seed}"
    figures, tables = [lines.machine()], replace(tables, note=protocol)
    fitted = {name: _fitted(model, tables) for name, model in models(tables).items() if not only or name in only}
    said = {name: one.model.score(tables.test) for name, one in fitted.items()}
    dev = {name: float(logloss(tables.dev.label, one.model.score(tables.dev)).mean()) for name, one in fitted.items()}
    best = min(dev, key=lambda name: dev[name])
    users = tables.test.categories["user"].codes
    scores = {**_baselines(tables), **said}
    summary = summarise_clicks(ClickRuns("ctr", tables.test.label, scores, tuple(scores), users, tables.slices, best))
    for name in scores:
        found = summary.models[name]
        figures += [lines.held(f"{name}: {metric}", vars(found[metric]), tables.note) for metric in METRICS if metric in found]
        if name in fitted:
            figures.append(lines.one(f"{name}: CPU seconds to fit", fitted[name].cpu, f"{len(tables.train):,} cases, two threads"))
    figures += (
        _versus(lines, summary, f"{best} is the best on dev by log loss")
        + _control(lines, tables, said)
        + _sliced(lines, tables, said)
        + _sampling(lines, tables, fitted[best].model)
    )
    figures.append(lines.one("all together: peak MB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "of this process"))
    return figures, fitted


def models(tables: Tables) -> dict[str, Ctr]:
    """Every model by name; `bert_ctr` reads history, query and title and nothing else, `bert_ctr_numbers` the numbers beside them."""
    kinds = [kind for kind in KINDS if tables.train.sequences or kind not in READ_HISTORY]
    plain: dict[str, Ctr] = {"lightgbm": Trees(layout=tables.layout), "ftrl": Ftrl(layout=tables.layout)}
    reading = {BERT_CTR: False, f"{BERT_CTR}_numbers": True} if tables.texts else {}
    return {
        **plain,
        **{kind: Net(kind, layout=tables.layout) for kind in kinds},
        **{
            name: BertCtr(minilm(), tables.texts, layout=tables.layout, past=tables.past, numbers=numbers)
            for name, numbers in reading.items()
        },
    }


@cache
def minilm() -> Encoder:
    """MiniLM as `aisle train` opens it, exported once."""
    place = encoders.cache("minilm")
    if not encoders.is_exported(place):
        from aisle.text.export_train import export

        export(encoders.model_folder("minilm"), place, "minilm")
    return Remembering(place, threads=2)


class Remembering(OnnxEncoder):
    """Reads a text once for all models."""

    @cached_property
    def _held(self) -> dict[tuple[Kind, str], Vectors]:
        return {}

    def encode(self, texts: Sequence[str], kind: Kind) -> Vectors:
        """As `OnnxEncoder`."""
        fresh = [text for text in dict.fromkeys(texts) if (kind, text) not in self._held]
        self._held.update(zip([(kind, text) for text in fresh], super().encode(fresh, kind), strict=True) if fresh else ())
        return np.stack([self._held[kind, text] for text in texts])


def _fitted(model: Ctr, tables: Tables) -> Fitted:
    start = process_time()
    model.fit(tables.train)
    took = process_time() - start
    return Fitted(model.calibrate(tables.dev), took)


def _baselines(tables: Tables) -> dict[str, Floats]:
    """One rate for all, and each item's (position's) own; negatives that were not sampled are counted as if they had been."""
    train, test = tables.train, tables.test
    weight = np.where(train.label > 0.5, 1.0, 1 / train.kept)
    overall = float(train.label.sum() / weight.sum())
    found = {"constant_rate": np.full(len(test), overall)}
    for name, column in (("item_rate", "item"), ("position_rate", "position")):
        if column in train.categories:
            size = len(train.categories[column].names) + 1
            shown = np.bincount(train.categories[column].codes + 1, weight, minlength=size)
            hits = np.bincount(train.categories[column].codes + 1, train.label, minlength=size)
            found[name] = ((hits + PRIOR * overall) / (shown + PRIOR))[test.categories[column].codes + 1]
    return found


def _versus(lines: Lines, summary: TaskSummary, why: str) -> list[Figure]:
    """One model less each other, with intervals of the paired difference."""
    note = f"{why}; paired, whole users resampled"
    return [
        Figure(lines.part, f"{one.a} - {one.b}: {one.metric}", one.difference, lines.command, one.low, one.high, one.n, note)
        for one in summary.comparisons
        if one.metric in ("auc", "logloss")
    ]


CONTROLS = {"din": ("mean_pooling",), "deepfm": ("lr", "fm"), "dcn": ("lr", "fm")}
"""What is set against which simpler ones beside the best of all: attention against the mean of the last items, crossings against sums."""


def _control(lines: Lines, tables: Tables, said: Mapping[str, Floats]) -> list[Figure]:
    """What attention adds to the mean, and hidden layers and crosses to sums and pairs; nothing where they were not fitted."""
    figures, users = [], tables.test.categories["user"].codes
    for main, plain in CONTROLS.items():
        scores = {name: said[name] for name in (main, *plain) if name in said}
        if main in said and len(scores) > 1:
            runs = ClickRuns("ctr", tables.test.label, scores, tuple(scores), users, main=main)
            figures += _versus(lines, summarise_clicks(runs), "the control")
    return figures


def _sliced(lines: Lines, tables: Tables, said: Mapping[str, Floats]) -> list[Figure]:
    """AUC and calibration of every model in each slice."""
    figures = []
    for (name, mask), (model, scores) in product(tables.slices.items(), said.items()):
        label, score, n = tables.test.label[mask], scores[mask], int(mask.sum())
        figures.append(lines.one(f"{model}, {name}: auc", float(np.nanmean(auc(label, score))), n=n))
        figures.append(lines.one(f"{model}, {name}: ece", ece(label, score), f"rate {label.mean():.4f}, said {score.mean():.4f}", n))
    return figures


def _sampling(lines: Lines, tables: Tables, model: Ctr) -> list[Figure]:
    """What the correction of sampling does before any calibration, where negatives were sampled."""
    if tables.train.kept == 1.0:
        return []
    raw = sigmoid(model.raw(tables.test))
    fixed = raw / (raw + (1 - raw) / tables.train.kept)
    label = tables.test.label
    return [
        lines.one(f"{model.name}, {title}: {metric}", value)
        for title, said in (("of the sample, not corrected", raw), ("corrected, not calibrated", fixed))
        for metric, value in (("logloss", float(logloss(label, said).mean())), ("ece", ece(label, said)))
    ]


def _position(lines: Lines, tables: Tables) -> list[Figure]:
    """Three ways with the position: read, left out, a tower that is left out when serving; the order is set beside the true attraction."""
    assert tables.truth is not None
    ways: Mapping[str, tuple[Net, Callable[[Examples], Examples]]] = {
        "read, then 0 for all": (Net("dcn", layout=tables.layout), _at_the_top),
        "never read": (Net("dcn", layout=tables.layout), lambda some: some.without("position")),
        "a tower, left out": (Net("dcn", replace(KINDS["dcn"], tower="position"), tables.layout), lambda some: some),
    }
    figures = []
    for title, (model, served) in ways.items():
        model.fit(served(tables.train) if title == "never read" else tables.train)
        score = model.raw(served(tables.test))
        known = np.isfinite(tables.truth)
        value = float(spearmanr(score[known], tables.truth[known]).statistic)
        figures.append(lines.one(f"dcn, position {title}: rank correlation with true attraction", value, n=int(known.sum())))
    return figures


def _at_the_top(some: Examples) -> Examples:
    position = some.categories["position"]
    return replace(some, categories={**some.categories, "position": replace(position, codes=np.zeros_like(position.codes))})


def _speed(lines: Lines, tables: Tables, fitted: Mapping[str, Fitted]) -> list[Figure]:
    """Milliseconds to score 500 candidates, their columns given: vocabularies, graph and calibration, on one core."""
    some, figures = _one_shopper(tables.test.pick(np.arange(CANDIDATES))), []
    note = f"median of {RUNS} runs on one thread, the columns given; others used the same cores, which CPU time leaves out"
    for name, one in fitted.items():
        taken = np.array([_milliseconds(one.model, some) for _ in range(RUNS)])
        for place, clock in enumerate(("CPU ms", "ms")):
            figures.append(lines.one(f"{name}: {CANDIDATES} candidates, {clock}", float(np.median(taken[:, place])), note))
    return figures


def _milliseconds(model: Ctr, some: Examples) -> tuple[float, float]:
    """CPU and wall time of one call."""
    cpu, wall = process_time(), perf_counter()
    model.score(some)
    return (process_time() - cpu) * 1e3, (perf_counter() - wall) * 1e3


def _one_shopper(some: Examples) -> Examples:
    """The same cases as if one shopper were asked about all of them."""
    user = some.categories["user"]
    same = {name: replace(column, codes=np.repeat(column.codes[-1:], len(some), axis=0)) for name, column in some.sequences.items()}
    categories = {**some.categories, "user": replace(user, codes=np.full_like(user.codes, user.codes[-1]))}
    return replace(some, categories=categories, sequences=same)


PARTS = {"simulated": simulated_figures, "completejourney": completejourney_figures, "online_retail": online_retail_figures}

if __name__ == "__main__":
    for name in sys.argv[1:] or PARTS:
        show(PARTS[name]())
