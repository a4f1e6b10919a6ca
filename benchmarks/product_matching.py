"""The same product in two shops or not, by the cross-encoder and by what needs no model: `python -m benchmarks.product_matching`.

It learns the pairs of all sets first, then each set's own. Official splits; F1 on the test pairs at the threshold that is best on the
validation pairs, which also choose the copy that would be served. An interrupted run is taken up.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from aisle.core.threads import one_thread
from aisle.text.pairs import Pairs
from benchmarks.figures import WORK, Figure, Lines, show
from benchmarks.matching_data import SETS, SPLITS, Similarities, TfIdf, read_pairs
from benchmarks.measure import RESAMPLES
from benchmarks.minilm import minilm_source

LINES = Lines("product_matching")
PLACE = WORK / "matching"
EPOCHS, SHARED = 4, 4
"""Passes over a set's own pairs, after so many over those of all sets: what tells products apart is much the same in every shop."""
MOST, WHOLE = 192, 95
"""Tokens of a pair that are read: as many as so many pairs of a hundred have, so many at most."""
PRECISIONS = {"int8": True, "fp32": False}
"""Copies of what was learned, and whether they are quantised."""
CHECKED = 40
Scores = NDArray[np.floating]
Truth = NDArray[np.bool_]


class Lesson(NamedTuple):
    """How much was learned: steps of 32 pairs, and the most tokens of a pair that were read."""

    steps: int
    tokens: int

    def __str__(self) -> str:
        return f"{self.steps} steps, {self.tokens} tokens at most"


@dataclass(frozen=True)
class Held:
    """One set: its ``pairs`` and ``prices`` by split, what is ``truth``, the pairs that teach and how many of the training pairs do not."""

    name: str
    pairs: Mapping[str, Pairs]
    prices: Mapping[str, Scores]
    truth: Mapping[str, Truth]
    teaching: Pairs
    left_out: int

    @classmethod
    def read(cls, name: str) -> Held:
        """From its files. Pairs that measure teach nothing."""
        held = {split: read_pairs(name, split) for split in SPLITS}
        pairs, prices = {split: one[0] for split, one in held.items()}, {split: one[1] for split, one in held.items()}
        teaching, copies = pairs["train"].without(pairs["test"])
        teaching, more = teaching.without(pairs["valid"])
        truth = {split: one.label > 0 for split, one in pairs.items()}
        return cls(name, pairs, prices, truth, teaching.checked(), copies + more)


def product_matching_figures() -> list[Figure]:
    """Every figure of the part."""
    one_thread()
    figures, sets = [LINES.machine()], [Held.read(name) for name in SETS]
    begun = process_time()
    lesson = learned(every(sets), sets, PLACE / "all", minilm_source(), SHARED)
    figures.append(LINES.one("all sets: CPU seconds", _spent(PLACE / "all", begun), f"{lesson}, {len(every(sets)):,} pairs teach"))
    figures += [figure for one in sets for figure in set_figures(one)]
    shutil.rmtree(PLACE, ignore_errors=True)
    return figures


def set_figures(one: Held) -> list[Figure]:
    """One set of pairs, on top of what all sets taught."""
    words, few = TfIdf(one.pairs["train"]), Similarities(one.pairs["train"], one.prices["train"])
    tables = {split: few.table(one.pairs[split], one.prices[split]) for split in SPLITS[1:]}
    figures = [
        _f1(one.name, "TF-IDF cosine", {split: words.score(one.pairs[split]) for split in SPLITS[1:]}, one.truth),
        _f1(one.name, "logistic regression", {split: few.score(table) for split, table in tables.items()}, one.truth),
    ]
    begun, work = process_time(), PLACE / one.name
    lesson = learned(one.teaching, [one], work, PLACE / "all" / "model", EPOCHS)
    scores = {name: _copied(work, quantised, one.pairs, lesson.tokens) for name, quantised in PRECISIONS.items()}
    seconds = _spent(work, begun)
    note = f"{lesson}, {len(one.teaching):,} pairs teach; {one.left_out} more are left out: they stand among those that measure"
    figures += [_f1(one.name, f"cross-encoder, {name}", found, one.truth, note) for name, found in scores.items()]
    both = {name: joined(found, tables, one.truth["valid"]) for name, found in scores.items()}
    better = max(both, key=lambda name: best(both[name]["valid"], one.truth["valid"])[1])
    figures.append(_f1(one.name, "cross-encoder and similarities", both[better], one.truth, f"{better}, as validation pairs choose"))
    return [*figures, LINES.one(f"{one.name}: cross-encoder: CPU seconds", seconds, "learning, export, scoring")]


def joined(scores: Mapping[str, Scores], tables: Mapping[str, Scores], valid: Truth) -> dict[str, Scores]:
    """Log-odds by split of a logistic regression on the cross-encoder's score and the similarities. It learns on validation pairs, which
    taught the cross-encoder nothing; of those each is said by nine tenths of the others."""
    columns = {split: np.column_stack([scores[split], tables[split]]) for split in SPLITS[1:]}
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1_000))
    said = cross_val_predict(model, columns["valid"], valid, cv=10, method="decision_function")
    return {"valid": said, "test": model.fit(columns["valid"], valid).decision_function(columns["test"])}


def every(sets: Sequence[Held]) -> Pairs:
    """The pairs that teach of all sets, none of which measures in any."""
    taught = [one.teaching for one in sets]
    whole = Pairs(
        [t for one in taught for t in one.first], [t for one in taught for t in one.second], np.concatenate([p.label for p in taught])
    )
    for one in sets:
        for split in SPLITS[1:]:
            whole, _ = whole.without(one.pairs[split])
    return whole


def learned(teaching: Pairs, judged: Sequence[Held], work: Path, start: Path, epochs: int) -> Lesson:
    """Teach the model in ``start`` and save it in ``work``; the weights with the best mean F1 on validation pairs are kept."""
    import torch

    from aisle.text.cross_learn_train import Course, Single, teach
    from aisle.text.cross_model_train import open_cross

    said = work / "learned.json"
    if said.is_file():
        return Lesson(**json.loads(said.read_text(encoding="utf-8")))
    torch.set_num_threads(2)
    model = open_cross(start, longest=MOST)
    longest = int(np.percentile([len(one.ids) for one in model.tokens(teaching.first, teaching.second)], WHOLE))
    model.tokenizer.enable_truncation(longest)
    looked = [(model.tokens(one.pairs["valid"].first, one.pairs["valid"].second), one.truth["valid"]) for one in judged]

    def judge() -> float:
        return float(np.mean([best(model.scores(tokens).cpu().numpy(), truth)[1] for tokens, truth in looked]))

    history = teach(model, Single(model, teaching), judge, Course(epochs, watch=_said, checkpoint=work / "checkpoint"))
    model.save(work / "model")
    lesson = Lesson(history.steps, longest)
    said.write_text(json.dumps(lesson._asdict()), encoding="utf-8")
    return lesson


def _spent(work: Path, begun: float) -> float:
    """CPU seconds since ``begun``, or those of the run that came to its end: one that is taken up after it costs nothing more."""
    spent = work / "seconds"
    if not spent.is_file():
        spent.write_text(f"{process_time() - begun:.1f}", encoding="utf-8")
    return float(spent.read_text(encoding="utf-8"))


def _copied(work: Path, quantised: bool, pairs: Mapping[str, Pairs], longest: int) -> dict[str, Scores]:
    """Scores of a copy by split."""
    from aisle.text.cross import Cross
    from aisle.text.cross_export_train import export_cross

    folder, valid = work / f"cross-{'int8' if quantised else 'fp32'}", pairs["valid"]
    export_cross(work / "model", folder, valid.first[:CHECKED], valid.second[:CHECKED], longest, quantised)
    served = Cross(folder)
    return {
        split: np.array([served.score(a, [b])[0] for a, b in zip(pairs[split].first, pairs[split].second, strict=True)])
        for split in SPLITS[1:]
    }


def _said(step: int, of: int, loss: float) -> None:
    if step % 20 == 0:
        sys.stderr.write(f"step {step} of {of}, loss {loss:.3f}, {process_time():.0f} CPU s\n")


def best(scores: Scores, truth: Truth) -> tuple[float, float]:
    """The score from which on pairs are called the same where F1 is highest, and that F1."""
    order = np.argsort(-scores, kind="stable")
    right = np.cumsum(truth[order])
    f1 = 2 * right / (truth.sum() + np.arange(1, len(order) + 1))
    f1[:-1][np.diff(scores[order]) == 0] = 0  # no threshold stands between equals
    place = int(np.argmax(f1))
    return float(scores[order][place]), float(f1[place])


def f1_of(called: Truth, truth: Truth) -> float:
    """Harmonic mean of precision and recall, 0 where nothing is right."""
    return float(2 * (called & truth).sum() / max(1, called.sum() + truth.sum()))


def _f1(name: str, model: str, scores: Mapping[str, Scores], truth: Mapping[str, Truth], note: str = "") -> Figure:
    """F1 on test at validation's threshold, with a 95 % bootstrap interval over the pairs."""
    called, right = scores["test"] >= best(scores["valid"], truth["valid"])[0], truth["test"]
    dice = np.random.default_rng(7)
    drawn = [dice.integers(0, len(right), len(right)) for _ in range(RESAMPLES)]
    low, high = np.percentile([f1_of(called[rows], right[rows]) for rows in drawn], (2.5, 97.5))
    found = {"value": f1_of(called, right), "low": float(low), "high": float(high), "n": len(right)}
    return LINES.held(f"{name}: {model}: F1", found, note)


if __name__ == "__main__":
    show(product_matching_figures())
