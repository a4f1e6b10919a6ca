"""Intents and categories of short texts, through the classes that training uses: `python -m benchmarks.intents`.

banking77 by its official split on the frozen encoder; ten Chinese shop categories, split by a hash of the text. Vectors are kept under
`build/intents`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from time import process_time

import numpy as np
from numpy.typing import NDArray

from aisle.core.strings import Strings
from aisle.core.threads import one_thread
from aisle.query.examples import Examples, read_examples
from aisle.query.intent import Intents
from aisle.query.intent_train import baselines, learn
from aisle.text.encoder import Encoder
from aisle.text.ngram import NgramEncoder
from benchmarks.figures import WORK, Figure, Lines, show
from benchmarks.folders import raw_data, read
from benchmarks.measure import interval
from benchmarks.minilm import minilm_encoder

Floats = NDArray[np.float32]
Answer = tuple[NDArray[np.bool_], Floats]
PLACE = WORK.parent / "intents"
LINES = Lines("intents")
SHOTS, SEEDS = 10, (0, 1, 2)
LABELS = (100, 1_000, 10_000)
ASKED = 2_000
"""Texts that are asked where there are more."""


class Remembered:
    """An encoder whose vectors are kept in a file, by its fingerprint and the text; ``seconds`` and ``count`` of what it really encoded."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder, self.path = encoder, PLACE / f"vectors-{encoder.fingerprint[:12]}.npz"
        self.seconds, self.count = 0.0, 0
        self.held: dict[str, Floats] = {}
        if self.path.is_file():
            kept = np.load(self.path, allow_pickle=False)
            self.held = dict(zip(kept["keys"].tolist(), kept["vectors"], strict=True))

    def __call__(self, texts: Sequence[str]) -> Floats:
        """``(n, dimension) float32``, as the encoder gives them for queries."""
        keys = [sha256(text.encode()).hexdigest()[:16] for text in texts]
        fresh = {key: text for key, text in zip(keys, texts, strict=True) if key not in self.held}
        start = process_time()
        self.held.update(zip(fresh, self.encoder.encode(list(fresh.values()), "query"), strict=True))
        self.seconds, self.count = self.seconds + process_time() - start, self.count + len(fresh)
        return np.stack([self.held[key] for key in keys])

    def keep(self) -> None:
        """Write what was encoded."""
        PLACE.mkdir(parents=True, exist_ok=True)
        np.savez(self.path, keys=np.array(list(self.held)), vectors=np.stack(list(self.held.values())))


def intent_figures() -> list[Figure]:
    """Every figure of the part."""
    one_thread()
    return [LINES.machine(), *banking_figures(), *category_figures()]


def banking_figures() -> list[Figure]:
    """banking77: all examples, ten an intent, what is out of scope, time."""
    encode = Remembered(minilm_encoder())
    known, asked = banking()
    encode([*known.texts, *asked.texts])
    encode.keep()
    model, seconds = timed(known, encode)
    right, score = ask(model, asked, encode)
    note = f"{len(known):,} examples, {len(asked):,} official test texts; {' '.join(known.notes)}"
    figures = [held("banking77: accuracy", right, note), *_rivals("banking77", known, asked)]
    figures += [
        LINES.one("banking77: expected calibration error", error(score, right), "15 bins of equal mass"),
        held("banking77: accepted", score >= model.scope.threshold, "test texts found in scope"),
        LINES.one("banking77: rejected of an intent not taught", model.scope.rejects, "each intent left out in turn, in closed form"),
        held("banking77: Home Depot queries rejected", _strangers(model, encode), "queries of a shop are no bank's intent"),
        LINES.one("banking77: fit CPU seconds", seconds, "the encoder's vectors at hand; CPU seconds of one thread"),
        *_speed(model, asked, encode),
    ]
    shots = [few(known, asked, encode, seed) for seed in SEEDS]
    figures.append(held(f"banking77: accuracy with {SHOTS} examples an intent", np.concatenate(shots), f"seeds {SEEDS}"))
    return figures + [
        held(f"banking77: accuracy with {SHOTS} examples an intent, seed {seed}", one) for seed, one in zip(SEEDS, shots, strict=True)
    ]


def category_figures() -> list[Figure]:
    """Ten categories of Chinese reviews by the encoder of n-grams, which learned from the texts without their labels."""
    known, asked = categories()
    encode = Remembered(NgramEncoder().fit(known.texts))
    figures = []
    for size in LABELS:
        some = known.at_most(size)
        model, seconds = timed(some, encode)
        right, _ = ask(model, asked, encode)
        note = f"n-gram encoder, share {model.classifier.meaning:.0%}; {seconds:.0f} CPU s"
        figures.append(held(f"online_shopping_10_cats: accuracy with {len(some):,} labels", right, note))
        figures += _rivals(f"online_shopping_10_cats, {len(some):,} labels", some, asked)
    return figures


def categories() -> tuple[Examples, Examples]:
    """Chinese reviews that may teach their category, and some of those that test."""
    rows = [(row["review"], row["cat"], "") for row in read(raw_data() / "online_shopping_10_cats" / "online_shopping_10_cats.csv.gz")]
    every = examples_of(rows)
    return every.where(every.window < 4), every.where(sampled(every.window == 4, ASKED))


def banking() -> tuple[Examples, Examples]:
    """banking77's training texts and its test texts."""
    rows = [
        (row["text"], row["category"], split) for split in ("train", "test") for row in read(raw_data() / "banking77" / f"{split}.csv.gz")
    ]
    return parted(examples_of(rows))


def examples_of(rows: Iterable[tuple[str, str, str]]) -> Examples:
    """Rows of text, label and split as a shop's examples."""
    texts, labels, splits = zip(*rows, strict=True)
    return read_examples({"text": Strings.of(texts), "intent": Strings.of(labels), "split": Strings.of(splits)})


def parted(examples: Examples) -> tuple[Examples, Examples]:
    """What may be learned from, and what is asked."""
    return examples.where(examples.window < 4), examples.where(examples.window == 4)


def timed(known: Examples, encode: Remembered) -> tuple[Intents, float]:
    """The model, and the CPU seconds of its fit without those of encoding."""
    encode(known.texts)
    before, start = encode.seconds, process_time()
    model = learned(known, encode)
    return model, process_time() - start - (encode.seconds - before)


def learned(known: Examples, encode: Remembered, new: NDArray[np.bool_] | None = None) -> Intents:
    """The model; ``new`` as `learn` has it."""
    model = learn(known, encode, new=new)
    if model is None:
        raise SystemExit("There is nothing to tell apart.")
    return model


def ask(model: Intents, asked: Examples, encode: Remembered) -> Answer:
    """For each text whether its intent was found, and the score."""
    best, score = model.read(asked.texts, encode(asked.texts) if model.reads_vectors else None)
    return np.asarray(best == asked.truth), score


def sampled(mask: NDArray[np.bool_], most: int) -> NDArray[np.int64]:
    """At most so many of the rows that the mask keeps, drawn from a seed, ascending."""
    return np.sort(np.random.default_rng(7).permutation(np.flatnonzero(mask))[:most])


def few(known: Examples, asked: Examples, encode: Remembered, seed: int) -> NDArray[np.bool_]:
    """Right or wrong with a few examples an intent."""
    return ask(timed(known.where(shot(known, seed)), encode)[0], asked, encode)[0]


def shot(known: Examples, seed: int) -> NDArray[np.int64]:
    """Rows of `SHOTS` examples an intent, drawn by the seed."""
    order = np.random.default_rng(seed).permutation(len(known))
    return np.sort(np.concatenate([order[known.truth[order] == intent][:SHOTS] for intent in range(len(known.names))]))


def error(score: Floats, right: NDArray[np.bool_], bins: int = 15) -> float:
    """Expected calibration error over bins of equal mass (Naeini et al. 2015)."""
    parts = np.array_split(np.argsort(score, kind="stable"), bins)
    return float(sum(abs(score[part].mean() - right[part].mean()) * len(part) for part in parts) / len(score))


def held(figure: str, right: NDArray[np.bool_], note: str = "") -> Figure:
    """A share with its interval."""
    return LINES.held(figure, interval(right.astype(float)), note)


def _rivals(name: str, known: Examples, asked: Examples) -> list[Figure]:
    said = baselines(known, {"test": asked})["test"]
    words = {"majority": "the most frequent label for all", "tfidf_linear": "linear support vector machine on the same n-grams"}
    return [held(f"{name}: {model} accuracy", np.asarray(found == asked.truth), words[model]) for model, found in said.items()]


def _strangers(model: Intents, encode: Remembered) -> NDArray[np.bool_]:
    texts = sorted({row["search_term"] for row in read(raw_data() / "homedepot" / "judgements.csv.gz")})
    some = [texts[place] for place in sampled(np.ones(len(texts), bool), 500)]
    _, score = model.read(some, encode(some))
    return np.asarray(score < model.scope.threshold)


def _speed(model: Intents, asked: Examples, encode: Remembered) -> list[Figure]:
    vectors, beyond = encode(asked.texts), "beyond encoding; CPU time of one thread"
    took = _milliseconds(lambda place: model.find(asked.texts[place], vectors[place]))
    spent = _milliseconds(lambda place: encode.encoder.encode([asked.texts[place]], "query"))
    note = "int8, CPU time of one thread; search by meaning needs it anyway"
    return [
        LINES.one("banking77: one query, p50 ms", float(np.median(took)), beyond, len(took)),
        LINES.one("banking77: one query, p99 ms", float(np.percentile(took, 99)), beyond, len(took)),
        LINES.one("banking77: encoding one query, p50 ms", float(np.median(spent)), note, len(spent)),
    ]


def _milliseconds(work: Callable[[int], object], times: int = 300) -> list[float]:
    result = []
    for place in range(times):
        start = process_time()
        work(place)
        result.append((process_time() - start) * 1_000)
    return result


def percentiles(work: Callable[[int], object], shares: Sequence[float]) -> list[float]:
    """Milliseconds of CPU time of ``work(0)``, ``work(1)``, ... at these percentiles."""
    return np.percentile(_milliseconds(work), shares).tolist()


if __name__ == "__main__":
    show(intent_figures())
