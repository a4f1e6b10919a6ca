"""What a shop's cross-encoder learns from: answers of windows 1 and 2 among what only looks like them; trained in a process of its own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from aisle.core.events import Dataset
from aisle.retrieval.lexical import Lexical
from aisle.retrieval.vectors import item_texts
from aisle.text.normalise import normalise
from aisle.tracking import Tracker
from aisle.training.answers import LISTED, Answers, lookalikes
from aisle.training.encoders import model_folder
from aisle.training.process import Process
from aisle.training.text_sources import Materials, Texts

FEWEST = 300
"""Queries with an answer in windows 1 and 2 below which nothing is trained."""
LEAST_SECONDS = 120.0
"""A training that has less would end before it has learned."""
MOST = 12_000
"""Queries that are looked up for what looks like an answer."""
LOOKED, WIDE = 100, 16
"""Queries that teach nothing and look whether it gets better, and how many items of the word search each looks at."""
LOOKALIKES = slice(3, LISTED)
"""Places of the word search that others are drawn from: the very first are too often answers that nobody marked."""
CROSS_TIME = 0.35
"""Of the time left so much may go into training it."""
LEAST = 16
"""Others that each query has at least: where the word search proposes fewer, items by chance."""
GRACE = 1.3
SEED = 7
WORDS = {"lists": "learn what answers queries"}


@dataclass(frozen=True)
class Crossed:
    """What came out: the folder of the trained cross-encoder or None, the steps taken, a sentence."""

    folder: Path | None = None
    steps: int = 0
    why: str = ""

    def save(self, folder: Path) -> None:
        """Copy what `load` reads."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "crossed.json").write_text(json.dumps({"steps": self.steps, "why": self.why}), encoding="utf-8")
        if self.folder is not None:
            shutil.copytree(self.folder, folder / "cross", dirs_exist_ok=True)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open what `save` wrote."""
        said = json.loads((folder / "crossed.json").read_text(encoding="utf-8"))
        made = folder / "cross"
        return cls(made if made.is_dir() else None, int(said["steps"]), str(said["why"]))


def cross_encoder(held: Materials, texts: Texts, planned: Mapping[str, int] | None) -> Crossed:
    """The shop's cross-encoder where `[ranking] cross_ms` asks for one and the data and the time allow, else why not; from the fine-tuned
    encoder where there is one. ``planned``: what an earlier run's plan says, None: no plan."""
    ranking, lexical = held.settings.ranking, texts.sources.get("lexical")
    if not ranking.cross_ms:
        return Crossed()
    if planned is not None and not planned.get("steps"):
        return Crossed(why="no cross-encoder: by the plan")
    if texts.encoder in ("", "ngram") or not isinstance(lexical, Lexical):
        return Crossed(why="no cross-encoder: there is no pretrained encoder to start from")

    def make() -> Crossed:
        answers = Answers.of(held.data, held.windows)
        seconds = inf if planned else CROSS_TIME * held.budget.left
        if why := refused(answers, seconds):
            return Crossed(why=why)
        tuned = held.parts.folder / "finetuning" / "model"
        model = tuned if texts.tuned.encoder is not None and tuned.is_dir() else model_folder(texts.encoder)
        job = Crossing(held.parts.folder / "crossing", model, ranking.cross_layers, seconds, (planned or {}).get("steps", 0))
        return job.run(held.data, answers, lexical, held.tracker)

    return held.parts.get("crossed", Crossed.load, make)


def refused(answers: Answers, seconds: float) -> str:
    """Why no cross-encoder is trained, empty where it is."""
    known = len(teaching(answers))
    if known < FEWEST:
        return f"no cross-encoder: {known:,} queries of windows 1 and 2 have an answer, {FEWEST:,} are needed"
    if seconds < LEAST_SECONDS:
        return f"no cross-encoder: {seconds:,.0f} s were left for it, {LEAST_SECONDS:,.0f} are needed (--minutes)"
    return ""


def teaching(answers: Answers) -> NDArray[np.int64]:
    """The queries of windows 1 and 2: nothing else learns from its scores, so window 2 need not be kept for that."""
    return np.sort(np.concatenate([answers.queries(1), answers.queries(2)]))


@dataclass(frozen=True)
class Crossing:
    """A job for the process: the ``folder`` that it works in, the pretrained ``model`` and its first ``layers``, the ``seconds`` it has,
    and how many ``steps`` a plan wants, else 0."""

    folder: Path
    model: Path
    layers: int
    seconds: float
    steps: int = 0

    def run(self, data: Dataset, answers: Answers, lexical: Lexical, tracker: Tracker) -> Crossed:
        """Train on windows 1 and 2; what failed for another reason than time raises `InputError` with what was said."""
        with tracker.part("cross-encoder: look for what looks like an answer"):
            self._write(data, answers, lexical)
        whole = GRACE * min(self.seconds, 1e6)
        fault, mend = "The cross-encoder cannot be trained", "Set cross_ms = 0 in aisle.toml to do without."
        if not Process("aisle.text.cross_train", self.folder, whole, "cross-encoder", WORDS, fault, mend).run(tracker):
            return Crossed(why="no cross-encoder: its training did not end in its time")
        shutil.rmtree(self.folder / "checkpoint", ignore_errors=True)
        said = json.loads((self.folder / "measured.json").read_text(encoding="utf-8"))
        return Crossed(self.folder / "cross", int(said["steps"]), f"cross-encoder of {self._depth()}, {said['steps']} steps")

    def _depth(self) -> str:
        return f"{self.layers} layers" if self.layers else "all layers"

    def _write(self, data: Dataset, answers: Answers, lexical: Lexical) -> None:
        """Everything that the process reads."""
        self.folder.mkdir(parents=True, exist_ok=True)
        wide = min(WIDE, len(data.catalogue))
        save_file(lists(data, answers, lexical, wide), self.folder / "lists.safetensors")
        said: Mapping[str, object] = {
            "model": str(self.model), "layers": self.layers, "seconds": min(self.seconds, 1e6), "seed": SEED, "steps": self.steps,
            "wide": wide, "texts": item_texts(data.catalogue), "queries": [normalise(text) for text in answers.texts],
        }  # fmt: skip
        (self.folder / "job.json").write_text(json.dumps(said), encoding="utf-8")


def lists(data: Dataset, answers: Answers, lexical: Lexical, wide: int) -> dict[str, NDArray[np.generic]]:
    """What teaches (``query item gain``, and in ``hard_query hard_item`` what only looks like an answer), and what looks on: for some
    queries that teach nothing the first ``wide`` of the word search (``asked shown shown_gain``). Few proposals are filled up by chance."""
    random = np.random.default_rng(SEED)
    asked = random.permutation(teaching(answers))[:MOST]
    kept = min(LOOKED, len(asked) // 10)
    near, known, gain = lookalikes(data, answers, lexical, asked), answers.known(), gains(data, answers)
    learned = np.isin(answers.query, asked[kept:])

    def filled(rows: NDArray[np.int64], most: int) -> list[int]:
        more = random.choice(len(data.catalogue), min(len(data.catalogue), 2 * most), replace=False)
        return list(dict.fromkeys([*rows.tolist(), *more.tolist()]))[: max(most, len(rows))]

    others = {query: filled(near[query][LOOKALIKES], LEAST) for query in asked[kept:].tolist()}
    hard = [(query, row) for query, rows in others.items() for row in rows if row not in known[query]]
    shown = [(query, row) for query in asked[:kept].tolist() for row in filled(near[query][:wide], wide)]
    worth = dict(zip(zip(answers.query.tolist(), answers.item.tolist(), strict=True), gain.tolist(), strict=True))
    found = {
        "query": answers.query[learned], "item": answers.item[learned], "hard_query": [one[0] for one in hard],
        "hard_item": [one[1] for one in hard], "asked": [one[0] for one in shown], "shown": [one[1] for one in shown],
    }  # fmt: skip
    numbers: dict[str, NDArray[np.generic]] = {name: np.array(values, np.int64) for name, values in found.items()}
    return numbers | {"gain": gain[learned], "shown_gain": np.array([worth.get(pair, 0.0) for pair in shown], np.float32)}


def gains(data: Dataset, answers: Answers) -> NDArray[np.float32]:
    """``(answers,) float32``: ``2^grade - 1`` over its largest, grades shifted to start at 0; 1 for each where nobody judged."""
    judgements = data.judgements
    if judgements is None or not len(judgements.query):
        return np.ones(len(answers.query), np.float32)
    grade = judgements.grade[(judgements.item >= 0) & (judgements.grade >= judgements.relevant_from)].astype(float)
    worth = 2.0 ** (grade - float(judgements.grade.min())) - 1
    return np.asarray(worth / worth.max(initial=1e-9), np.float32)
