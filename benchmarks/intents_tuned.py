"""banking77 on an encoder that learned its texts: `python -m benchmarks.intents_tuned`; in `make results` through `aisle train` as well."""

from __future__ import annotations

import shutil
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset, Events
from aisle.core.strings import Strings
from aisle.core.threads import one_thread
from aisle.query.examples import Examples
from aisle.retrieval.lexical import Lexical
from aisle.text.encoder import OnnxEncoder
from aisle.tracking import Tracker
from aisle.training.answers import Answers
from benchmarks.figures import Figure, Lines, show
from benchmarks.intents import PLACE, SEEDS, SHOTS, Remembered, ask, banking, learned, shot
from benchmarks.measure import interval, load
from benchmarks.minilm import minilm_source
from benchmarks.real_shops import RealShop

TRAINED = 15
"""Minutes."""


def tuned_figures() -> list[Figure]:
    """banking77 on an encoder that the training texts fine-tune: each shall find its intent's name. A tenth of them teaches it nothing."""
    one_thread()
    lines = Lines("intents_tuned")
    known, asked = banking()
    figures = [lines.machine(), *_tuned(lines, "banking77", known, asked)]
    for seed in SEEDS:
        figures += _tuned(lines, f"banking77, {SHOTS} examples an intent, seed {seed}", known.where(shot(known, seed)), asked)
    means = [one for one in figures if one.figure.startswith(f"banking77, {SHOTS}") and one.figure.endswith("accuracy")]
    mean = float(np.mean([one.value for one in means]))
    return [*figures, lines.one(f"banking77, {SHOTS} examples an intent: accuracy", mean, f"mean of seeds {SEEDS}", len(asked))]


def _tuned(lines: Lines, name: str, known: Examples, asked: Examples) -> list[Figure]:
    start = perf_counter()
    encoder, new, why = fine_tuned(known)
    seconds, encode = perf_counter() - start, Remembered(encoder)
    right, _ = ask(learned(known, encode, new), asked, encode)
    return [
        lines.held(f"{name}: accuracy", interval(right.astype(float)), f"{len(known):,} examples; {why}"),
        lines.one(f"{name}: fine-tuning, seconds", seconds, "two cores, int8 export included"),
    ]


def fine_tuned(known: Examples) -> tuple[OnnxEncoder, NDArray[np.bool_], str]:
    """MiniLM after it learned ``known``, which of them it did not see, and what came of it. `SystemExit` where nothing was gained."""
    from aisle.training.finetune import PAIRS, Tuning

    work = PLACE / "tuning"
    shutil.rmtree(work, ignore_errors=True)
    titles = Strings.of(name.replace("_", " ").rstrip("?") for name in known.names)
    data = Dataset(Catalogue(Strings.of(known.names), {"title": titles}, {}), Events.none())
    answers = Answers(known.texts, np.arange(len(known)), known.truth, np.ones(len(known), np.int8))
    with Tracker() as tracker:
        tuned = Tuning(work, minilm_source(), float("inf"), {}).run(data, answers, Lexical().fit(data), tracker)
    if tuned.encoder is None:
        raise SystemExit(tuned.why)
    new = np.isin(np.arange(len(known)), load_file(work / PAIRS)["asked_held"])
    return OnnxEncoder(tuned.encoder), new, tuned.why


def trained_figures() -> list[Figure]:
    """banking77 as a folder: what `aisle train` learns of the training texts reads the test texts in `aisle batch`."""
    lines, shop = Lines("intents_trained"), RealShop("banking77", TRAINED, "")
    folder = shop.built("banking77")
    figures = [lines.machine()]
    seconds, peak = shop.trained(folder)
    figures += [lines.one("train: seconds", seconds, f"--minutes {TRAINED}"), lines.one("train: peak MB", peak, "largest process")]
    _, found = shop.answered(folder, "intents")
    answers, truths = (load(folder.truth / f"intents.{kind}.jsonl") for kind in ("answers", "truth"))
    said = [one["understanding"]["intent"]["name"] for one in answers]
    right = np.array([name in truth["grades"] for name, truth in zip(said, truths, strict=True)])
    accuracy = lines.held("banking77: accuracy", interval(right.astype(float)), "its encoder learned 60 % of the training texts")
    return [*figures, accuracy, *(lines.held(f"banking77 as search among intents: {name}", one) for name, one in found.items())]


if __name__ == "__main__":
    show(tuned_figures())
