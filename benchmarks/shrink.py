"""Small encoders on Home Depot: what each form finds, takes and weighs; nested sizes and a cross-encoder's margins in fine-tuning.

``python -m benchmarks.shrink`` by development queries alone (`benchmarks.rates.job`). Every row learns the same batches from the untouched
MiniLM; a row that an interrupted run has measured is kept until the part has ended.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import process_time

import numpy as np
import torch
from numpy.typing import NDArray

from aisle.core.threads import one_thread
from aisle.text.aim_train import Aim, margin_mse
from aisle.text.contrast_train import TEMPERATURE, Batch, Known
from aisle.text.cross_learn_train import Course
from aisle.text.encoder import Encoder, OnnxEncoder
from aisle.text.found import FIRST, shares
from aisle.text.loop_train import Loop, Recipe
from aisle.text.model_train import Opened, open_model
from aisle.text.narrow import NarrowEncoder, shortened
from aisle.text.ngram import NgramEncoder
from aisle.text.static import StaticEncoder
from aisle.text.teacher_train import Teacher
from aisle.text.tune_train import Judge, Task
from aisle.training.advice import Row, within
from aisle.training.compare_encoders import Questions
from aisle.training.compare_encoders import measured as variant
from benchmarks.figures import WORK, Figure, Lines, show
from benchmarks.measure import interval
from benchmarks.minilm import minilm_encoder, minilm_source
from benchmarks.rates import job

LINES = Lines("shrink")
PLACE = WORK / "shrink"
STEPS, BATCH, RATE = 16, 64, 2e-4
"""A minute a row on one idle core without units for half precision."""
SIZES = (384, 256, 128, 64)
TAUGHT = 20
"""Steps of the teacher, 16 lists of 8 pairs each."""
WEIGHT = 0.1
BUDGET, CHECKED = 5.0, 1_000
READ, AGAIN = 100, 20
"""Queries whose first items the teacher reads again, and how many each."""
Shares = Mapping[str, list[float]]


def shrink_figures() -> list[Figure]:
    """Every figure of the part."""
    one_thread()
    found = measured()
    how = f"{STEPS} steps of {BATCH} pairs, development queries among 4,000 items"
    figures = [LINES.machine(), *variants()]
    for name, row in found.items():
        for size, values in row.items():
            if size.isdigit():
                figures.append(LINES.held(f"{name}, first {size}: recall@10", interval(np.array(values)), how if "," in name else ""))
    plain = found["fine-tuned, contrastive"]
    for size in map(str, SIZES):
        figures.append(
            _against(f"nested sizes against contrastive, first {size}: recall@10", found["fine-tuned, nested sizes"], plain, size)
        )
    for name in ("with margins", "margins alone"):
        figures.append(_against(f"{name} against contrastive: recall@10", found[f"fine-tuned, {name}"], plain, "384"))
    teacher = found["teacher"]
    note = f"a cross-encoder after {TAUGHT} steps, {teacher['seconds'][0]:.0f} CPU s; {READ} queries, the first {AGAIN} of the untouched"
    figures.append(LINES.held("teacher: first items read again: recall@10", interval(np.array(teacher["again"])), note))
    figures.append(LINES.held("teacher: the same as they stood: recall@10", interval(np.array(teacher["before"])), note))
    shutil.rmtree(PLACE, ignore_errors=True)
    return figures


def variants() -> list[Figure]:
    """The untouched encoder in each form, on one thread, in one run: what it finds, takes and weighs; and how exact the exports are."""
    judge = Judge(Task.read(PLACE if (PLACE / "pairs.safetensors").is_file() else job(PLACE)))
    asked = judge.task.asked["development"].tolist()
    wanted = [judge.wanted[number] for number in asked]
    questions = Questions([judge.task.pairs.queries[number] for number in asked], judge.texts, wanted, "development queries")
    exact, served = (minilm_encoder(precision) for precision in ("fp32", "int8"))
    words = (minilm_source() / "tokenizer.json").read_text(encoding="utf-8")
    forms: dict[str, Encoder] = {"MiniLM fp32": exact, "MiniLM int8": served}
    forms |= {f"MiniLM int8, first {size}": NarrowEncoder(served, size) for size in SIZES[1:]}
    forms["static, of MiniLM"] = StaticEncoder.distilled(served, words, judge.task.texts)
    forms["n-grams"] = NgramEncoder().fit(judge.task.texts)
    found = {name: variant(name, encoder, questions, PLACE / "forms" / name) for name, encoder in forms.items()}
    figures = [figure for row, values in found.values() for figure in _form(row, values)]
    figures += [_agreed(name, encoder, judge) for name, encoder in (("fp32", exact), ("int8", served))]
    advice = within(found, questions.said, BUDGET)
    return [
        *figures,
        LINES.one(f"advice within {BUDGET:g} ms: its query, p50 ms", found[advice.take][0].query_ms, f"{advice.take}: {advice.why}"),
    ]


def _form(row: Row, values: Sequence[float]) -> list[Figure]:
    return [
        LINES.held(f"{row.name}: recall@10", interval(np.array(values)), "untouched; development queries among 4,000 items"),
        LINES.one(f"{row.name}: one query, p50 ms", row.query_ms, "one thread"),
        LINES.one(f"{row.name}: texts per second", row.texts, "one thread"),
        LINES.one(f"{row.name}: MB", row.megabytes, "files"),
        LINES.one(f"{row.name}: bytes an item's vector", row.vector_bytes),
    ]


def _agreed(name: str, copy: OnnxEncoder, judge: Judge) -> Figure:
    model, texts = open_model(judge.task.model), judge.texts[:CHECKED]
    model.net.eval()
    with torch.inference_mode():
        original = model.vectors(model.tokens(texts)).cpu().numpy()
    cosine = (original * copy.encode(texts, "query")).sum(axis=1)
    return LINES.one(f"MiniLM {name} against torch: lowest cosine", float(cosine.min()), f"{CHECKED:,} titles; mean {cosine.mean():.5f}")


def _against(figure: str, one: Shares, other: Shares, size: str) -> Figure:
    return LINES.held(figure, interval(np.array(one[size]) - np.array(other[size])), "paired by query")


@dataclass(frozen=True)
class Trials:
    """One model that learns again and again from the same weights, and the teacher whose margins it may learn."""

    task: Task
    model: Opened
    judge: Judge
    teacher: Teacher
    weights: Mapping[str, torch.Tensor]

    @classmethod
    def begin(cls) -> Trials:
        """On one thread, untouched."""
        torch.set_num_threads(1)
        task = Task.read(PLACE if (PLACE / "pairs.safetensors").is_file() else job(PLACE))
        model = open_model(task.model)
        weights = {name: tensor.clone() for name, tensor in model.net.state_dict().items()}
        return cls(task, model, Judge(task), Teacher.of(task.model, task.pairs, task.texts), weights)

    def vectors(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Of the development queries and of the pool."""
        self.model.net.eval()
        queries = [self.task.pairs.queries[number] for number in self.task.asked["development"].tolist()]
        with torch.no_grad():
            asked, items = (self.model.vectors(self.model.tokens(texts)).cpu().numpy() for texts in (queries, self.judge.texts))
        return asked, items

    def looked(self) -> Shares:
        """What the model finds by each size."""
        asked, items = self.vectors()
        wanted = [self.judge.wanted[number] for number in self.task.asked["development"].tolist()]
        return {str(size): shares(shortened(asked, size), shortened(items, size), wanted) for size in SIZES}

    def learned(self, name: str, loss: Callable[[Batch], torch.Tensor]) -> Shares:
        """What it finds after `STEPS` steps by this loss, the same batches for every loss."""
        self.model.net.load_state_dict(self.weights)
        source = Known(self.model, self.task.pairs, self.model.tokens(self.task.texts), self.task.seed, BATCH)
        watch, place = _watch(name), PLACE / f"checkpoint-{name}"
        Loop(self.model.net, Recipe(STEPS, RATE, seed=self.task.seed), source, loss, watch=watch, checkpoint=place).run()
        return self.looked()

    def margins(self, batch: Batch) -> torch.Tensor:
        """The teacher's margins alone."""
        scores = self.model.vectors(batch.queries) @ self.model.vectors(batch.items).T / TEMPERATURE
        return margin_mse(scores, batch, self.teacher(batch))

    def teach(self) -> float:
        """Have the teacher learn, or take up what it learned before; CPU seconds."""
        begun = process_time()
        self.teacher.learn(Course(1, self.task.seed, steps=TAUGHT, watch=_watch("teacher"), checkpoint=PLACE / "checkpoint-teacher"))
        return process_time() - begun

    def taught(self, seconds: float) -> Shares:
        """The untouched model's first items as they stood and as the teacher orders them."""
        self.model.net.load_state_dict(self.weights)
        asked, items = self.vectors()
        numbers = self.task.asked["development"][:READ].tolist()
        near = np.argsort(-(asked[:READ] @ items.T), axis=1)[:, :AGAIN]
        rows = self.task.pool[near]
        scores = self.teacher.scores(np.repeat(numbers, AGAIN).tolist(), rows.ravel().tolist()).numpy().reshape(near.shape)
        again = np.take_along_axis(near, np.argsort(-scores, axis=1), axis=1)
        wanted = [self.judge.wanted[number] for number in numbers]
        return {"before": _share(near, wanted), "again": _share(again, wanted), "seconds": [seconds]}


def measured() -> dict[str, Shares]:
    """Each row's shares by size; the teacher's before and after it read again."""
    trials = Trials.begin()
    mixed = Aim(margin=WEIGHT, teacher=trials.teacher)
    losses: dict[str, Callable[[Batch], torch.Tensor]] = {
        "contrastive": lambda batch: Aim().loss(trials.model, batch),
        "nested sizes": lambda batch: Aim(SIZES).loss(trials.model, batch),
        "with margins": lambda batch: mixed.loss(trials.model, batch),
        "margins alone": trials.margins,
    }
    seconds = trials.teach()
    found = {"untouched": _kept("untouched", trials.looked), "teacher": _kept("teacher", lambda: trials.taught(seconds))}
    for name, loss in losses.items():
        found[f"fine-tuned, {name}"] = _kept(name, partial(trials.learned, name, loss))
    return found


def _share(lists: NDArray[np.int64], wanted: list[set[int]]) -> list[float]:
    return [len(rows.intersection(found[:FIRST].tolist())) / len(rows) for rows, found in zip(wanted, lists, strict=True)]


def _kept(name: str, measure: Callable[[], Shares]) -> Shares:
    """What an earlier run measured, else measured now."""
    path = Path(PLACE / f"{name}.json")
    if not path.is_file():
        path.write_text(json.dumps(measure()), encoding="utf-8")
    found: Shares = json.loads(path.read_text(encoding="utf-8"))
    return found


def _watch(name: str) -> Callable[[int, int, float], None]:
    def said(step: int, of: int, loss: float) -> None:
        sys.stderr.write(f"{name}: step {step} of {of}, loss {loss:.3f}, {process_time():.0f} CPU s\n")

    return said


if __name__ == "__main__":
    show(shrink_figures())
