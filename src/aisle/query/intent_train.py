"""Learns intents from examples on a frozen encoder, and measures them beside the majority and a linear model on words."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aisle.query.classifier_train import MOST, Known, LeftOut, fit
from aisle.query.examples import Examples, named
from aisle.query.grams import Grams
from aisle.query.intent import OFFSET, SLOPE, Intents, Scope

Floats = NDArray[np.float32]
Numbers = NDArray[np.int64]
Encode = Callable[[Sequence[str]], Floats]
ACCEPTED = 0.95
"""Share of the texts in scope that are accepted, where no example says what is out of scope."""
DOUBT = 1.0
"""How firmly the calibration is held where there is little to fit it."""
WINDOWS = {"development": 3, "test": 4}
ENOUGH = 50
"""Texts from which on the share and the threshold are chosen by new ones alone."""
FEWEST = 10
"""Texts in a window below which it is not measured."""


@dataclass(frozen=True)
class Answers:
    """One window's ``n`` texts: their true intents, what each model says, and our scores and whether they were found in scope."""

    truth: Numbers
    said: Mapping[str, Numbers]
    score: Floats
    in_scope: NDArray[np.bool_]


def affordable(seconds: float, encoding: float) -> int:
    """How many texts can be learned from in this time: twice 15 seconds for 10,000, growing with the cube; ``encoding`` seconds each."""
    sizes = np.arange(500, MOST + 1, 500)
    cost = 30 * (sizes / 10_000) ** 3 + encoding * sizes
    fits = sizes[cost <= seconds]
    return int(fits[-1]) if len(fits) else 500


def learn(
    examples: Examples, encode: Encode | None, threshold: float | None = None, new: NDArray[np.bool_] | None = None
) -> Intents | None:
    """Intents from all of ``examples``; None when fewer than two can be told apart.

    The encoder's share, the calibration and the ``threshold`` (absent) come from what the closed form says of each text left out: one not
    learned from. ``new`` ``(n,)``: the texts that the encoder was not fine-tuned on, which alone are asked then, where they are enough:
    of the others it is too sure.
    """
    judged = len(examples)
    if new is not None and new.sum() >= ENOUGH:
        examples, judged = examples.where(np.argsort(~new, kind="stable")), int(new.sum())
    taught = np.flatnonzero(np.bincount(examples.truth, minlength=len(examples.names)))
    if len(taught) < 2 or len(np.setdiff1d(taught, [examples.outside])) < 1:
        return None
    more = named(examples.names, examples.outside, examples.texts)
    more = {text: intent for text, intent in more.items() if intent in taught}
    texts = [*examples.texts, *more]
    targets = np.concatenate([examples.targets, np.eye(len(examples.names), dtype=np.float32)[list(more.values())].reshape(len(more), -1)])
    vectors = None if encode is None else encode(texts)
    weights = np.concatenate([examples.weights, np.ones(len(more), np.float32)])
    model, left_out = fit(Known(texts, vectors, targets, examples.names, weights), judged)
    found = scope(left_out, examples.where(np.arange(judged)))
    return Intents(model, found if threshold is None else replace(found, threshold=threshold))


def scope(left_out: LeftOut, examples: Examples) -> Scope:
    """The score's calibration and its threshold, from scores that were given without knowing the text.

    With examples of what is out of scope the threshold parts the two best (the sum of both shares, Youden 1950); without any it accepts
    `ACCEPTED` of the texts in scope.
    """
    found = Scope(examples.outside)
    best, top = found.best(left_out.own)
    right = examples.targets[np.arange(len(best)), best]
    slope, offset = _platt(top.astype(np.float64), right.astype(np.float64))
    found = replace(found, slope=slope, offset=offset)
    score, outside = found.chance(top), examples.truth == examples.outside
    if outside.any() and not outside.all():
        steps = np.unique(score)
        gain = [(score[~outside] >= step).mean() + (score[outside] < step).mean() for step in steps]
        threshold = float(steps[int(np.argmax(gain))])
    else:
        threshold = float(np.quantile(score, 1 - ACCEPTED))
    strange = found.chance(found.best(left_out.kin[~outside])[1]) < threshold
    return replace(found, threshold=threshold, rejects=float(strange.mean()))


def _platt(score: NDArray[np.float64], right: NDArray[np.float64]) -> tuple[float, float]:
    """Slope and offset of least cross-entropy by Newton's method, held near `SLOPE` and `OFFSET` as by a few texts of doubt."""
    start = np.array([SLOPE, OFFSET])
    w, x = start.copy(), np.stack([score, np.ones(len(score))], axis=1)
    for _ in range(30):
        p = 1 / (1 + np.exp(-x @ w))
        gradient = x.T @ (p - right) + DOUBT * (w - start)
        step = np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x + DOUBT * np.eye(2), gradient)
        w = w - np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-6:
            break
    return max(float(w[0]), 1.0), float(w[1])


def measure(examples: Examples, encode: Encode | None, threshold: float | None = None, tuned: bool = False) -> dict[str, Answers]:
    """Learned on windows 1 and 2, asked the others: ``development`` and ``test``, absent where there are too few texts. ``tuned``: the
    encoder was fine-tuned on window 1."""
    learning = examples.where(examples.window <= 2)
    intents = learn(learning, encode, threshold, learning.window > 1 if tuned else None)
    asked = {name: examples.where(examples.window == number) for name, number in WINDOWS.items()}
    asked = {name: some for name, some in asked.items() if len(some) >= FEWEST}
    if intents is None or not asked:
        return {}
    rivals = baselines(learning, asked)
    result = {}
    for name, some in asked.items():
        best, score = intents.read(some.texts, None if encode is None or not intents.reads_vectors else encode(some.texts))
        accepted = score >= intents.scope.threshold
        said = np.where(accepted, best, examples.outside) if examples.outside >= 0 else best
        result[name] = Answers(some.truth, {"intents": said, **rivals[name]}, score, accepted)
    return result


def baselines(known: Examples, asked: Mapping[str, Examples]) -> dict[str, dict[str, Numbers]]:
    """What stands beside our model, by window: the most frequent intent, and a linear support vector machine on the same n-grams."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    most = int(np.bincount(known.truth).argmax())
    grams = Grams().fit(known.texts)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LinearSVC(C=0.5, random_state=7).fit(grams.rows(known.texts), known.truth)
    return {
        name: {"majority": np.full(len(some), most), "tfidf_linear": np.asarray(model.predict(grams.rows(some.texts)), np.int64)}
        for name, some in asked.items()
    }
