"""Whether the shop's encoder is fine-tuned, on what, in which time; runs it in a process of its own and tells what each step added."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
from safetensors.numpy import save_file

from aisle.core.events import Dataset
from aisle.evaluation.results import Figure, Measured
from aisle.retrieval.lexical import Lexical
from aisle.retrieval.vectors import item_texts
from aisle.settings import Finetuning
from aisle.text.normalise import normalise
from aisle.tracking import Tracker
from aisle.tracking.run import RANGE
from aisle.training.answers import ASKED, LISTED, POOL, Answers, lookalikes, pool
from aisle.training.lessons import lessons_of, words
from aisle.training.process import Process

FEWEST = 300
"""Queries with an answer in window 1 below which nothing is fine-tuned."""
LEAST_SECONDS = 150.0
"""A fine-tuning that has less would end before it has learned."""
LOOKALIKES = slice(10, LISTED)
"""Places of the lexical list that hard negatives are drawn from: the first ones are too often answers that nobody marked."""
SEED = 7
GRACE = 1.3
"""The process keeps its time by itself; it is ended when it takes so many times longer."""
STEPS = {
    "untouched": "encoder_untouched", "pieces": "encoder_pretrained", "pairs": "encoder_finetuned", "int8": "encoder_int8",
    "tokens": "encoder_tokens",
}  # fmt: skip
TOKENS = {"tokens": "token by token"}
METRIC = "dense_pool/recall@10"
MEASURED = "measured.json"
PAIRS = "pairs.safetensors"
WORDS = {
    "pieces": "learn the titles' words", "teacher": "teach a cross-encoder first", "pairs": "learn what answers queries", RANGE: RANGE,
}  # fmt: skip


@dataclass(frozen=True)
class Tuned:
    """What came out: the encoder's folder or None where nothing was gained, steps ``taken`` (and the ``rate`` where a range test found
    one), the report's lines, a sentence."""

    folder: Path | None = None
    encoder: Path | None = None
    taken: Mapping[str, float] = field(default_factory=dict)
    figures: Sequence[Figure] = ()
    why: str = ""

    def save(self, folder: Path) -> None:
        """Copy what `load` reads."""
        folder.mkdir(parents=True, exist_ok=True)
        if self.folder is None:
            (folder / MEASURED).write_text(json.dumps({"why": self.why}), encoding="utf-8")
            return
        shutil.copyfile(self.folder / MEASURED, folder / MEASURED)
        if self.encoder is not None:
            shutil.copytree(self.encoder, folder / "encoder", dirs_exist_ok=True)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Out of what the process wrote."""
        said = json.loads((folder / MEASURED).read_text(encoding="utf-8"))
        if "measured" not in said:
            return cls(why=str(said["why"]))
        measured: dict[str, dict[str, list[float]]] = said["measured"]
        figures = [
            Figure(_model(name), METRIC, mean(lists.get("development")), mean(lists.get("test"))) for name, lists in measured.items()
        ]
        held = {name: float(np.mean(lists["held"])) for name, lists in measured.items()}
        values = ", ".join(f"{_plain(name)} {value:.3f}" for name, value in held.items())
        count, taken = len(measured["untouched"]["held"]), said["taken"]
        steps = f"{sum(taken[name] for name in ('pieces', 'pairs'))} steps"
        back = f"moved back by {said['back']:.1f} towards the untouched weights" if said.get("back") else ""
        beside = words(said.get("lessons", ()), said.get("not_taught", ()))
        how = "; ".join(filter(None, [steps, *(said.get(name, "") for name in ("rate", "learned", "weighed")), back, beside]))
        gained = said["best"] == "pairs"
        verdict = "fine-tuned on window 1" if gained else "fine-tuning gained nothing, so it stays as it is"
        why = f"{verdict}; recall@10 among {POOL:,} items, {count} queries kept out: {values} ({how})"
        return cls(folder, folder / "encoder" if gained else None, taken, figures, why)


def refused(answers: Answers, seconds: float) -> str:
    """Why nothing is fine-tuned, empty where it is."""
    known = len(answers.queries(1))
    if known < FEWEST:
        return f"not fine-tuned: {known:,} queries of window 1 have an answer, {FEWEST:,} are needed"
    if seconds < LEAST_SECONDS:
        return f"not fine-tuned: {seconds:,.0f} s were left for it, {LEAST_SECONDS:,.0f} are needed (--minutes)"
    return ""


@dataclass(frozen=True)
class Tuning:
    """A job for the process: the ``folder`` that it works in, where an interrupted run's checkpoints lie, the pretrained ``model``, the
    ``seconds`` it has, how many ``steps`` a plan wants of each part, else empty (with the ``rate`` that it found, if it did), ``how`` the
    settings want it, and what the model ``reads`` of a text; ``examples``: of so many changed answers the training's JSON lines tell;
    ``size``: how many numbers of a vector will be served, 0: all; ``tokens``: texts are compared token by token, too."""

    folder: Path
    model: Path
    seconds: float
    steps: Mapping[str, float]
    how: Finetuning = field(default_factory=Finetuning)
    examples: int = 0
    reads: Callable[[str], str] = str
    size: int = 0
    tokens: bool = False

    def run(self, data: Dataset, answers: Answers, lexical: Lexical, tracker: Tracker) -> Tuned:
        """Fine-tune on window 1's ``answers``; what failed for another reason than time raises `InputError` with what was said."""
        with tracker.part("encoder: look for what looks like an answer"):
            self.write(data, answers, lexical)
        whole = GRACE * min(self.seconds, 1e6)
        fault, mend = "The encoder cannot be fine-tuned", "Set finetune = false in aisle.toml to do without."
        if not Process("aisle.text.tune_train", self.folder, whole, "encoder", WORDS, fault, mend).run(tracker):
            return Tuned(why="not fine-tuned: it did not end in its time")
        for folder in self.folder.glob("checkpoint-*"):
            shutil.rmtree(folder)
        return Tuned.load(self.folder)

    def write(self, data: Dataset, answers: Answers, lexical: Lexical) -> None:
        """Everything that the process reads. What measures teaches nothing: a tenth of window 1's queries, and windows 3's and 4's."""
        random = np.random.default_rng(SEED)
        first = random.permutation(answers.queries(1))
        kept = max(len(first) // 10, 30)
        asked = {"held": first[:kept], "development": answers.queries(3), "test": answers.queries(4)}
        asked = {name: np.sort(random.permutation(rows)[:ASKED]) for name, rows in asked.items() if len(rows)}
        near = lookalikes(data, answers, lexical, np.concatenate([first, *asked.values()]))
        known = answers.known()
        teaching = np.isin(answers.query, first[kept:])
        hard = [(query, row) for query in first[kept:].tolist() for row in near[query][LOOKALIKES].tolist() if row not in known[query]]
        arrays = {
            "query": answers.query[teaching],
            "item": answers.item[teaching],
            "answers_query": answers.query,
            "answers_item": answers.item,
            "hard_query": np.array([query for query, _ in hard]),
            "hard_item": np.array([row for _, row in hard]),
            "pool": pool(np.concatenate(list(asked.values())).tolist(), known, near, len(data.catalogue), random),
            **{f"asked_{name}": rows for name, rows in asked.items()},
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        whole = {name: np.ascontiguousarray(array, np.int64) for name, array in arrays.items()}
        weight = {} if answers.weight is None else {"weight": np.ascontiguousarray(answers.weight[teaching], np.float32)}
        texts = [self.reads(text) for text in item_texts(data.catalogue)]
        lessons, none = lessons_of(self.how.tasks, data, answers, texts, first[kept:], np.concatenate(list(asked.values())), SEED)
        save_file(whole | weight | {name: rows for lesson in lessons for name, rows in lesson.arrays().items()}, self.folder / PAIRS)
        beside = {"lessons": {lesson.name: lesson.weight for lesson in lessons}, "not_taught": none}
        self._write(answers, texts, beside)

    def _write(self, answers: Answers, texts: Sequence[str], beside: Mapping[str, object]) -> None:
        """All that is no array."""
        steps = {name: int(count) for name, count in self.steps.items() if name != "rate"}
        said = {"model": str(self.model), "seconds": min(self.seconds, 1e6), "seed": SEED, "steps": steps}
        said |= {"rate": self.how.learning_rate or self.steps.get("rate"), "ranged": self.how.range_test and not steps}
        said |= {"weighed": answers.how, "examples": self.examples, "how": self.how.model_dump()}
        said |= {"sizes": sorted({*self.how.sizes, self.size} - {0}), "size": self.size, "tokens": self.tokens}
        said |= {"texts": texts, "queries": [self.reads(normalise(text)) for text in answers.texts], **beside}
        (self.folder / "job.json").write_text(json.dumps(said), encoding="utf-8")


def _model(step: str) -> str:
    """The name of a step in the report; ``int8_128`` is the first 128 numbers of what is served."""
    name, _, size = step.partition("_")
    return STEPS[name] + (f"_{size}" if size else "")


def _plain(step: str) -> str:
    name, _, size = step.partition("_")
    said = {"untouched": "untouched", "pieces": "pre-trained on titles", "pairs": "fine-tuned", "int8": "served in int8", **TOKENS}[name]
    return f"{said}, first {size} numbers" if size else said


def mean(shares: list[float] | None) -> Measured | None:
    """Of each query's share; None of none."""
    return Measured.mean(np.array(shares)) if shares else None
