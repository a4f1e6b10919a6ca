"""The same product in two shops or not, by the cross-encoder and by what needs no model: `python -m benchmarks.product_matching [SET ...]`.

Official splits; F1 on the test pairs at the threshold that is best on the validation pairs. An interrupted run is taken up.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from time import process_time

import numpy as np
from numpy.typing import NDArray

from aisle.core.threads import one_thread
from aisle.text.pairs import Pairs
from benchmarks.figures import WORK, Figure, Lines, show
from benchmarks.matching_data import SETS, SPLITS, Similarities, TfIdf, read_pairs
from benchmarks.measure import RESAMPLES
from benchmarks.minilm import minilm_source

LINES = Lines("product_matching")
PLACE = WORK / "matching"
EPOCHS = 10
MOST, WHOLE = 192, 95
"""Tokens of a pair that are read: as many as so many pairs of a hundred have, so many at most."""
PRECISIONS = {"int8": True, "fp32": False}
"""Copies of what was learned, and whether they are quantised."""
CHECKED = 40
Scores = NDArray[np.floating]
Truth = NDArray[np.bool_]


def product_matching_figures() -> list[Figure]:
    """Every figure of the part."""
    figures = [LINES.machine(), *(figure for name in SETS for figure in set_figures(name))]
    shutil.rmtree(PLACE, ignore_errors=True)
    return figures


def set_figures(name: str) -> list[Figure]:
    """One set of pairs."""
    one_thread()
    held = {split: read_pairs(name, split) for split in SPLITS}
    pairs, prices = {split: one[0] for split, one in held.items()}, {split: one[1] for split, one in held.items()}
    truth = {split: one.label > 0 for split, one in pairs.items()}
    words, few = TfIdf(pairs["train"]), Similarities(pairs["train"], prices["train"])
    figures = [
        _f1(name, "TF-IDF cosine", {split: words.score(pairs[split]) for split in SPLITS[1:]}, truth),
        _f1(name, "logistic regression", {split: few.score(pairs[split], prices[split]) for split in SPLITS[1:]}, truth),
    ]
    teaching, copies = pairs["train"].without(pairs["test"])
    teaching, more = teaching.without(pairs["valid"])
    begun, spent = process_time(), PLACE / name / "seconds"
    scores, said = learned(teaching.checked(), pairs["valid"], pairs["test"], PLACE / name)
    note = f"{said}, {len(teaching):,} pairs teach; {copies + more} more are left out: they stand among those that measure"
    figures += [_f1(name, f"cross-encoder, {precision}", one, truth, note) for precision, one in scores.items()]
    if not spent.is_file():  # a run that is taken up after its end costs nothing more
        spent.write_text(f"{process_time() - begun:.1f}", encoding="utf-8")
    seconds = float(spent.read_text(encoding="utf-8"))
    return [*figures, LINES.one(f"{name}: cross-encoder: CPU seconds", seconds, "learning, export, scoring")]


def learned(teaching: Pairs, valid: Pairs, test: Pairs, work: Path) -> tuple[dict[str, dict[str, Scores]], str]:
    """Scores of each copy that could be served by split, and how it learned."""
    import torch

    from aisle.text.cross_learn_train import Course, Single, teach
    from aisle.text.cross_model_train import open_cross

    torch.set_num_threads(2)
    model = open_cross(minilm_source(), longest=MOST)
    longest = int(np.percentile([len(one.ids) for one in model.tokens(teaching.first, teaching.second)], WHOLE))
    model.tokenizer.enable_truncation(longest)
    looked = model.tokens(valid.first, valid.second)

    def judge() -> float:
        return best(model.scores(looked).cpu().numpy(), valid.label > 0)[1]

    history = teach(model, Single(model, teaching), judge, Course(EPOCHS, watch=_said, checkpoint=work / "checkpoint"))
    model.save(work / "model")
    splits = {"valid": valid, "test": test}
    scores = {precision: _copied(work, quantised, splits, longest) for precision, quantised in PRECISIONS.items()}
    return scores, f"{history.steps} steps, {longest} tokens at most"


def _copied(work: Path, quantised: bool, splits: dict[str, Pairs], longest: int) -> dict[str, Scores]:
    """Scores of a copy by split."""
    from aisle.text.cross import Cross
    from aisle.text.cross_export_train import export_cross

    folder, valid = work / f"cross-{'int8' if quantised else 'fp32'}", splits["valid"]
    export_cross(work / "model", folder, valid.first[:CHECKED], valid.second[:CHECKED], longest, quantised)
    served = Cross(folder)
    return {split: np.array([served.score(a, [b])[0] for a, b in zip(one.first, one.second, strict=True)]) for split, one in splits.items()}


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


def _f1(name: str, model: str, scores: dict[str, Scores], truth: dict[str, Truth], note: str = "") -> Figure:
    """F1 on test at validation's threshold, with a 95 % bootstrap interval over the pairs."""
    called, right = scores["test"] >= best(scores["valid"], truth["valid"])[0], truth["test"]
    dice = np.random.default_rng(7)
    drawn = [dice.integers(0, len(right), len(right)) for _ in range(RESAMPLES)]
    low, high = np.percentile([f1_of(called[rows], right[rows]) for rows in drawn], (2.5, 97.5))
    found = {"value": f1_of(called, right), "low": float(low), "high": float(high), "n": len(right)}
    return LINES.held(f"{name}: {model}: F1", found, note)


def main(names: Sequence[str]) -> None:
    """Show some sets' figures."""
    for name in names or SETS:
        show(set_figures(name))


if __name__ == "__main__":
    main(sys.argv[1:])
