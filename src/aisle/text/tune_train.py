"""Fine-tunes a sentence encoder on a shop's titles and what answered its queries, as a process of its own: `python -m` with a job's folder.

The job comes in as files, progress goes out as JSON lines, the result is a folder; so torch's memory ends with the process, and whoever
waits can end it when the time is over.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file

from aisle.core.arrays import grouped
from aisle.settings import Finetuning
from aisle.text.aim_train import Aim, check_sizes
from aisle.text.between_train import Weights, move_back, weights_of
from aisle.text.contrast_train import Known, Pairs, Pieces, loss
from aisle.text.cross_learn_train import Course
from aisle.text.device_train import agreed, main, placed, steps_for
from aisle.text.encoder import OnnxEncoder
from aisle.text.export_train import export
from aisle.text.found import FIRST, ndcg, shares, shares_of, wanted_among
from aisle.text.heads_train import Heads
from aisle.text.late_train import Late
from aisle.text.lesson import Lesson
from aisle.text.loop_train import History, Loop, Recipe
from aisle.text.lora_train import RATES, keep, learning, told
from aisle.text.model_train import Opened, Tokens, open_model
from aisle.text.narrow import shortened
from aisle.text.range_train import range_test
from aisle.text.teacher_train import Teacher
from aisle.text.token_head import FILE, TokenHead, likeness, together
from aisle.tracking.run import Json, Run, part, tracked
from aisle.tracking.spoken import Spoken, say

PIECES_TIME = 0.35
"""Of the time for learning so much goes to made-up queries, the rest to known answers."""
TEACHER_TIME = 0.4
"""Of the time for known answers so much goes to the cross-encoder whose margins are learned, where one is asked for."""
AFTER = 45.0
"""Seconds kept for the export and the last measurement."""
EPOCHS = {"pieces": 1, "teacher": 1, "pairs": 2}
"""Passes at most: on real judgements a third gained nothing."""
LEAST = {"pieces": 0, "pairs": 48}
"""Steps that few answers may teach all the same, in as many passes as it takes; the best of them are kept."""
RANGE_TIME = 0.06
"""Of the time for fine-tuning, which is half of a training at most, so much may go into the range test."""
RANGED = 128
"""Pairs of a step of the range test: half of a batch, so that it ends in its time on two cores."""
Lists = dict[str, list[float]]
Firsts = dict[str, NDArray[np.int64]]


@dataclass(frozen=True)
class Task:
    """What a job's folder says. ``texts`` of all items; ``pool`` ``(p,)`` rows among which is measured; ``asked``: by window the queries
    that measure, none of which teaches; ``steps``: how many a plan wants, else empty; ``rate`` None: `RATES`, or what the range test
    proposes where it is ``ranged``; ``examples``: how many changed answers are told; ``how``: which part of the model learns, from what;
    ``sizes`` as `Aim` has them, ``size``: how many numbers of a vector will be served, 0: all; ``weighed``: how answers are, in words;
    ``lessons``: what else the vectors learn; ``not_taught``: why some do not, in words; ``tokens``: texts are compared token by token,
    too."""

    model: Path
    seconds: float
    seed: int
    texts: Sequence[str]
    pairs: Pairs
    pool: NDArray[np.int64]
    asked: Mapping[str, NDArray[np.int64]]
    steps: Mapping[str, int]
    rate: float | None = None
    ranged: bool = False
    examples: int = 0
    how: Finetuning = field(default_factory=Finetuning)
    sizes: Sequence[int] = ()
    size: int = 0
    weighed: str = ""
    lessons: Sequence[Lesson] = ()
    not_taught: Sequence[str] = ()
    tokens: bool = False

    @classmethod
    def read(cls, folder: Path) -> Task:
        """What `aisle.training.finetune` wrote."""
        said = json.loads((folder / "job.json").read_text(encoding="utf-8"))
        held = load_file(folder / "pairs.safetensors")
        weight = held.pop("weight", None)
        held = {name: array.astype(np.int64) for name, array in held.items()}
        count = len(said["queries"])
        answers = [frozenset(rows.tolist()) for rows in grouped(held["answers_query"], held["answers_item"], count)]
        hard = grouped(held["hard_query"], held["hard_item"], count)
        pairs = Pairs(said["queries"], held["query"], held["item"], answers, hard, weight)
        asked = {name.removeprefix("asked_"): rows for name, rows in held.items() if name.startswith("asked_")}
        how = said["rate"], bool(said["ranged"]), int(said["examples"]), Finetuning.model_validate(said["how"])
        model, seconds, seed = Path(said["model"]), float(said["seconds"]), int(said["seed"])
        last = said["sizes"], int(said["size"]), str(said["weighed"])
        lessons = [Lesson.read(name, weight, held) for name, weight in said["lessons"].items()]
        more = lessons, said["not_taught"], bool(said["tokens"])
        return cls(model, seconds, seed, said["texts"], pairs, held["pool"], asked, said["steps"], *how, *last, *more)


class Judge:
    """recall@10 of the asked queries among the pool."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.wanted = wanted_among(task.pool, task.pairs.answers)
        self.texts = [task.texts[row] for row in task.pool.tolist()]
        self.first: Firsts = {}

    def of(self, model: Opened, windows: Sequence[str]) -> Lists:
        """Each window's queries, one share a query."""
        asked, items = self._read(model, windows)
        self.first = {name: (vectors @ items.T).argmax(1) for name, vectors in asked.items()}
        return {name: self._shares(name, vectors, items) for name, vectors in asked.items()}

    def held(self, model: Opened) -> float:
        """nDCG@10 of the queries of window 1 that were kept out: they decide while it learns, when recall is soon 1 for nearly all where
        there are few items."""
        asked, items = self._read(model, ["held"])
        gain = np.zeros((len(asked["held"]), len(items)), np.float32)
        for row, wanted in zip(gain, self._wanted("held"), strict=True):
            row[list(wanted)] = 1
        return ndcg(asked["held"] @ items.T, gain, FIRST)

    def _read(self, model: Opened, windows: Sequence[str]) -> tuple[dict[str, NDArray[np.float32]], NDArray[np.float32]]:
        """The vectors of each window's queries, and of the items."""
        model.net.eval()
        with torch.no_grad():
            items = self._cut(model.vectors(model.tokens(self.texts)).cpu().numpy())
            return {name: self._cut(model.vectors(model.tokens(self._texts(name), "query")).cpu().numpy()) for name in windows}, items

    def changed(self, window: str, before: Firsts, after: Firsts, most: int) -> tuple[dict[str, int], list[dict[str, Json]]]:
        """Queries whose first answer changed: counts, and at most so many of them, those first whose answer became right or wrong."""
        found = []
        for number, old, new in zip(self.task.asked[window].tolist(), before[window].tolist(), after[window].tolist(), strict=True):
            was, is_ = old in self.wanted[number], new in self.wanted[number]
            if old != new:
                answers = {"before": self.texts[old], "after": self.texts[new]}
                found.append({"query": self.task.pairs.queries[number], **answers, "was_right": was, "is_right": is_})
        right, wrong = (sum(row["is_right"] - row["was_right"] == sign for row in found) for sign in (1, -1))
        counts = {"asked": len(before[window]), "changed": len(found), "became_right": right, "became_wrong": wrong}
        found.sort(key=lambda row: row["was_right"] == row["is_right"])
        return counts, [dict(row) for row in found[:most]]

    def served(self, encoder: OnnxEncoder, windows: Sequence[str]) -> dict[str, Lists]:
        """The same by what will be served, and by each size that learned to serve alone."""
        items, asked = encoder.encode(self.texts, "item"), {name: encoder.encode(self._texts(name), "query") for name in windows}
        sizes = {"int8": self.task.size or encoder.dimension} | {f"int8_{size}": size for size in self.task.sizes if size != self.task.size}
        return {
            label: {name: self._shares(name, shortened(asked[name], size), shortened(items, size)) for name in windows}
            for label, size in sizes.items()
        }

    def by_token(self, encoder: OnnxEncoder, head: TokenHead, windows: Sequence[str]) -> Lists:
        """The same as it will be served, by what the tokens say and the whole."""
        items = encoder.read(self.texts, "item")
        tokens, found = head.tokens(items.states), Lists()
        for name in windows:
            reads = [encoder.read([text], "query") for text in self._texts(name)]
            worth = [together(likeness(head.asked(one.states), tokens, items.starts[:-1]), items.vectors @ one.vectors[0]) for one in reads]
            found[name] = shares_of(worth, self._wanted(name))
        return found

    def _cut(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        return shortened(vectors, self.task.size) if self.task.size else vectors

    def _texts(self, window: str) -> list[str]:
        return [self.task.pairs.queries[number] for number in self.task.asked[window].tolist()]

    def _shares(self, window: str, asked: NDArray[np.float32], items: NDArray[np.float32]) -> list[float]:
        return shares(asked, items, self._wanted(window))

    def _wanted(self, window: str) -> list[set[int]]:
        return [self.wanted[number] for number in self.task.asked[window].tolist()]


def tune(folder: Path) -> None:
    """Do the job in ``folder``; what comes out lies there: ``measured.json`` and, where something was gained, ``encoder``."""
    begun = perf_counter()
    task = Task.read(folder)
    judge, model = Judge(task), open_model(task.model)
    check_sizes(task.sizes, int(model.net.model.config.hidden_size))
    measured = {"untouched": judge.of(model, list(task.asked))} if main() else {}
    untouched, before = judge.first, weights_of(model.net)
    model = learning(model, task.how, task.seed)
    late = Late.of(model, list(task.texts)) if task.tokens else None
    said = _learned(task, folder, judge, (model, late), before, begun + task.seconds - AFTER)
    if not main():
        return
    _tell_changes(judge, untouched)
    measured |= said["measured"]
    said["best"] = max(measured, key=lambda name: float(np.mean(measured[name]["held"])))
    if said["best"] == "pairs":
        keep(model, folder / "adapter")
        model.save(folder / "model")
        export(folder / "model", folder / "encoder", "minilm_tuned")
        served = OnnxEncoder(folder / "encoder", threads=torch.get_num_threads())
        measured |= judge.served(served, list(task.asked))
        if late is not None:
            late.head().save(folder / "encoder" / FILE)
            measured["tokens"] = judge.by_token(served, late.head(), list(task.asked))
    said |= {"measured": measured, "learned": told(task.how), "weighed": task.weighed, "not_taught": task.not_taught}
    (folder / "measured.json").write_text(json.dumps(said), encoding="utf-8")


def _learned(task: Task, folder: Path, judge: Judge, learners: tuple[Opened, Late | None], before: Weights, end: float) -> dict[str, Any]:
    """Both steps of the way, until ``end``: what each took and reached, what else is told of them. ``before``: the untouched weights."""
    model, late = learners
    tokens = model.tokens(task.texts)
    rate, why = _kept(folder / "checkpoint-rate", lambda: _rate(task, model, tokens))
    taken: dict[str, float] = {"rate": rate} if task.rate is None and rate != RATES[task.how.method] else {}
    said: dict[str, Any] = {"taken": taken, "losses": {}, "measured": {}, "rate": why, "lessons": [], "back": 0.0}
    heads = placed(Heads(task.lessons, int(model.net.model.config.hidden_size))) if task.lessons else None
    aim = Aim(task.sizes, heads=heads, late=late)
    for name in ("pieces", "pairs"):
        if name == "pairs" and task.how.margin:
            aim, taken["teacher"] = _taught(task, aim, folder, end)
        stop = perf_counter() + (PIECES_TIME if name == "pieces" else 1.0) * (end - perf_counter())
        with part(name):
            history = _learn(task, model, tokens, judge, folder, stop, (name, rate, aim))
        taken[name], said["losses"][name] = history.steps, history.losses
        if main():
            if name == "pairs" and aim.heads is not None:
                said["lessons"] = aim.heads.told(model, tokens, model.tokens(task.pairs.queries, "query"))
            if name == "pairs" and task.how.method == "full":
                said["back"] = move_back(model.net, before, lambda: judge.held(model))
            said["measured"][name] = judge.of(model, list(task.asked))
    return said


def _tell_changes(judge: Judge, untouched: Firsts) -> None:
    """Which first answers learning changed, by queries that taught nothing."""
    shown = "development" if "development" in untouched else "held"
    counts, examples = judge.changed(shown, untouched, judge.first, judge.task.examples)
    say(fact="changed_answers", value=counts)
    if examples:
        say(fact="changed_examples", value=examples, private=True)


def _kept(place: Path, decide: Callable[[], tuple[float, str]]) -> tuple[float, str]:
    """What was decided before an interruption, else decide now: the steps that follow would not go on at another rate."""
    path = place / "rate.json"
    if agreed(path.is_file):
        rate, why = json.loads(path.read_text(encoding="utf-8"))
        return float(rate), str(why)
    found = decide()
    if main():
        place.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found), encoding="utf-8")
    return found


def _rate(task: Task, model: Opened, tokens: Sequence[Tokens]) -> tuple[float, str]:
    """The learning rate, and where it comes from when it is not the program's own."""
    if task.rate is not None:
        return task.rate, f"rate {task.rate:.2g} as told"
    usual = RATES[task.how.method]
    if not task.ranged:
        return usual, ""
    source = Known(model, task.pairs, tokens, task.seed, RANGED)
    found = range_test(Loop(model.net, _recipe(task, 1, usual), source, lambda batch: loss(model, batch)), RANGE_TIME * task.seconds)
    say(fact="range_test", value={"proposal": found.proposal, "why": found.why})
    return found.proposal or usual, found.why


def _recipe(task: Task, steps: int, rate: float) -> Recipe:
    """How to learn, as the settings say."""
    how = task.how
    return Recipe(steps, rate, how.weight_decay, decay=how.decay, layer_decay=how.layer_decay, optimizer=how.optimizer, seed=task.seed)


def _taught(task: Task, aim: Aim, folder: Path, end: float) -> tuple[Aim, int]:
    """``aim`` with the margins of a cross-encoder that learns first, and its steps; without them where it finds nothing to learn from."""
    teacher = Teacher.of(task.model, task.pairs, task.texts)
    stop, planned = perf_counter() + TEACHER_TIME * (end - perf_counter()), task.steps.get("teacher", 0)
    course = Course(
        EPOCHS["teacher"],
        task.seed,
        steps=planned,
        left=(lambda: float("inf")) if planned else (lambda: stop - perf_counter()),
        watch=lambda step, of, value: say(part="teacher", of=of),
        checkpoint=folder / "checkpoint-teacher",
    )
    with part("teacher"):
        steps = teacher.learn(course).steps
    return (replace(aim, margin=task.how.margin, teacher=teacher) if steps else aim), steps


def _learn(
    task: Task, model: Opened, tokens: Sequence[Tokens], judge: Judge, folder: Path, stop: float, what: tuple[str, float, Aim]
) -> History:
    """One step of the way at a rate: made-up queries, which take their last weights, or known answers, which keep their best."""
    name, rate, aim = what
    source = Pieces(model, task.texts, tokens, task.seed) if name == "pieces" else Known(model, task.pairs, tokens, task.seed)
    planned = task.steps.get(name)
    loop = Loop(
        aim.beside(model.net),
        _recipe(task, planned or steps_for(max(LEAST[name], EPOCHS[name] * source.steps())), rate),
        source,
        lambda batch: aim.loss(model, batch),
        None if name == "pieces" else lambda: judge.held(model),
        left=(lambda: float("inf")) if planned else (lambda: stop - perf_counter()),
        watch=lambda step, of, value: say(part=name, of=of),
        describe=lambda batch: f"{len(batch.queries)} queries, {len(batch.items)} items",
        checkpoint=folder / f"checkpoint-{name}",
        texts=lambda batch: len(batch.queries) + len(batch.items),
    )
    return loop.run()


if __name__ == "__main__":
    with tracked(Run([Spoken()])):
        tune(Path(sys.argv[1]))
